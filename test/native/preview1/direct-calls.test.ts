/** The addon's direct calls alone: what they are given, and what becomes of it when their thread ends. */
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';
import { DIRECT, type DirectGuest } from '../../../src/native/direct-calls.ts';
import type { NativeFs } from '../../../src/native/fs.ts';
import { openBelow } from '../../support/open-files.mjs';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

function nativeFs(): Required<NativeFs> {
  return loadAddon().fs as Required<NativeFs>;
}

const NAMES = [
  ...['fd_read', 'fd_write', 'fd_seek', 'fd_filestat_get', 'path_filestat_get', 'clock_time_get', 'random_get'],
  ...['path_open', 'fd_close', 'path_unlink_file', 'path_rename'],
];
const functions = Object.fromEntries(NAMES.map((name) => [name, () => 52]));

function guest(changes: object = {}): DirectGuest {
  const { kinds, positions } = nativeFs();
  const table = {
    table: new Int32Array(8).fill(-1),
    streams: new Uint8Array(8),
    opened: new Int32Array(8),
    free: new Uint8Array(8),
    counts: new Int32Array(2),
  };
  return {
    ...table,
    kinds,
    positions,
    moved: new Float64Array(2),
    monotonicStart: new BigInt64Array(1),
    functions,
    ...changes,
  };
}

describe('directCalls', () => {
  it('answers functions by the names of preview1', () => {
    expect(Object.keys(nativeFs().directCalls(guest())).sort()).toEqual([...NAMES, 'attach'].sort());
  });

  it.each([
    ['nothing', undefined],
    ['no object', 1],
    ['a table of another type', guest({ table: new Float32Array(8) })],
    ['no table', guest({ table: undefined })],
    ['streams for fewer', guest({ streams: new Uint8Array(7) })],
    ['no streams', guest({ streams: undefined })],
    ['opened for fewer', guest({ opened: new Int32Array(7) })],
    ['free for fewer', guest({ free: new Uint8Array(7) })],
    ['one count', guest({ counts: new Int32Array(1) })],
    ['no bytes moved', guest({ moved: undefined })],
    ['bytes moved in one direction', guest({ moved: new Float64Array(1) })],
    ['bytes moved in another type', guest({ moved: new BigUint64Array(2) })],
    ['positions for fewer', guest({ positions: new Float64Array(7) })],
    ['a number for the start of the clock', guest({ monotonicStart: 0n })],
    ['no start of the clock', guest({ monotonicStart: new BigInt64Array(0) })],
    ['a function less', guest({ functions: { ...functions, fd_seek: undefined } })],
    ['no functions', guest({ functions: null })],
  ])('refuses %s', (_, given) => {
    expect(nativeFs().directCalls(given as never)).toBe(-constants.errno.EINVAL);
  });

  it('asks JavaScript for arguments that wasm would not give, and while there is no memory', () => {
    const calls = nativeFs().directCalls(guest()) as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of NAMES) {
      expect(calls[name]?.()).toBe(52);
      expect(calls[name]?.('a', {}, null, Symbol.iterator, 1n, 0, 0, 0, 0, 0, 0)).toBe(52);
      expect(calls[name]?.(0, 0, 0, 0)).toBe(52);
    }
  });
});

it('counts what it reads and writes, and nothing that JavaScript is asked for', () => {
  const fs = nativeFs();
  const directory = fs.openDirectory(newDirectory());
  const { constants: flags } = fs;
  const file = fs.open(directory, 'file', flags.O_RDWR | flags.O_CREAT, 0o666);
  const moved = new Float64Array(2);
  const calls = fs.directCalls(guest({ moved, table: Int32Array.of(-1, file) })) as Record<
    string,
    (...args: unknown[]) => number
  > & { attach: (memory: Uint8Array) => undefined };
  const memory = new Uint8Array(64);
  // A vector at 0: 40 bytes at 16.
  memory.set([16, 0, 0, 0, 40]);
  calls.attach(memory);
  fs.kinds[file] = DIRECT.file;
  try {
    fs.positions[file] = 0;
    expect([calls.fd_write?.(1, 0, 1, 8), calls.fd_write?.(1, 0, 1, 8)]).toEqual([0, 0]);
    expect([...moved]).toEqual([0, 80]);
    fs.positions[file] = 50;
    expect([calls.fd_read?.(1, 0, 1, 8), calls.fd_read?.(1, 0, 1, 8)]).toEqual([0, 0]);
    // 30 were left, and then none.
    expect([...moved]).toEqual([30, 80]);
    expect([calls.fd_read?.(0, 0, 1, 8), calls.fd_write?.(0, 0, 1, 8)]).toEqual([52, 52]);
    expect([...moved]).toEqual([30, 80]);
  } finally {
    fs.kinds[file] = 0;
    fs.close(file);
    fs.close(directory);
  }
});

/** Opens files by direct calls until there is no number left, tells what the calls answered, and never ends. */
const OPENING = `const { parentPort, workerData } = require('node:worker_threads');
  const { fs } = require(workerData.addon);
  const directory = fs.openDirectory(workerData.directory);
  const table = new Int32Array(8).fill(-1);
  table[0] = directory;
  fs.kinds[directory] = 4;
  const functions = Object.fromEntries(workerData.names.map((name) => [name, () => 52]));
  const calls = fs.directCalls({
    table, streams: new Uint8Array(8), opened: new Int32Array(8), free: new Uint8Array(8), counts: Int32Array.of(99, 1),
    kinds: fs.kinds, positions: fs.positions, moved: new Float64Array(2), monotonicStart: new BigInt64Array(1), functions,
  });
  const memory = new Uint8Array(64);
  memory.set(Buffer.from('file'));
  calls.attach(memory);
  const answers = Array.from({ length: 8 }, () => calls.path_open(0, 0, 0, 4, 1, 2n, 0n, 0, 16));
  answers.push(calls.fd_close(7), calls.path_open(0, 0, 0, 4, 5, 2n, 0n, 0, 16));
  parentPort.postMessage(answers);
  for (;;) fs.wait(new Int32Array(0), 20);`;

it('what direct calls opened is closed with their thread, and known on no other', async () => {
  const directory = newDirectory();
  const workerData = { addon: addonPlaces()[0], directory, names: NAMES };
  const worker = new Worker(OPENING, { eval: true, workerData });
  const [answers] = await once(worker, 'message');
  // Seven numbers are left; then one is closed, and a file made that is there is for JavaScript to tell of.
  expect(answers).toEqual([0, 0, 0, 0, 0, 0, 0, 52, 0, 52]);
  expect(openBelow(directory).sort()).toEqual([directory, ...Array(6).fill(join(directory, 'file'))].sort());
  expect(nativeFs().kinds.every((kind) => kind === 0)).toBe(true);
  await worker.terminate();
  expect(openBelow(directory)).toEqual([]);
  expect(nativeFs().kinds.every((kind) => kind === 0)).toBe(true);
});

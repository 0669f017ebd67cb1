/** How deep a guest may recurse, and that it ends with a trap where it goes deeper, wherever that happens. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostError } from '../../src/errors.ts';
import { Host } from '../../src/host/host.ts';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeStack } from '../../src/native/stack.ts';
import { cliProcess } from '../support/cli.ts';
import { openBelow } from '../support/open-files.mjs';
import { RECURSION_SHAPES } from '../support/recursion.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { runTextGuest } from '../support/text-guest.ts';
import { findWasmtime } from '../support/wasmtime.ts';

const newDirectory = temporaryDirectories();
const shapes = Object.entries(RECURSION_SHAPES);
const bytesOf = (text: string) => new TextEncoder().encode(text);

function nativeStack(): NativeStack {
  const { stack } = loadAddon();
  if (stack === undefined) throw new Error('the addon has no stack room');
  return stack;
}

/** The limit that holds now. */
function limit(): number {
  const before = nativeStack().enter(1, true);
  nativeStack().leave(before);
  return before;
}

describe('a guest', () => {
  const invoke = (depth: number) => ({ invoke: { name: 'run', args: [String(depth)] } });

  it.each(shapes)('goes as deep as under wasmtime: %s', async (_, { text, wasmtimeDepth }) => {
    const { outcome } = await runTextGuest(text, invoke(wasmtimeDepth));
    expect(outcome).toEqual({ kind: 'returned', results: [] });
  });

  it.each(shapes)('goes as deep on a thread of its own: %s', async (_, { text, wasmtimeDepth }) => {
    const host = new Host();
    const run = host.run(await host.compile(bytesOf(text)), { ...invoke(wasmtimeDepth), timeoutMs: 600_000 });
    await expect(run).resolves.toMatchObject({ exitCode: 0 });
  });

  it('goes as deep through functions of the host', async () => {
    const { outcome } = await runTextGuest(
      `(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (func $f (param i32) (drop (call $yield)) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "run") (param i32) (call $f (local.get 0))))`,
      invoke(32_751),
    );
    expect(outcome).toEqual({ kind: 'returned', results: [] });
  });

  it('goes as deep in its tenth run, and traps in each that is too deep', async () => {
    const { text, wasmtimeDepth } = RECURSION_SHAPES['one parameter'] as (typeof shapes)[number][1];
    for (let run = 0; run < 10; run++) {
      expect((await runTextGuest(text, invoke(wasmtimeDepth))).outcome.kind).toBe('returned');
      expect((await runTextGuest(text, invoke(-1))).outcome).toMatchObject({
        kind: 'failed',
        failure: { code: 'ERR_GUEST_TRAP', message: 'wasm trap: call stack exhausted' },
      });
    }
  });

  it.each([-1, 10])('leaves the limit of its thread as it was (%i deep)', async (depth) => {
    const before = limit();
    expect(before).toBeGreaterThan(0);
    await runTextGuest(RECURSION_SHAPES['one parameter']?.text ?? '', invoke(depth));
    expect(limit()).toBe(before);
  });

  it('has less where less is asked for', async () => {
    const { text } = RECURSION_SHAPES['four v128 locals'] as (typeof shapes)[number][1];
    const plan = { ...invoke(10_000), maxWasmStackBytes: 32 * 1024 };
    expect((await runTextGuest(text, plan)).outcome.kind).toBe('failed');
    expect((await runTextGuest(text, { ...plan, ...invoke(500) })).outcome.kind).toBe('returned');
  });
});

const wasmtime = findWasmtime();

describe.skipIf(skipUnless(wasmtime))('beside wasmtime', () => {
  it.each(shapes)('ends as it does, at its depth and without end: %s', (name, { text, wasmtimeDepth }) => {
    const module = join(newDirectory(), 'guest.wat');
    writeFileSync(module, text);
    // What a call and the entry take is a few frames of the depth that is told.
    for (const [depth, exitCode] of [
      [wasmtimeDepth - 10, 0],
      [-1, 134],
    ] as const) {
      const argv = ['run', '--invoke', 'run', module, String(depth)];
      const theirs = spawnSync(wasmtime.path, argv, { env: wasmtime.env });
      expect([name, depth, theirs.status]).toEqual([name, depth, exitCode]);
      expect(cliProcess(argv).exitCode).toBe(exitCode);
    }
  });
});

/** Opens a file, dives, and asks there for the file's position, which is JavaScript's to answer. */
const TELLING = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "file")
  (func $dive (param i32)
    (if (local.get 0)
      (then (call $dive (i32.sub (local.get 0) (i32.const 1))))
      (else (drop (call $tell (i32.load (i32.const 8)) (i32.const 32))))))
  (func (export "run") (param i32)
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
      (i32.const 0) (i32.const 8)) (then unreachable))
    (call $dive (local.get 0))))`;

const DRIVER = fileURLToPath(new URL('overflow-driver.mjs', import.meta.url));

interface Driven {
  runs: number;
  faults: string[];
}

/** Runs guests that exhaust the stack, in a process of their own. @param ulimit of the stack, in KiB */
function drive(options: object, ulimit?: number): Driven {
  const command = ulimit === undefined ? 'exec "$@"' : `ulimit -s ${ulimit} && exec "$@"`;
  const argv = ['-c', command, 'sh', process.execPath, DRIVER, JSON.stringify(options)];
  const { status, signal, stdout, stderr } = spawnSync('sh', argv, { maxBuffer: 1 << 26 });
  expect([status, signal, stderr.toString()]).toEqual([0, null, '']);
  return JSON.parse(stdout.toString()) as Driven;
}

describe('a stack that runs out', () => {
  let all: Driven;

  beforeAll(() => {
    // A small stack is sooner used up.
    all = drive({ guests: 'all', rounds: 1 }, 1024);
  });

  it('is a trap in every guest, leaving nothing open', () => {
    expect(all.faults).toEqual([]);
    expect(all.runs).toBeGreaterThan(60);
  });

  it.each([
    ['on the main thread', { rounds: 2 }, undefined],
    ['with sinks of the embedder', { rounds: 1, sinks: true }, undefined],
    ['with hardly a stack', { rounds: 2 }, 256],
    ['on a thread of the embedder', { rounds: 2, stackSizeMb: 1 }, undefined],
    ['on a thread of the embedder with hardly a stack', { rounds: 2, stackSizeMb: 0.5 }, undefined],
    ['under a time limit', { rounds: 1, timeoutMs: 600_000 }, undefined],
  ])('is a trap again and again %s', (_, options, ulimit) => {
    const { runs, faults } = drive({ guests: 'few', ...options }, ulimit);
    expect(faults).toEqual([]);
    expect(runs).toBeGreaterThan(5);
  });

  it('leaves nothing open that a direct call had opened, at whatever depth JavaScript is to know of it', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), '');
    const host = new Host();
    const module = await host.compile(bytesOf(TELLING));
    const options = { preopens: [{ hostPath: directory }], stdout: 'null', stderr: 'null' } as const;
    const tell = (depth: number) =>
      host.run(module, { ...options, invoke: { name: 'run', args: [String(depth)] } }).then(
        () => 'returned',
        (error: HostError) => error.message,
      );
    // The least depth that is known to be too deep.
    let [deep, tooDeep] = [0, 1 << 20];
    while (tooDeep - deep > 1) {
      const middle = (deep + tooDeep) >> 1;
      if ((await tell(middle)) === 'returned') deep = middle;
      else tooDeep = middle;
    }
    const endings = new Set(['returned', 'wasm trap: call stack exhausted']);
    const leaking: number[] = [];
    for (let depth = tooDeep - 150; depth < tooDeep + 150; depth++) {
      endings.add(await tell(depth));
      if (openBelow(directory).length > 0) leaking.push(depth);
    }
    expect(leaking).toEqual([]);
    expect([...endings]).toHaveLength(2);
  });

  it.each([0.3, 0.4, 1])('is a trap around calls that do without JavaScript, on a thread of %d MB', (stackSizeMb) => {
    expect(drive({ guests: 'direct', rounds: 2, stackSizeMb })).toEqual({ runs: 2, faults: [] });
  });

  it.each([256, 1024])('is no nearer for the command line with a stack of %i KiB', (ulimit) => {
    const module = join(newDirectory(), 'guest.wat');
    const { text, wasmtimeDepth } = RECURSION_SHAPES['four i64 locals'] as (typeof shapes)[number][1];
    writeFileSync(module, text);
    const run = fileURLToPath(new URL('../../run.js', import.meta.url));
    const argv = [
      '-c',
      `ulimit -s ${ulimit} && exec "$@"`,
      'sh',
      process.execPath,
      run,
      'run',
      '--invoke',
      'run',
      module,
    ];
    expect(spawnSync('sh', [...argv, String(wasmtimeDepth)]).status).toBe(0);
    expect(spawnSync('sh', [...argv, '-1']).status).toBe(134);
  });
});

/**
 * Every function of preview1 crossed with every kind of path, of descriptor and of number that matters to it, as wasmtime
 * answers. `expected/crossings/` holds what it answered; where a wasmtime is at hand, it is asked again. To record anew:
 * `RECORD=1 npx vitest run --config test/vitest.config.ts test/conformance -t records`.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import type { Preopen } from '../../src/wasi/index.ts';
import { firstNode, skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { answersOf, crossingFamilies, crossingFile, crossings, recordedCrossings } from './crossings.ts';
import { memoryTreeOf } from './memory-tree.ts';
import { type Case, inUnstable, PROBE, recordText, UNSTABLE_PROBE, withoutTimes } from './script.ts';
import { ConformanceTable } from './table.ts';
import { makeSmallTrees } from './tree.ts';
import { runInWasmtime, wasmtime, wasmtimeVersion } from './wasmtime.ts';

// Thousands of small files: in memory where the system has a file system there.
const BASE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const table = new ConformanceTable();
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(BASE, 'wasi-nn-host-crossings-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Makes a case's trees for one use, deep enough that a link to `../..` stays in our own scratch directory. */
function withTrees<T>(one: Case, use: (root: string) => T): T {
  const top = mkdtempSync(join(scratch, 'trees-'));
  const root = join(top, 'a', 'b');
  try {
    makeSmallTrees(root, one.calls);
    return use(root);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

interface How {
  wasm?: string;
  fs?: NativeFs;
  inMemory?: boolean;
}

function outputOf(one: Case, { wasm = PROBE, fs, inMemory = false }: How = {}): string {
  return withTrees(one, (root) => {
    const preopen: Preopen = inMemory
      ? { kind: 'shim', guestPath: '/', fd: memoryTreeOf(root) }
      : { kind: 'host', hostPath: root, guestPath: '/' };
    const result = runGuest({ wasm, args: ['guest.wasm', ...one.calls], preopens: [preopen], ...(fs && { fs }) });
    expect(result.reports).toEqual([]);
    expect([result.exitCode, result.trap]).toEqual([0, undefined]);
    return result.stdout.trimEnd();
  });
}

function peerOutputOf(one: Case, wasm = PROBE): string {
  const result = withTrees(one, (root) => runInWasmtime(wasm, root, one.calls));
  expect(result.exitCode, result.stderr).toBe(0);
  return result.stdout.trimEnd();
}

const isSecondNode = skipUnless(firstNode);
const isRecording = Boolean(process.env.RECORD);
if (isRecording) {
  it.each(crossingFamilies)('records %s', (family) => {
    const cases = crossings.filter((one) => one.family === family);
    const outputs = cases.map((one) => [one.name, answersOf(peerOutputOf(one))] as const);
    writeFileSync(crossingFile(family), recordText(wasmtimeVersion(), outputs));
  });
}

describe.each(isRecording ? [] : crossingFamilies)('%s', (family) => {
  const cases = crossings.filter((one) => one.family === family);
  const { outputs } = recordedCrossings(family);
  const expected = (one: Case) => outputs.get(one.name) ?? '';

  it.each(cases)('$name: over openat2', (one) => {
    const output = outputOf(one);
    table.add(expected(one), output, 'recorded');
    expect(output).toBe(expected(one));
  });

  it.skipIf(isSecondNode).each(cases)('$name: component by component', (one) => {
    const { fs } = loadAddon();
    fs?.setResolver(true);
    try {
      expect(outputOf(one)).toBe(expected(one));
    } finally {
      fs?.setResolver(false);
    }
  });

  it.skipIf(isSecondNode).each(cases)('$name: in memory', (one) => {
    expect(outputOf(one, { inMemory: true })).toBe(expected(one));
  });

  it.each(cases)('$name: without the addon', (one) => {
    expect(withoutTimes(outputOf(one, { fs: createNodeFs() }))).toBe(withoutTimes(expected(one)));
  });

  it.skipIf(isSecondNode).each(cases.filter((one) => one.inUnstable))('$name: through wasi_unstable', (one) => {
    expect(outputOf(one, { wasm: UNSTABLE_PROBE })).toBe(inUnstable(expected(one)));
  });

  it.skipIf(isSecondNode || skipUnless(wasmtime)).each(cases)('$name: as the wasmtime here', (one) => {
    const peer = peerOutputOf(one);
    table.add(peer, expected(one), 'peer');
    expect(peer).toBe(expected(one));
  });
});

it('are told in a table', ({ task }) => {
  task.meta.conformance = table.rows();
  expect(table.rows().length).toBeGreaterThan(0);
});

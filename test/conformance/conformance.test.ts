/**
 * Every function of preview1 as wasmtime answers it: scripts of calls, run by one small guest (`probe/`).
 *
 * `expected/` holds what wasmtime printed, with its version. Where a wasmtime is at hand, it is asked again. To record anew:
 * `RECORD=1 npx vitest run --config test/vitest.config.ts test/conformance -t records`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import type { Preopen } from '../../src/wasi/index.ts';
import { skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { runSuspended, suspension } from '../support/suspending-guest.ts';
import {
  type Case,
  casesOf,
  expectedFile,
  families,
  inUnstable,
  normalized,
  PROBE,
  recordedOf,
  recordText,
  UNSTABLE_PROBE,
  withOurs,
  withoutTimes,
} from './script.ts';
import { ConformanceTable, FUNCTIONS } from './table.ts';
import { makeTree } from './tree.ts';
import { runInWasmtime, wasmtime, wasmtimeVersion } from './wasmtime.ts';

const cannotSuspend = skipUnless(suspension);
const table = new ConformanceTable();
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'wasi-nn-host-conformance-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A new tree, deep enough that a link to `../..` stays in our own scratch directory. */
function freshTree(): string {
  const root = join(mkdtempSync(join(scratch, 'tree-')), 'a', 'b');
  makeTree(root);
  return root;
}

function outputOf(one: Case, preopen: Preopen, { wasm = PROBE, fs }: { wasm?: string; fs?: NativeFs } = {}): string {
  const result = runGuest({ wasm, args: ['guest.wasm', ...one.calls], preopens: [preopen], ...(fs && { fs }) });
  expect(result.reports).toEqual([]);
  expect(result.trap).toBeUndefined();
  return normalized(result.stdout);
}

async function suspendedOutputOf(one: Case, preopen: Preopen, wasm = PROBE): Promise<string> {
  const plan = { args: ['guest.wasm', ...one.calls], preopens: [preopen] };
  const { outcome, stdout } = await runSuspended(readFileSync(wasm), { plan });
  expect(outcome.kind).not.toBe('failed');
  return normalized(Buffer.from(stdout, 'latin1').toString());
}

function peerOutputOf(one: Case, wasm = PROBE): string {
  const result = runInWasmtime(wasm, freshTree(), one.calls);
  expect(result.stderr).toBe('');
  return normalized(result.stdout);
}

function hostPreopen(): Preopen {
  return { kind: 'host', hostPath: freshTree(), guestPath: '/' };
}

if (process.env.RECORD) {
  it.each(families)('records %s', (family) => {
    const outputs = casesOf(family).map((one) => [one.name, peerOutputOf(one)] as const);
    writeFileSync(expectedFile(family), recordText(wasmtimeVersion(), outputs));
  });
}

describe.each(families)('%s', (family) => {
  const cases = casesOf(family);
  const unstableCases = cases.filter((one) => one.inUnstable);
  const recorded = recordedOf(family);

  function expected(one: Case): string {
    const output = recorded.outputs.get(one.name);
    expect(output, `${one.name} is not recorded`).toBeDefined();
    return withOurs(one, output ?? '');
  }

  it.each(cases)('$name: over openat2', (one) => {
    const output = outputOf(one, hostPreopen());
    table.add(recorded.outputs.get(one.name) ?? '', output, 'recorded');
    expect(output).toBe(expected(one));
  });

  it.each(cases)('$name: component by component', (one) => {
    const { fs } = loadAddon();
    fs?.setResolver(true);
    try {
      expect(outputOf(one, hostPreopen())).toBe(expected(one));
    } finally {
      fs?.setResolver(false);
    }
  });

  it.each(cases)('$name: without the addon', (one) => {
    const output = outputOf(one, hostPreopen(), { fs: createNodeFs() });
    expect(withoutTimes(output)).toBe(withoutTimes(expected(one)));
  });

  it.each(unstableCases)('$name: through wasi_unstable', (one) => {
    expect(outputOf(one, hostPreopen(), { wasm: UNSTABLE_PROBE })).toBe(inUnstable(expected(one)));
  });

  it.skipIf(cannotSuspend).each(cases)('$name: where the guest can be suspended', async (one) => {
    expect(await suspendedOutputOf(one, hostPreopen())).toBe(expected(one));
    if (one.inUnstable) {
      expect(await suspendedOutputOf(one, hostPreopen(), UNSTABLE_PROBE)).toBe(inUnstable(expected(one)));
    }
  });

  it.skipIf(skipUnless(wasmtime)).each(cases)('$name: as the wasmtime here', (one) => {
    const [peer, output] = [peerOutputOf(one), outputOf(one, hostPreopen())];
    table.add(peer, output, 'peer');
    expect(output).toBe(withOurs(one, peer));
  });

  // wasmtime reads several subscriptions of `wasi_unstable` as if they were as long as those of the later version.
  const comparable = unstableCases.filter(() => family !== 'poll');
  it.skipIf(skipUnless(wasmtime)).each(comparable)('$name: as the wasmtime here through wasi_unstable', (one) => {
    expect(outputOf(one, hostPreopen(), { wasm: UNSTABLE_PROBE })).toBe(
      withOurs(one, peerOutputOf(one, UNSTABLE_PROBE)),
    );
  });
});

it('call every function there is', ({ task }) => {
  task.meta.conformance = table.rows();
  const called = table.rows().map((row) => row.name);
  expect(called.sort()).toEqual(FUNCTIONS);
});

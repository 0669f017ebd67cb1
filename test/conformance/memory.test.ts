/** The cases of `conformance.test.ts` on the same tree in memory, links and all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host } from '../../src/index.ts';
import { runGuest } from '../support/run-guest.ts';
import { memoryTreeOf } from './memory-tree.ts';
import { type Case, casesOf, families, normalized, PROBE, recordedOf, withOurs } from './script.ts';
import { makeTree } from './tree.ts';

let root: string;
let host: Host;
let probe: GuestModule;
beforeAll(async () => {
  host = new Host();
  probe = await host.compile(PROBE);
  root = join(mkdtempSync(join(tmpdir(), 'wasi-nn-host-memory-')), 'a', 'b');
  makeTree(root);
});
afterAll(() => {
  host.dispose();
  rmSync(join(root, '..', '..'), { recursive: true, force: true });
});

/** In a thread of its own, where each call on the tree is answered by the thread that has it. */
async function remoteOutputOf(one: Case): Promise<string> {
  const preopens = [{ guestPath: '/', fd: memoryTreeOf(root) }];
  const options = { argv0: 'guest.wasm', args: one.calls, preopens, wasiNn: false };
  const { stdout } = await host.run(probe, { ...options, timeoutMs: 60_000 });
  return normalized(String(stdout));
}

function outputOf(one: Case): string {
  const result = runGuest({
    wasm: PROBE,
    args: ['guest.wasm', ...one.calls],
    preopens: [{ kind: 'shim', guestPath: '/', fd: memoryTreeOf(root) }],
  });
  expect(result.reports).toEqual([]);
  expect(result.trap).toBeUndefined();
  return normalized(result.stdout);
}

describe.each(families)('%s', (family) => {
  const recorded = recordedOf(family);

  const expected = (one: Case) => withOurs(one, recorded.outputs.get(one.name) ?? '');

  it.each(casesOf(family))('$name: in memory', (one) => {
    expect(outputOf(one)).toBe(expected(one));
  });

  it.each(casesOf(family))('$name: in memory, from another thread', async (one) => {
    expect(await remoteOutputOf(one)).toBe(expected(one));
  });
});

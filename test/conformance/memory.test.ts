/** The cases of `conformance.test.ts` on the same tree in memory, links and all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGuest } from '../support/run-guest.ts';
import { memoryTreeOf } from './memory-tree.ts';
import { type Case, casesOf, families, normalized, PROBE, recordedOf, withOurs } from './script.ts';
import { makeTree } from './tree.ts';

let root: string;
beforeAll(() => {
  root = join(mkdtempSync(join(tmpdir(), 'wasi-nn-host-memory-')), 'a', 'b');
  makeTree(root);
});
afterAll(() => rmSync(join(root, '..', '..'), { recursive: true, force: true }));

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

  it.each(casesOf(family))('$name', (one) => {
    expect(outputOf(one)).toBe(withOurs(one, recorded.outputs.get(one.name) ?? ''));
  });
});

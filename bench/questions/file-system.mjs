/**
 * How long do calls of preview1 take: files, directories, standard streams, clocks? Each case runs in a process of its own
 * and several times within it: the first pass meets a host that has just started, which is what a program run once sees.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantileOf } from '../statistics.mjs';

const GUEST = fileURLToPath(new URL('../guests/file-system.wasm', import.meta.url));

/** As large as a small model. */
const LARGE_BYTES = 14 * 2 ** 20;
const ENTRIES = 10_000;

/**
 * Case of the guest, how often it does it in one pass, how many passes.
 * @type {readonly (readonly [name: string, count: number, passes: number])[]}
 */
const CASES = [
  ['large-read', 1, 10],
  ['file-reads', 100_000, 3],
  ['file-seeks', 100_000, 3],
  ['file-writes', 100_000, 3],
  ['stdin-reads', 100_000, 3],
  ['stdout-writes', 100_000, 3],
  ['stdout-large-writes', 16_384, 1],
  ['listing', 1, 1],
  ['path-stats', 10_000, 5],
  ['descriptor-stats', 10_000, 5],
  ['opens', 10_000, 5],
  ['nested-opens', 10_000, 5],
  ['creates', 10_000, 3],
  ['renames', 10_000, 3],
  ['clock', 1_000_000, 3],
  ['random', 100_000, 3],
];

/**
 * @param {string} directory Empty; filled with what the guest works on.
 * @returns {import('../measure.mjs').Case[]}
 */
function prepare(directory) {
  for (const folder of ['many', 'scratch', 'a/b/c/d']) mkdirSync(join(directory, folder), { recursive: true });
  const large = join(directory, 'large');
  writeFileSync(large, Buffer.alloc(LARGE_BYTES, 'large'));
  writeFileSync(join(directory, 'a/b/c/d/file'), '');
  for (let index = 0; index < ENTRIES; index++) writeFileSync(join(directory, 'many', String(index)), String(index));
  return CASES.map(([name, count, passes]) => ({
    name,
    label: `${name} x ${count.toLocaleString('en')}`,
    guestArgs: ['--dir', `${directory}::d`, GUEST, name, String(count), String(passes), 'd'],
    ...(name.startsWith('stdin') && { stdin: large }),
    countsStdout: name.startsWith('stdout'),
  }));
}

/** @type {import('../measure.mjs').Question<import('../measure.mjs').Case>} */
export const fileSystem = {
  name: 'file-system',
  text: 'calls of preview1 in a loop, timed by the guest: file-system.wasm',
  values: { first: 'first pass, ms', repeated: 'later passes, ms', wall: 'process, ms' },
  prepare,
  guestArgs: (one) => one.guestArgs,
  read(run) {
    const line = run.stderr.split('\n').find((text) => text.startsWith('pass_ns '));
    const [first, ...later] = (line ?? '')
      .split(' ')
      .slice(1)
      .map((text) => Number(text) / 1e6);
    if (first === undefined) throw new Error(`the guest gave no times:\n${run.stderr.slice(-2000)}`);
    return { first, wall: run.wallNs / 1e6, ...(later.length > 0 && { repeated: quantileOf(later, 0.5) }) };
  },
};

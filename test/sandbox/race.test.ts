/**
 * A guest uses a name while another process swaps what it stands for. Nothing here is bound by time: a case goes on until
 * there were enough swaps (`SANDBOX_SWAPS`; where absent 100,000 over openat2 and 20,000 over the others) and until the guest
 * has both got through and failed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import { runInWasmtime, wasmtime } from '../conformance/wasmtime.ts';
import { firstNode, skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { checkedFirst, systemsDots } from './weak-resolvers.ts';

const ATTACKER = fileURLToPath(new URL('attacker/attacker.wasm', import.meta.url));
const SWAPPER = fileURLToPath(new URL('swapper.mjs', import.meta.url));
const GIVEN_SWAPS = process.env.SANDBOX_SWAPS;
const SWAPS = Number(GIVEN_SWAPS ?? 20_000);
const SWAPS_OVER_OPENAT2 = Number(GIVEN_SWAPS ?? 100_000);
/** Of some twenty uses each; between two batches the swapper is asked how far it is. */
const ROUNDS_OF_BATCH = 200;
/** For a machine that is busy with something else. */
const LIMIT_MS = 600_000;
const SECRET = 'SECRET'.padEnd(12345, '.');
/** What a use may end with, whatever comes between: what the name was before, or after, or nothing at all. */
const FAIR = new Set<string>(['perm', 'noent', 'notdir', 'loop', 'exist', 'inval', 'xdev', 'notempty', 'isdir']);

/** Of each use: how often it went through, how often not, and with which errnos. */
type Use = [went: number, failed: number, errnos: number[]];
interface Uses {
  escapes: number;
  byName: Map<string, Use>;
}
type Run = (given: string) => string;

const newDirectory = temporaryDirectories();

interface Field {
  given: string;
  outside: string;
}

function field(): Field {
  const root = newDirectory();
  const given = join(root, 'given');
  const outside = join(root, 'outside');
  mkdirSync(join(given, 'race', 'sub'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(given, 'race', 'secret'), 'PUBLIC');
  writeFileSync(join(given, 'gift'), 'from the guest');
  for (const path of [join(outside, 'secret'), join(root, 'secret')]) writeFileSync(path, SECRET);
  writeFileSync(join(outside, 'marker'), '');
  return { given, outside };
}

/** What may not change, whatever the guest does. */
function stateOf({ outside }: Field) {
  const secret = join(outside, 'secret');
  const { mtimeMs, ctimeMs, nlink } = statSync(secret);
  const text = readFileSync(secret, 'utf8');
  // The swapper itself carries `race` there; what is in it is the guest's.
  const names = readdirSync(outside).filter((name) => name !== 'carried');
  return { names: names.sort(), text, mtimeMs, ctimeMs, nlink, marker: statSync(join(outside, 'marker')).nlink };
}

function usesOf(stdout: string): Uses {
  const { escapes, ...byName } = JSON.parse(stdout) as Record<string, Use> & { escapes: number };
  return { escapes, byName: new Map(Object.entries(byName)) };
}

function add(sum: Uses, more: Uses): void {
  sum.escapes += more.escapes;
  for (const [name, [went, failed, errnos]] of more.byName) {
    const [wentBefore, failedBefore, errnosBefore] = sum.byName.get(name) ?? [0, 0, []];
    sum.byName.set(name, [wentBefore + went, failedBefore + failed, [...new Set([...errnosBefore, ...errnos])]]);
  }
}

/** Lets the guest use names while they are swapped, batch after batch, until `isEnough`. */
async function usesWhileSwapping(
  { given, outside }: Field,
  kind: string,
  run: Run,
  isEnough: (uses: Uses, swaps: number) => boolean,
): Promise<Uses> {
  const child: ChildProcess = fork(SWAPPER, [given, outside, kind]);
  const uses: Uses = { escapes: 0, byName: new Map() };
  await once(child, 'message');
  let swaps = 0;
  const ask = async (word: string) => {
    const answer = once(child, 'message');
    child.send(word);
    [swaps] = (await answer) as [number];
  };
  do {
    add(uses, usesOf(run(given)));
    await ask('count');
  } while (!isEnough(uses, swaps));
  const gone = once(child, 'exit');
  await ask('stop');
  await gone;
  return uses;
}

/** A sandbox that refuses everything would let nothing out either; one that was never raced would prove nothing. */
function hasRaced({ byName }: Uses, swaps: number, enoughSwaps: number): boolean {
  const [went, failed] = byName.get('open') ?? [0, 0];
  return swaps >= enoughSwaps && went >= 100 && failed >= 100;
}

async function attack(kind: string, run: Run, enoughSwaps = SWAPS): Promise<void> {
  const place = field();
  const before = stateOf(place);
  const { escapes, byName } = await usesWhileSwapping(place, kind, run, (uses, swaps) =>
    hasRaced(uses, swaps, enoughSwaps),
  );
  expect(escapes).toBe(0);
  expect(stateOf(place)).toEqual(before);
  for (const [use, [, , errnos]] of byName) for (const errno of errnos) expect(FAIR, use).toContain(errnoName(errno));
}

function here(fs?: NativeFs): Run {
  return (given) => runHere(given, [String(ROUNDS_OF_BATCH)], fs);
}

function runHere(given: string, args: string[], fs?: NativeFs): string {
  const preopens = [{ kind: 'host', hostPath: given, guestPath: '/' }] as const;
  const result = runGuest({ wasm: ATTACKER, args: ['attacker', ...args], preopens, ...(fs && { fs }) });
  expect(result.trap).toBeUndefined();
  expect(result.reports).toEqual([]);
  return result.stdout;
}

describe.each(['link', 'leaf', 'directory'])('while another process swaps a %s', { timeout: LIMIT_MS }, (kind) => {
  it.skipIf(skipUnless(firstNode))('nothing escapes openat2', () => attack(kind, here(), SWAPS_OVER_OPENAT2));

  describe.skipIf(skipUnless(firstNode))('over the walk by components', () => {
    beforeAll(() => {
      loadAddon().fs?.setResolver(true);
    });
    afterAll(() => {
      loadAddon().fs?.setResolver(false);
    });
    it('nothing escapes', () => attack(kind, here()));
  });

  it('nothing escapes the file calls of Node', () => attack(kind, here(createNodeFs())));

  it.skipIf([wasmtime, firstNode].some(skipUnless))('nothing escapes wasmtime, by the same measure', () =>
    attack(kind, (given) => runInWasmtime(ATTACKER, given, [String(ROUNDS_OF_BATCH)]).stdout),
  );
});

describe.skipIf(skipUnless(firstNode))('what would escape is seen to escape', { timeout: LIMIT_MS }, () => {
  it.each([
    ['a path that is checked first and opened then', 'link', checkedFirst],
    ['a file that is checked first and opened then', 'leaf', checkedFirst],
    ['a walk that leaves dots to the system', 'directory', systemsDots],
  ])('%s', async (_name, kind, weak) => {
    const calm = usesOf(runHere(field().given, ['100'], weak()));
    expect(calm.escapes).toBe(0);
    // Goes on until it is caught: one that never were would end in the limit of time.
    const { escapes } = await usesWhileSwapping(field(), kind, here(weak()), (uses) => uses.escapes > 0);
    expect(escapes).toBeGreaterThan(0);
  });
});

describe('while nobody swaps', () => {
  it.each<[string, NativeFs | undefined]>([
    ['the addon', undefined],
    ['the file calls of Node', createNodeFs()],
  ])('every lawful use goes through, over %s', (_name, fs) => {
    const rounds = 300;
    const { escapes, byName } = usesOf(runHere(field().given, [String(rounds)], fs));
    expect(escapes).toBe(0);
    const { readlink, dots, ...lawful } = Object.fromEntries(byName);
    expect(Object.keys(lawful)).toHaveLength(10);
    for (const [use, [went, failed]] of Object.entries(lawful)) {
      expect(went, use).toBeGreaterThanOrEqual(rounds);
      expect(failed, use).toBe(0);
    }
    // `race` is no link, and of four paths with dots in them two lead out, one of them to what is not there.
    expect(readlink).toEqual([0, rounds, [ERRNO.inval]]);
    expect(dots).toEqual([2 * rounds, 2 * rounds, [ERRNO.noent, ERRNO.perm]]);
  });
});

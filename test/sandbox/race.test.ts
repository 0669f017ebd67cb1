/**
 * A guest uses a name while another process swaps what it stands for. `SANDBOX_ROUNDS` says how many rounds of some twenty
 * uses; 1000 where absent.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import { runInWasmtime, wasmtime } from '../conformance/wasmtime.ts';
import { skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const ATTACKER = fileURLToPath(new URL('attacker/attacker.wasm', import.meta.url));
const SWAPPER = fileURLToPath(new URL('swapper.mjs', import.meta.url));
const ROUNDS = Number(process.env.SANDBOX_ROUNDS ?? 1000);
const SECRET = 'SECRET'.padEnd(12345, '.');
/** Of each use: how often it went through, and how often not. */
type Uses = Record<string, [went: number, failed: number]> & { escapes: number };

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

async function whileSwapping<T>(
  { given, outside }: Field,
  kind: string,
  use: () => T,
): Promise<{ result: T; swaps: number }> {
  const child: ChildProcess = fork(SWAPPER, [given, outside, kind]);
  await once(child, 'message');
  const result = use();
  child.send('stop');
  const [swaps] = (await once(child, 'message')) as [number];
  await once(child, 'exit');
  return { result, swaps };
}

async function attack(kind: string, run: (given: string) => string): Promise<void> {
  const place = field();
  const before = stateOf(place);
  const { result, swaps } = await whileSwapping(place, kind, () => run(place.given));
  expect(stateOf(place)).toEqual(before);
  const { escapes, ...uses } = JSON.parse(result) as Uses;
  expect(escapes).toBe(0);
  expect(swaps).toBeGreaterThan(0);
  // A sandbox that refuses everything would pass as well: between two swaps, uses went through.
  expect(Object.values(uses).reduce((sum, [went]) => sum + went, 0)).toBeGreaterThan(0);
}

function runHere(given: string, fs?: NativeFs): string {
  const preopens = [{ kind: 'host', hostPath: given, guestPath: '/' }] as const;
  const result = runGuest({ wasm: ATTACKER, args: ['attacker', String(ROUNDS)], preopens, ...(fs && { fs }) });
  expect(result.trap).toBeUndefined();
  expect(result.reports).toEqual([]);
  return result.stdout;
}

describe.each(['link', 'directory'])('while another process swaps a %s', (kind) => {
  it('nothing escapes openat2', () => attack(kind, (given) => runHere(given)));

  it('nothing escapes the walk by components', async () => {
    const { fs } = loadAddon();
    fs?.setResolver(true);
    try {
      await attack(kind, (given) => runHere(given));
    } finally {
      fs?.setResolver(false);
    }
  });

  it('nothing escapes the file calls of Node', () => attack(kind, (given) => runHere(given, createNodeFs())));

  it.skipIf(skipUnless(wasmtime))('nothing escapes wasmtime, by the same measure', () =>
    attack(kind, (given) => runInWasmtime(ATTACKER, given, [String(ROUNDS)]).stdout),
  );
});

it('every lawful use goes through while nobody swaps', () => {
  const { escapes, readlink, dots, ...uses } = JSON.parse(runHere(field().given)) as Uses;
  expect(escapes).toBe(0);
  expect(Object.keys(uses)).toHaveLength(10);
  for (const [use, [went, failed]] of Object.entries(uses)) {
    expect(went, use).toBeGreaterThanOrEqual(ROUNDS);
    expect(failed, use).toBe(0);
  }
  // `race` is no link, and of four paths with dots in them two lead out.
  expect(readlink).toEqual([0, ROUNDS]);
  expect(dots).toEqual([2 * ROUNDS, 2 * ROUNDS]);
});

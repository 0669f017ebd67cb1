/** Guests on stacks that V8 makes for calls that may wait (`WebAssembly.promising`, Node 25 and later). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { addonPlaces } from '../../../src/native/addon.ts';
import { assemble } from '../../support/assemble.ts';

const DRIVER = fileURLToPath(new URL('switched-driver.mjs', import.meta.url));

/** Calls itself; at the bottom of the stack it waits, and every call asks the host for its room. */
const GUEST = `(module (import "host" "room" (func $room (result f64))) (import "host" "suspend" (func $suspend))
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (func $f (export "run") (param i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (if (f64.eq (call $room) (f64.const 0)) (then unreachable))
    (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (call $suspend)))))`;

interface Outcome {
  ended: string;
  depth: number;
}

async function drive(flags: readonly string[]) {
  const module = Buffer.from(await assemble(GUEST)).toString('base64');
  const argv = [DRIVER, addonPlaces()[0] as string, module, ...flags];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv);
  expect([status, signal, stderr.toString()]).toEqual([0, null, '']);
  return JSON.parse(stdout.toString()) as Record<'inside' | 'suspends' | 'after', Outcome> & {
    plain: string;
    limitKept: boolean;
  };
}

const OVERFLOW = 'RangeError: Maximum call stack size exceeded';
const WASMTIME_DEPTH = 32_751;

describe.skipIf(!('promising' in WebAssembly))('a guest on a stack of its own', () => {
  it('ends with an overflow as elsewhere, whatever limit its thread has', async () => {
    const { inside, suspends, after, plain, limitKept } = await drive([]);
    expect(inside.ended).toBe(OVERFLOW);
    expect(suspends).toEqual({ ended: 'returned', depth: 2_001 });
    expect(after).toEqual(inside);
    // What is not called through a promise has no stack to be left behind.
    expect(plain).toMatch(/^SuspendError: /);
    expect(limitKept).toBe(true);
  });

  it('goes as deep as under wasmtime where V8 is told so before its first stack', async () => {
    const { inside, after } = await drive(['--stack-size=4000', '--wasm-stack-switching-stack-size=4000']);
    expect([inside.ended, after.ended]).toEqual([OVERFLOW, OVERFLOW]);
    expect(inside.depth).toBeGreaterThan(WASMTIME_DEPTH);
    expect(after.depth).toBeGreaterThan(WASMTIME_DEPTH);
  });
});

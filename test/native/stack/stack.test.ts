/** The addon's stack room alone: how deep JavaScript of a thread may go. */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';
import type { NativeStack } from '../../../src/native/stack.ts';

function nativeStack(): NativeStack {
  const { stack } = loadAddon();
  if (stack === undefined) throw new Error('the addon has no stack room');
  return stack;
}

const stack = nativeStack();
const KIB = 1024;
/** What a call of JavaScript or of the addon takes, generously. */
const CALLS = 16 * KIB;

/** What is left to V8 after `enter`, which is undone. */
function entered(byteLength: number, atLeast: boolean): number {
  const before = stack.enter(byteLength, atLeast);
  expect(before).toBeGreaterThan(0);
  try {
    return stack.room();
  } finally {
    stack.leave(before);
  }
}

describe('enter', () => {
  it('gives what is asked for, but for a few frames', () => {
    const room = entered(600 * KIB, false);
    expect(Math.abs(room - 600 * KIB)).toBeLessThan(CALLS);
  });

  it('gives no more than the stack has, with room for native code left', () => {
    const most = entered(2 ** 40, true);
    expect(most).toBeLessThanOrEqual(stack.byteLength() - 256 * KIB);
    expect(entered(Number.MAX_SAFE_INTEGER, false)).toBeLessThanOrEqual(stack.byteLength() - 256 * KIB);
  });

  it('leaves a limit that is deeper where that is asked for', () => {
    const before = entered(1, true);
    expect(before).toBeGreaterThan(600 * KIB);
    expect(entered(600 * KIB, false)).toBeLessThan(before);
  });

  it('nests', () => {
    const outer = stack.enter(700 * KIB, false);
    const inner = stack.enter(400 * KIB, false);
    expect(stack.room()).toBeLessThan(400 * KIB + CALLS);
    stack.leave(inner);
    expect(stack.room()).toBeGreaterThan(600 * KIB);
    stack.leave(outer);
    expect(inner).not.toBe(outer);
  });
});

describe('leave', () => {
  it.each([0, 1, 2 ** 40, 2 ** 52])('ignores %d, which is no place of this stack', (limit) => {
    const before = stack.enter(600 * KIB, false);
    stack.leave(limit);
    expect(stack.room()).toBeLessThan(600 * KIB + CALLS);
    stack.leave(before);
  });
});

describe('wrong arguments', () => {
  it.each([[], [Number.NaN, true], [-1, true], [1.5, true], ['1', true], [1n, true], [{}, true]])(
    'of enter are a TypeError: %s',
    (...args) => {
      expect(() => (stack.enter as (...args: unknown[]) => unknown)(...args)).toThrow(TypeError);
    },
  );

  it('of enter do not move the limit', () => {
    const limit = () => {
      const before = stack.enter(1, true);
      stack.leave(before);
      return before;
    };
    const before = limit();
    expect(stack.enter(0, true)).toBe(0);
    expect(() => (stack.enter as (...args: unknown[]) => unknown)(4096, 'yes')).toThrow();
    expect(limit()).toBe(before);
  });
});

it('knows the stack of each thread', async () => {
  const place = addonPlaces()[0] as string;
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { stack } = require(workerData);
     parentPort.postMessage([stack.byteLength(), stack.enter(2 ** 40, false), stack.room()]);`,
    { eval: true, workerData: place, resourceLimits: { stackSizeMb: 2 } },
  );
  const [byteLength, before, room] = await new Promise<number[]>((resolve) => worker.once('message', resolve));
  expect(byteLength).toBeGreaterThan(1.9 * 2 ** 20);
  expect(byteLength).toBeLessThanOrEqual(2 * 2 ** 20);
  expect(before).toBeGreaterThan(0);
  expect(room).toBeLessThan(2 * 2 ** 20 - 256 * KIB);
  expect(room).toBeGreaterThan(2 ** 20);
});

/** What V8 is told of the memories of suspended guests, and when. */
import { describe, expect, it } from 'vitest';
import { MemoryAccount } from '../../src/engine/suspending-memory.ts';

const MIB = 2 ** 20;
const memoryOf = (mebibytes: number) => new WebAssembly.Memory({ initial: mebibytes * 16 });

/** V8's count as the account changes it, from one that is large. */
function accountOf(start: number) {
  let count = start;
  const account = new MemoryAccount(() => ({
    takeExternalBytes: (bytes) => {
      if (count < bytes) return false;
      count -= bytes;
      return true;
    },
    addExternalBytes: (bytes) => {
      count += bytes;
      return count;
    },
  }));
  return { account, change: () => (count - start) / MIB };
}

describe('memories of guests', () => {
  it('are left out while guests use them, each once', () => {
    const { account, change } = accountOf(2 ** 40);
    const [one, two] = [memoryOf(2), memoryOf(3)];
    for (const memory of [one, two, one]) account.leaveOut(memory);
    expect(change()).toBe(-5);
    account.end(two, false);
    expect(change()).toBe(-2);
    // What it has grown by was never left out.
    one.grow(160);
    account.end(one, true);
    account.end(one, true);
    expect(change()).toBe(0);
  });

  it('are told of together when they are empty: 256, or 512 MiB, or all there are', () => {
    const { account, change } = accountOf(2 ** 40);
    const stays = memoryOf(1);
    account.leaveOut(stays);
    const pass = (mebibytes: number) => {
      const memory = memoryOf(mebibytes);
      account.leaveOut(memory);
      account.end(memory, true);
    };
    for (let count = 0; count < 255; count++) pass(1);
    expect(change()).toBe(-256);
    pass(1);
    expect(change()).toBe(-1);
    pass(500);
    expect(change()).toBe(-501);
    pass(12);
    expect(change()).toBe(-1);
    pass(4);
    account.end(stays, true);
    expect(change()).toBe(0);
  });

  it('are left to V8 where they are shared, or it knows of fewer', () => {
    const { account, change } = accountOf(4 * MIB);
    const shared = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
    for (const memory of [shared, memoryOf(5)]) {
      account.leaveOut(memory);
      expect(change()).toBe(0);
      account.end(memory, true);
      expect(change()).toBe(0);
    }
  });
});

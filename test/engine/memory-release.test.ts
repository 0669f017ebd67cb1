import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { runTextGuest } from '../support/text-guest.ts';

const MEBIBYTE = 2 ** 20;
const GUEST_BYTES = 128 * MEBIBYTE;

/** Writes all of a memory. */
const FILLING = `(module (memory (export "memory") ${GUEST_BYTES / 65536})
  (func (export "_start") (memory.fill (i32.const 0) (i32.const 1) (i32.const ${GUEST_BYTES}))))`;

const { reason } = nativeRuntime();
const isBuilt = { met: reason !== 'the native addon is not built' && process.platform === 'linux', reason };

describe.skipIf(skipUnless(isBuilt))('the memory of a guest', () => {
  it('is given back when the guest has ended', async () => {
    await runTextGuest('(module (func (export "_start")))');
    const { residentBytes } = loadAddon().thread;
    const before = residentBytes();
    const { usage } = await runTextGuest(FILLING);
    expect(usage.peakMemoryBytes).toBe(GUEST_BYTES);
    // The rest of the process may take some meanwhile, but not half of that.
    expect(residentBytes() - before).toBeLessThan(GUEST_BYTES / 2);
  });
});

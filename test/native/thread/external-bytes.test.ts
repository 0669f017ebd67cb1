/** What V8 is told of memory outside of its heap. */
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../../src/native/addon.ts';

const { thread } = loadAddon();
const GIB = 2 ** 30;

/** V8 may let go of buffers meanwhile, and has few of that size. */
const gibibytesSince = (before: number) => Math.abs(Math.round((thread.addExternalBytes(0) - before) / GIB));

describe('bytes outside of the heap', () => {
  it('are added, and taken off again', () => {
    const before = thread.addExternalBytes(0);
    thread.addExternalBytes(64 * GIB);
    expect(gibibytesSince(before)).toBe(64);
    expect(thread.takeExternalBytes(64 * GIB)).toBe(true);
    expect(gibibytesSince(before)).toBe(0);
  });

  it('are not taken off where V8 knows of fewer', () => {
    const before = thread.addExternalBytes(0);
    expect(thread.takeExternalBytes(2 ** 50)).toBe(false);
    expect(gibibytesSince(before)).toBe(0);
  });

  it.each([undefined, -1, 1.5, '1', 2 ** 60])('%s is refused', (bytes) => {
    expect(() => thread.addExternalBytes(bytes as number)).toThrow(TypeError);
    expect(() => thread.takeExternalBytes(bytes as number)).toThrow(TypeError);
  });
});

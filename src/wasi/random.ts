import type { Context, Functions } from './context.ts';
import { ERRNO, type Errno, outcome } from './errno.ts';

/** One call fills this much, so that a guest that asks for gigabytes can still be ended. */
const PART_BYTES = 1 << 20;

export function randomFunctions({ memory, fs }: Context): Functions {
  return {
    /**
     * Fills a range with random bytes of the system's cryptographic generator.
     *
     * @param pointer offset of the range
     * @param byteLength its length
     * @returns `success`; `fault`, with nothing written
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#random_get
     */
    random_get(pointer: number, byteLength: number): Errno {
      memory.check(pointer, byteLength);
      const end = (pointer >>> 0) + (byteLength >>> 0);
      for (let at = pointer >>> 0; at < end; at += PART_BYTES) {
        const errno = outcome(fs.random(memory.bytes(), at, Math.min(PART_BYTES, end - at)));
        if (errno !== ERRNO.success) return errno;
      }
      return ERRNO.success;
    },
  };
}

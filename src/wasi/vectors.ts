import type { GuestMemory } from '../guest/memory.ts';

/** A buffer of the guest, checked against its memory. */
export interface Buffer {
  start: number;
  byteLength: number;
}

/** Empty buffers are passed over one by one; a guest may not keep the host at it for long. */
const MOST_VECTORS = 1 << 24;

/** The one that is answered, to be read at once: an object for every small read would be all that it allocates. */
const found: Buffer = { start: 0, byteLength: 0 };

/**
 * The first buffer of a list that is not empty; an empty one where all are.
 *
 * As wasmtime does it, one call serves one buffer: a guest sees a short count, which reads and writes may always give, and
 * a list of any length costs no more than its table.
 *
 * ```
 *  0          4               8          12
 *  | buf u32  | buf_len u32   | buf u32  | buf_len u32 …
 * ```
 * @returns the buffer, valid until the next call; undefined for an immense list
 * @throws GuestFault where the table, or the buffer, leaves the memory
 */
export function firstBuffer(memory: GuestMemory, vectors: number, count: number): Readonly<Buffer> | undefined {
  if (count >>> 0 > MOST_VECTORS) return undefined;
  const first = vectors >>> 0;
  const end = first + (count >>> 0) * 8;
  if (end > first) memory.checkRange(first, end - first);
  found.start = 0;
  found.byteLength = 0;
  for (let at = first; at < end; at += 8) {
    const byteLength = memory.readU32(at + 4);
    if (byteLength === 0) continue;
    const start = memory.readU32(at);
    memory.check(start, byteLength);
    found.start = start;
    found.byteLength = byteLength;
    break;
  }
  return found;
}

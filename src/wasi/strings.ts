import type { GuestMemory } from '../guest/memory.ts';
import { ERRNO, type Errno } from './errno.ts';

/**
 * Writes how many strings there are, and how many bytes they take with a NUL behind each.
 *
 * ```
 *  args  a, bc      →  count 2      bytes 5
 * ```
 */
export function writeSizes(
  memory: GuestMemory,
  strings: readonly Uint8Array[],
  countPointer: number,
  bytesPointer: number,
): Errno {
  memory.check(countPointer, 4);
  memory.check(bytesPointer, 4);
  memory.writeU32(countPointer, strings.length);
  memory.writeU32(
    bytesPointer,
    strings.reduce((sum, string) => sum + string.byteLength + 1, 0),
  );
  return ERRNO.success;
}

/**
 * Writes strings one behind the other, each with a NUL, and where each begins.
 *
 * ```
 *  pointers │ u32 ┬ u32 ┬                bytes │ a │ \0 │ b │ c │ \0 │
 *                 │     └────────────────────────────────┘
 *                 └──────────────────────────────┘
 * ```
 */
export function writeStrings(
  memory: GuestMemory,
  strings: readonly Uint8Array[],
  pointersPointer: number,
  bytesPointer: number,
): Errno {
  const total = strings.reduce((sum, string) => sum + string.byteLength + 1, 0);
  memory.check(pointersPointer, strings.length * 4);
  memory.check(bytesPointer, total);
  let pointer = pointersPointer >>> 0;
  let at = bytesPointer >>> 0;
  for (const string of strings) {
    memory.writeU32(pointer, at);
    memory.write(at, string);
    memory.writeU8(at + string.byteLength, 0);
    pointer += 4;
    at += string.byteLength + 1;
  }
  return ERRNO.success;
}

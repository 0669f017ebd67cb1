import { expect } from 'vitest';
import { GuestMemory } from '../../src/guest/memory.ts';

const MASK = '?'.charCodeAt(0);
const MOST_MASKED_BYTES = 2 ** 24;

/** A guest's memory full of `?`, so that a stray write shows; zeros where it is too large for that. */
export interface MaskedGuest {
  memory: GuestMemory;
  wasmMemory: WebAssembly.Memory;
  /** The bytes, now. */
  bytes(): Uint8Array;
  mask(): void;
  /** Puts bytes or text there and answers where that was. */
  put(pointer: number, content: Uint8Array | string): number;
  /** Expects these bytes there, and the one before and the one after untouched. */
  expectWritten(pointer: number, content: Uint8Array | string | readonly number[]): void;
  /** Expects nothing but `?` from one offset to before another. */
  expectUntouched(from: number, to: number): void;
}

/** @param descriptor one page of 64 KiB where absent */
export function guestWithMemory(descriptor: WebAssembly.MemoryDescriptor = { initial: 1 }): MaskedGuest {
  const wasmMemory = new WebAssembly.Memory(descriptor);
  const memory = new GuestMemory();
  memory.attach(wasmMemory);
  const bytes = () => new Uint8Array(wasmMemory.buffer);
  const guest: MaskedGuest = {
    memory,
    wasmMemory,
    bytes,
    mask: () => bytes().fill(MASK),
    put(pointer, content) {
      bytes().set(asBytes(content), pointer);
      return pointer;
    },
    expectWritten(pointer, content) {
      const expected = asBytes(content);
      const framed = bytes().slice(Math.max(pointer - 1, 0), pointer + expected.byteLength + 1);
      const before = pointer > 0 ? [MASK] : [];
      const after = pointer + expected.byteLength < bytes().byteLength ? [MASK] : [];
      expect([...framed]).toEqual([...before, ...expected, ...after]);
    },
    expectUntouched(from, to) {
      expect(
        bytes()
          .subarray(from, to)
          .findIndex((byte) => byte !== MASK),
      ).toBe(-1);
    },
  };
  // Masking gibibytes would touch every page of them.
  if (wasmMemory.buffer.byteLength <= MOST_MASKED_BYTES) guest.mask();
  return guest;
}

function asBytes(content: Uint8Array | string | readonly number[]): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content);
}

/** Little-endian bytes of a number. */
export function le(byteLength: 1 | 2 | 4 | 8, value: number | bigint): number[] {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return [...new Uint8Array(bytes.buffer, 0, byteLength)];
}

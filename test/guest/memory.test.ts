import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { GuestFault, GuestMemory } from '../../src/guest/memory.ts';
import { guestWithMemory } from '../support/guest-memory.ts';

const PAGE = 65536;

function memoryOf(descriptor: WebAssembly.MemoryDescriptor): { memory: GuestMemory; wasm: WebAssembly.Memory } {
  const wasm = new WebAssembly.Memory(descriptor);
  const memory = new GuestMemory();
  memory.attach(wasm);
  return { memory, wasm };
}

describe('GuestMemory', () => {
  it('faults for everything while no memory is attached', () => {
    const memory = new GuestMemory();
    expect(memory.byteLength).toBe(0);
    expect(() => memory.readU8(0)).toThrow(GuestFault);
    expect(() => memory.check(1, 0)).toThrow(GuestFault);
  });

  it.each([
    ['readU8', 1],
    ['readU16', 2],
    ['readU32', 4],
    ['readU64', 8],
  ] as const)('%s reads the last bytes and not one beyond', (name, byteLength) => {
    const { memory } = guestWithMemory();
    const read = (pointer: number) => memory[name](pointer);
    expect(BigInt(read(PAGE - byteLength))).toBe(BigInt(`0x${'3f'.repeat(byteLength)}`));
    for (const pointer of [PAGE - byteLength + 1, PAGE, -1, -byteLength, 0x7fffffff, -0x80000000, 0xffffffff]) {
      expect(() => read(pointer), `at ${pointer}`).toThrow(GuestFault);
    }
  });

  it.each([
    ['writeU8', 1, 0xab],
    ['writeU16', 2, 0xabcd],
    ['writeU32', 4, 0xabcdef01],
  ] as const)('%s writes little-endian and nothing around', (name, byteLength, value) => {
    const guest = guestWithMemory();
    guest.memory[name](100, value);
    const bytes = Array.from({ length: byteLength }, (_, index) => (value >>> (index * 8)) & 0xff);
    guest.expectWritten(100, bytes);
    expect(() => guest.memory[name](PAGE - byteLength + 1, value)).toThrow(GuestFault);
    guest.expectUntouched(PAGE - byteLength, PAGE);
  });

  it('checks a range of no bytes like any other', () => {
    const { memory } = guestWithMemory();
    expect(memory.slice(PAGE, 0).byteLength).toBe(0);
    expect(() => memory.slice(PAGE + 1, 0)).toThrow(GuestFault);
    expect(() => memory.check(-1, 0)).toThrow(GuestFault);
  });

  it('takes lengths as unsigned, so that a sum never wraps', () => {
    const { memory } = guestWithMemory();
    expect(() => memory.check(16, -16)).toThrow(GuestFault);
    expect(() => memory.check(-8, 16)).toThrow(GuestFault);
    expect(() => memory.checkRange(0, 0xffffffff * 8)).toThrow(GuestFault);
  });

  it('writes all of a source or nothing', () => {
    const guest = guestWithMemory();
    expect(() => guest.memory.write(PAGE - 2, new Uint8Array(3))).toThrow(GuestFault);
    guest.expectUntouched(0, PAGE);
    guest.memory.write(PAGE - 2, new Uint8Array(2));
    guest.expectWritten(PAGE - 2, [0, 0]);
  });

  it('sees a memory that has grown', () => {
    const { memory, wasm } = memoryOf({ initial: 1 });
    expect(() => memory.readU8(PAGE)).toThrow(GuestFault);
    wasm.grow(1);
    expect(memory.readU8(PAGE)).toBe(0);
    expect(memory.byteLength).toBe(2 * PAGE);
    wasm.grow(1);
    // The views are of the buffer that was before: it is detached now.
    expect(memory.bytes().byteLength).toBe(3 * PAGE);
    wasm.grow(1);
    expect(memory.slice(0, 0).byteLength).toBe(0);
    expect(memory.bytes().byteLength).toBe(4 * PAGE);
  });

  it('sees a shared memory that another thread has grown', async () => {
    const { memory, wasm } = memoryOf({ initial: 1, maximum: 4, shared: true });
    memory.writeU32(0, 7);
    const source = `const { workerData } = require('node:worker_threads'); workerData.grow(2);`;
    await once(new Worker(source, { eval: true, workerData: wasm }), 'exit');
    memory.writeU8(3 * PAGE - 1, 9);
    expect(memory.readU8(3 * PAGE - 1)).toBe(9);
    expect(memory.readU32(0)).toBe(7);
    expect(() => memory.readU8(3 * PAGE)).toThrow(GuestFault);
    expect(memory.byteLength).toBe(3 * PAGE);
  });

  it('reaches the very end of four gibibytes', () => {
    const { memory } = memoryOf({ initial: 65536 });
    expect(memory.byteLength).toBe(2 ** 32);
    memory.writeU64(-8, 0x0123456789abcdefn);
    expect(memory.readU64(0xfffffff8)).toBe(0x0123456789abcdefn);
    expect(memory.readU8(-1)).toBe(1);
    expect(() => memory.readU64(-7)).toThrow(GuestFault);
    expect(memory.slice(-1, 1).byteLength).toBe(1);
    expect(() => memory.slice(-1, 2)).toThrow(GuestFault);
    memory.write(-3, new TextEncoder().encode('end'));
    expect(memory.readString(-3, 3)).toBe('end');
    expect(() => memory.check(1, -1)).not.toThrow();
    expect(() => memory.check(2, -1)).toThrow(GuestFault);
  });
});

describe.each([
  ['a memory of its own', { initial: 1 }],
  ['a shared memory', { initial: 1, maximum: 1, shared: true }],
] as const)('text in %s', (_, descriptor) => {
  const read = (bytes: readonly number[] | string) => {
    const guest = guestWithMemory(descriptor);
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.from(bytes);
    return guest.memory.readString(guest.put(10, content), content.byteLength);
  };

  it.each(['', 'a', 'ä', '€', '😀', '\ufeffbom', 'a\0b', 'meant \ufffd'])('is %j', (text) => {
    expect(read(text)).toBe(text);
  });

  it.each([[[0xff]], [[0xc3]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]], [[0x61, 0x80]]])(
    'is refused as %j',
    (bytes) => {
      expect(() => read(bytes)).toThrow(TypeError);
    },
  );
});

/** What the addon tells of a thread and of the process, and how it gives memory back. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';

const { thread } = loadAddon();
const isLinux = process.platform === 'linux';
const MIB = 2 ** 20;
const PAGE = 65536;

describe('cpuTimeMs', () => {
  it('grows with what the thread computes', () => {
    const before = thread.cpuTimeMs();
    let after = before;
    // Ends only where it does.
    while (after < before + 5) after = thread.cpuTimeMs();
    expect(after).toBeGreaterThan(before);
  });

  it('is of the calling thread alone', async () => {
    while (thread.cpuTimeMs() < 50);
    const telling =
      "require('node:worker_threads').parentPort.postMessage(require(process.argv[2]).thread.cpuTimeMs())";
    const begun = performance.now();
    const worker = new Worker(telling, { eval: true, argv: [addonPlaces()[0]] });
    const [told] = (await once(worker, 'message')) as [number];
    expect(told).toBeGreaterThan(0);
    // No thread computes for longer than it is there.
    expect(told).toBeLessThanOrEqual(Math.ceil(performance.now() - begun));
  });
});

describe.skipIf(!isLinux)('residentBytes', () => {
  it('is what Node tells', () => {
    const told = thread.residentBytes();
    expect(Math.abs(told - process.memoryUsage.rss())).toBeLessThan(64 * MIB);
    expect(told % 4096).toBe(0);
  });
});

describe('growInHugePages', () => {
  it('leaves a memory as it is: it grows, reads as zeros, and can be written', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 512 });
    new Uint8Array(memory.buffer).fill(7);
    expect(typeof thread.growInHugePages(memory)).toBe('boolean');
    expect(memory.grow(300)).toBe(1);
    const bytes = new Uint8Array(memory.buffer);
    expect(bytes.subarray(0, PAGE).every((byte) => byte === 7)).toBe(true);
    expect(Buffer.from(memory.buffer, PAGE).equals(Buffer.alloc(300 * PAGE))).toBe(true);
    bytes.fill(9);
    expect(() => memory.grow(212)).toThrow(RangeError);
    expect(memory.grow(211)).toBe(301);
    expect(Buffer.from(memory.buffer, 0, 301 * PAGE).equals(Buffer.alloc(301 * PAGE, 9))).toBe(true);
  });

  it.skipIf(!isLinux)('takes no memory that the guest has not grown to', () => {
    const memories = Array.from({ length: 200 }, () => new WebAssembly.Memory({ initial: 1 }));
    const before = thread.residentBytes();
    for (const memory of memories) {
      thread.growInHugePages(memory);
      memory.grow(1);
      new Uint8Array(memory.buffer).fill(1);
    }
    // In huge pages it would be 400 MiB.
    expect(thread.residentBytes() - before).toBeLessThan(200 * MIB);
  });
});

describe.skipIf(!isLinux)('releasePages', () => {
  it.each([false, true])(
    'gives back what a memory took; it reads as zeros, and can be written (shared: %s)',
    (shared) => {
      const pages = (128 * MIB) / PAGE;
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
      const bytes = new Uint8Array(memory.buffer).fill(7);
      const before = thread.residentBytes();
      expect(thread.releasePages(memory)).toBe(128 * MIB);
      expect(before - thread.residentBytes()).toBeGreaterThan(100 * MIB);
      expect(Buffer.from(memory.buffer).equals(Buffer.alloc(128 * MIB))).toBe(true);
      bytes.fill(9);
      expect(Buffer.from(memory.buffer).equals(Buffer.alloc(128 * MIB, 9))).toBe(true);
    },
  );

  it('leaves the memory to its instance: it can grow, and be written by wasm', async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    new Uint8Array(memory.buffer)[5] = 1;
    expect(thread.releasePages(memory)).toBe(PAGE);
    expect(memory.grow(2)).toBe(1);
    const grown = new Uint8Array(memory.buffer);
    expect(grown[5]).toBe(0);
    grown.fill(3);
    expect(thread.releasePages(memory)).toBe(3 * PAGE);
    expect(grown.every((byte) => byte === 0)).toBe(true);
  });

  it('of an empty memory gives nothing', () => {
    expect(thread.releasePages(new WebAssembly.Memory({ initial: 0 }))).toBe(0);
  });

  const page = new ArrayBuffer(PAGE);
  const pretending = Object.create(WebAssembly.Memory.prototype, { buffer: { value: page } });
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a buffer', page],
    ['a shared buffer', new SharedArrayBuffer(PAGE)],
    ['bytes', new Uint8Array(page)],
    ['bytes of a slab', Buffer.from('text')],
    ['an object with a buffer', { buffer: page }],
    ['what inherits from memories', pretending],
    ['a table', new WebAssembly.Table({ element: 'anyfunc', initial: 1 })],
    ['a proxy of a memory', new Proxy(new WebAssembly.Memory({ initial: 1 }), {})],
  ])('refuses %s', (_, given) => {
    new Uint8Array(page).fill(5);
    expect(() => thread.releasePages(given as never)).toThrow(TypeError);
    expect(() => thread.growInHugePages(given as never)).toThrow(TypeError);
    expect(new Uint8Array(page).every((byte) => byte === 5)).toBe(true);
  });

  it('is not led astray by who replaces the getter', () => {
    const prototype = WebAssembly.Memory.prototype;
    const own = Object.getOwnPropertyDescriptor(prototype, 'buffer') as PropertyDescriptor;
    new Uint8Array(page).fill(5);
    Object.defineProperty(prototype, 'buffer', { configurable: true, get: () => page });
    try {
      expect(thread.releasePages(new WebAssembly.Memory({ initial: 1 }))).toBe(PAGE);
    } finally {
      Object.defineProperty(prototype, 'buffer', own);
    }
    expect(new Uint8Array(page).every((byte) => byte === 5)).toBe(true);
  });
});

/** Modules that are compiled once, and kept within a budget. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ModuleCache } from '../../src/host/module-cache.ts';
import { type GuestModule, Host } from '../../src/index.ts';
import { assemble } from '../support/assemble.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const text = (source: string) => new TextEncoder().encode(source);
const ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))';
const BROKEN = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1]);
const counts = ({ hits, misses, kept }: { hits: number; misses: number; kept: number }) => ({ hits, misses, kept });

/** A module of so many bytes, unlike all others. */
async function filler(byteLength: number, mark: number): Promise<Uint8Array> {
  const data = `\\${mark.toString(16).padStart(2, '0')}`.repeat(byteLength);
  return await assemble(`(module (memory 1) (data (i32.const 0) "${data}"))`);
}

describe('a host', () => {
  it('compiles equal bytes once, whatever they are called and wherever they come from', async () => {
    using host = new Host();
    const bytes = await assemble(ADD);
    const path = join(directory(), 'add.wasm');
    writeFileSync(path, bytes);
    const modules = [
      await host.compile(path),
      await host.compile(bytes, { name: 'second' }),
      await host.compile(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer),
    ];
    expect(modules.map(({ name }) => name)).toEqual([path, 'second', 'module']);
    expect(counts(host.moduleStats)).toEqual({ hits: 2, misses: 1, kept: 1 });
    for (const module of modules) {
      const { results } = await host.run(module, { invoke: { name: 'add', args: ['40', '2'] } });
      expect(results).toEqual(['42']);
    }
    expect(host.moduleStats.misses).toBe(1);
  });

  it('compiles once what many ask for at a time', async () => {
    using host = new Host();
    await Promise.all(Array.from({ length: 20 }, () => host.compile(text(ADD))));
    expect(counts(host.moduleStats)).toEqual({ hits: 19, misses: 1, kept: 1 });
  });

  it('tells each of many who ask for a broken module its own name, and keeps nothing', async () => {
    using host = new Host();
    const compiling = ['mine', 'yours'].map((name) => host.compile(BROKEN, { name }));
    const failures = await Promise.allSettled(compiling);
    expect(failures.map((failure) => failure.status === 'rejected' && String(failure.reason.message))).toEqual([
      expect.stringContaining('mine'),
      expect.stringContaining('yours'),
    ]);
    expect(failures).toMatchObject([{ reason: { code: 'ERR_MODULE_COMPILE' } }, {}]);
    expect(host.moduleStats.kept).toBe(0);
  });

  it('compiles anew for other limits, and once for each', async () => {
    using host = new Host();
    const module = await host.compile(new URL('../../fixtures/guests/wat/memory-grower.wat', import.meta.url));
    for (const maxMemoryBytes of [2 ** 21, 2 ** 22, 2 ** 21, 2 ** 22]) await host.run(module, { maxMemoryBytes });
    expect(counts(host.moduleStats)).toMatchObject({ misses: 3, kept: 3 });
  });

  it('keeps the modules that were used last, within its budget', async () => {
    const sizes = 1000;
    using host = new Host({ maxModuleBytes: 5 * 2 * (sizes + 100) });
    const bytes = await Promise.all([1, 2, 3].map((mark) => filler(sizes, mark)));
    const modules: GuestModule[] = [];
    for (const module of bytes) modules.push(await host.compile(module));
    expect(host.moduleStats.kept).toBe(2);
    expect(host.moduleStats.keptBytes).toBeLessThanOrEqual(5 * 2 * (sizes + 100));
    // The last two are there, the first is compiled again, and all of them run.
    const { misses } = host.moduleStats;
    for (const module of modules.reverse()) await host.run(module);
    expect(host.moduleStats.misses).toBe(misses + 1);
  });

  it('keeps the module used last, however large', async () => {
    using host = new Host({ maxModuleBytes: 0 });
    const module = await host.compile(text(ADD));
    await host.run(module, { invoke: { name: 'add', args: ['1', '2'] } });
    expect(counts(host.moduleStats)).toEqual({ hits: 1, misses: 1, kept: 1 });
  });

  it('says why a file cannot be read, and takes no other URLs', async () => {
    using host = new Host();
    const missing = join(directory(), 'missing.wasm');
    await expect(host.compile(missing)).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
      message: `failed to open wasm module "${missing}": No such file or directory (os error 2)`,
    });
    for (const url of [
      'http://localhost/a.wasm',
      'https://localhost/a.wasm',
      'data:application/wasm;base64,AGFzbQ==',
    ]) {
      await expect(host.compile(new URL(url))).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    }
    await expect(host.compile(text(ADD), { nam: 'a' } as never)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('compiles nothing more once disposed', async () => {
    const host = new Host();
    host.dispose();
    await expect(host.compile(text(ADD))).rejects.toMatchObject({ code: 'ERR_RELEASED' });
  });
});

describe('the cache', () => {
  it('tells one byte of difference, wherever it is', async () => {
    const cache = new ModuleCache(2 ** 30);
    const bytes = new Uint8Array(readFileSync(new URL('../../fixtures/classify.wasm', import.meta.url)));
    const keys = new Set<string>();
    for (const offset of [undefined, 9, bytes.byteLength - 1]) {
      const other = bytes.slice();
      if (offset !== undefined) other[offset] = (other[offset] as number) ^ 1;
      const source = await cache.read('module', other).catch(() => undefined);
      keys.add(source?.key ?? String(offset));
    }
    expect(keys.size).toBe(3);
  });

  it('keeps nothing that is compiled when it is closed meanwhile', async () => {
    const cache = new ModuleCache(2 ** 30);
    const reading = cache.read('module', await assemble(ADD));
    cache.close();
    await reading;
    expect(cache.stats).toMatchObject({ kept: 0, keptBytes: 0 });
  });
});

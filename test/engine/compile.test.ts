import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileModule, compileModuleAsync, readModuleFile, readModuleSource } from '../../src/engine/compile.ts';
import type { HostError } from '../../src/errors.ts';
import { assemble } from '../support/assemble.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const bytes = (...values: (number | string)[]) =>
  Uint8Array.from(
    values.flatMap((value) => (typeof value === 'number' ? [value] : [...new TextEncoder().encode(value)])),
  );

describe('readModuleFile', () => {
  it('says why a file cannot be read', () => {
    const missing = join(directory(), 'missing.wasm');
    expect(() => readModuleFile(missing)).toThrow(
      expect.objectContaining({
        code: 'ERR_MODULE_NOT_FOUND',
        message: `failed to open wasm module "${missing}": No such file or directory (os error 2)`,
      }),
    );
    const folder = directory();
    mkdirSync(join(folder, 'module'));
    expect(() => readModuleFile(join(folder, 'module'))).toThrow(/module": .*directory \(os error 21\)$/);
  });

  it('reads a file', () => {
    const file = join(directory(), 'module.wasm');
    writeFileSync(file, 'bytes');
    expect(readModuleFile(file).toString()).toBe('bytes');
  });
});

describe('what is no module', () => {
  it.each([
    ['a component', bytes(0, 'asm', 0x0d, 0, 1, 0), 'x is a component; only core modules'],
    ['an ELF file', bytes(0x7f, 'ELF', 2, 1), 'x is an ELF file'],
    ['no text', bytes(0xff, 0xfe), 'x is not a WebAssembly module: it begins with ff fe in place of 00 61 73 6d'],
    ['zeros', new Uint8Array(10), 'x is not a WebAssembly module: it begins with 00 00 00 00 in place of 00 61 73 6d'],
    ['another text', bytes('<html>'), 'x is not a WebAssembly module: it begins with 3c 68 74 6d in place of'],
    ['wrong text behind a comment', bytes('  ;; (module\n(modul)'), 'failed to parse x:2:2: unexpected token "modul"'],
    ['wrong text behind a byte order mark', bytes(0xef, 0xbb, 0xbf, '(modul)'), 'failed to parse x:1:2: '],
    ['nothing', bytes(), 'x is empty'],
    ['white space', bytes(' \n\t '), 'x is empty'],
    ['wrong text', bytes('(module\n  (func (i32.foo)))'), 'failed to parse x:2:10: unexpected token "i32.foo"'],
    ['text of a component', bytes('(component)'), 'failed to parse x:1:2: unexpected token "component"'],
  ])('%s', async (_, given, message) => {
    await expect(readModuleSource('x', given)).rejects.toMatchObject({
      code: 'ERR_MODULE_COMPILE',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ['another version', bytes(0, 'asm', 2, 0, 0, 0), 'failed to parse WebAssembly module x: expected version'],
    ['a section cut off', bytes(0, 'asm', 1, 0, 0, 0, 1, 2), 'failed to parse WebAssembly module x: '],
    [
      'an unknown section',
      bytes(0, 'asm', 1, 0, 0, 0, 0xee, 0),
      'failed to parse WebAssembly module x: unknown section',
    ],
    ['the magic alone', bytes(0, 'asm'), 'failed to parse WebAssembly module x: '],
  ])('%s', async (_, given, message) => {
    const source = await readModuleSource('x', given);
    expect(() => compileModule(source, {})).toThrow(
      expect.objectContaining({ code: 'ERR_MODULE_COMPILE', message: expect.stringContaining(message) }),
    );
  });

  it('what this Node does not take yet is told without a flag of V8', async () => {
    // A function that takes a `structref` on Node 20, and what became `stringref` since.
    const source = await readModuleSource('x', bytes(0, 'asm', 1, 0, 0, 0, 1, 5, 1, 0x60, 1, 0x67, 0));
    const lack = `Node ${process.version} lacks a part of WebAssembly`;
    expect(() => compileModule(source, {})).toThrow(
      expect.objectContaining({ message: expect.stringContaining(lack) }),
    );
    expect(() => compileModule(source, {})).not.toThrow(/experimental/);
  });

  it('a function that is not valid is named', async () => {
    const source = await readModuleSource('x', bytes('(module (func) (func (export "f") (i32.const 0)))'));
    expect(() => compileModule(source, {})).toThrow(/^failed to compile x: Compiling function #1.* failed: /);
  });
});

describe('compileModule', () => {
  it('does not run what our reader cannot read and V8 can: nothing of it would be bounded', async () => {
    const source = await readModuleSource('x', await assemble('(module (memory 1) (func (export "f")))'));
    const unread = { ...source, shape: undefined, unreadable: 'of the future' };
    for (const limits of [{}, { maxMemoryBytes: 65_536 }]) {
      expect(() => compileModule(unread, limits)).toThrow(
        expect.objectContaining({ code: 'ERR_MODULE_LIMIT', message: expect.stringMatching(/: of the future$/) }),
      );
    }
  });

  it.each([16, 17])('runs no more than 16 memories: %i', async (count) => {
    const source = await readModuleSource('x', await assemble(`(module ${'(memory 0)'.repeat(count)})`));
    const compile = () => compileModule(source, {}).shape.memories.length;
    // What V8 does not know at all it refuses itself.
    if (!WebAssembly.validate(source.bytes as Uint8Array<ArrayBuffer>)) expect(compile).toThrow(/^failed to parse/);
    else if (count === 16) expect(compile()).toBe(16);
    else expect(compile).toThrow(/^x: it has more than may be: more than 16 items at offset/);
  });

  it('does not run what V8 takes and has too much of something', async () => {
    const source = await readModuleSource('x', await assemble('(module (func (export "f")))'));
    const excessive = { ...source, shape: undefined, unreadable: 'more than 16 items', isExcessive: true };
    expect(() => compileModule(excessive, {})).toThrow(expect.objectContaining({ code: 'ERR_MODULE_LIMIT' }));
  });
});

describe('compileModuleAsync', () => {
  it.each([
    ['a module', bytes(0, 'asm', 1, 0, 0, 0), {}],
    ['a module that begins above its limit', bytes(0, 'asm', 1, 0, 0, 0, 5, 3, 1, 0, 2), { maxMemoryBytes: 65_536 }],
    ['no module', bytes(0, 'asm', 1, 0, 0, 0, 1, 2), {}],
    ['no module, within limits', bytes(0, 'asm', 1, 0, 0, 0, 1, 2), { maxMemoryBytes: 65_536 }],
    [
      'a function that is not valid',
      bytes(0, 'asm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x6a),
      {},
    ],
  ])('answers as the other does: %s', async (_, given, limits) => {
    const source = await readModuleSource('x', given);
    const outcomes = [];
    for (const compile of [compileModule, compileModuleAsync]) {
      try {
        const { module, ...rest } = await compile(source, limits);
        outcomes.push({ ...rest, isModule: module instanceof WebAssembly.Module });
      } catch (error) {
        const { code, message } = error as HostError;
        outcomes.push({ code, message });
      }
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});

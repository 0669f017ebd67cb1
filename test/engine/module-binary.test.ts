import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedModule, moduleKind, readModuleShape } from '../../src/engine/module-binary.ts';
import { FILLING } from '../pool/process-guests.ts';
import { assemble } from '../support/assemble.ts';

const classify = readFileSync(new URL('../../fixtures/classify.wasm', import.meta.url));

describe('moduleKind', () => {
  it.each([
    ['module', [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]],
    ['module', [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]],
    ['module', [0, 0x61, 0x73, 0x6d]],
    ['component', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]],
    ['precompiled', [0x7f, 0x45, 0x4c, 0x46, 2]],
    ['text', [0x28, 0x6d]],
    ['text', []],
    ['text', [0, 0x61, 0x73]],
  ])('%s: %j', (kind, bytes) => {
    expect(moduleKind(Uint8Array.from(bytes))).toBe(kind);
  });
});

describe('readModuleShape', () => {
  it('reads what a module imports and exports, with types', async () => {
    const shape = readModuleShape(
      await assemble(`(module
        (import "a" "f" (func (param i32 i64) (result f32 f64)))
        (import "a" "m" (memory 1 3))
        (import "b" "t" (table 2 funcref))
        (import "b" "g" (global (mut externref)))
        (import "b" "e" (tag (param i32)))
        (func (export "own") (param v128 funcref))
        (export "again" (func 0))
        (export "memory" (memory 0)))`),
    );
    expect(shape.imports).toMatchObject([
      { module: 'a', name: 'f', kind: 'func', type: { params: ['i32', 'i64'], results: ['f32', 'f64'] } },
      { module: 'a', name: 'm', kind: 'memory', limits: { minimum: 1, maximum: 3, shared: false, address64: false } },
      { module: 'b', name: 't', kind: 'table', limits: { minimum: 2, maximum: undefined } },
      { module: 'b', name: 'g', kind: 'global' },
      { module: 'b', name: 'e', kind: 'tag' },
    ]);
    expect(shape.exports).toEqual([
      { name: 'own', kind: 'func', type: { params: ['v128', 'funcref'], results: [] } },
      { name: 'again', kind: 'func', type: { params: ['i32', 'i64'], results: ['f32', 'f64'] } },
      { name: 'memory', kind: 'memory' },
    ]);
  });

  it.each([
    ['(memory 1)', { minimum: 1, maximum: undefined, shared: false, address64: false }],
    ['(memory 1 2)', { minimum: 1, maximum: 2, shared: false, address64: false }],
    ['(memory 1 2 shared)', { minimum: 1, maximum: 2, shared: true, address64: false }],
    ['(memory i64 1)', { minimum: 1, maximum: undefined, shared: false, address64: true }],
    ['(memory i64 70000 80000)', { minimum: 70000, maximum: 80000, shared: false, address64: true }],
  ])('reads the limits of %s', async (text, limits) => {
    expect(readModuleShape(await assemble(`(module ${text})`)).memories).toMatchObject([limits]);
  });

  it('reads the page size of the proposal for it, which stands behind the limits', () => {
    const section = (id: number, ...content: number[]) => [id, content.length, ...content];
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(5, 1, 0x09, 0x80, 0x01, 0x90, 0x03, 0)]);
    expect(readModuleShape(bytes).memories).toMatchObject([{ minimum: 128, maximum: 400, pageByteLength: 1 }]);
  });

  it('reads tables that have an initial element, whatever constant it is', () => {
    const constants = [
      [0xd0, 0x70, 0x0b],
      [0xd2, 0x80, 0x01, 0x0b],
      [0x23, 0x05, 0x0b],
      [0x41, 0x80, 0x7f, 0x41, 0x01, 0x6a, 0x0b],
      [0x42, 0x7f, 0x0b],
      [0x43, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b],
      [0x44, 1, 2, 3, 4, 5, 6, 7, 0x0b, 0x0b],
      [0xfd, 0x0c, ...new Array(16).fill(0x0b), 0x0b],
      [0x41, 0x01, 0xfb, 0x1c, 0x0b],
      [0xfb, 0x08, 0x03, 0x02, 0x0b],
    ];
    for (const constant of constants) {
      const tables = [2, 0x40, 0x00, 0x64, 0x00, 0x01, 0x07, 0x09, ...constant, 0x70, 0x00, 0x05];
      const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 4, tables.length, ...tables]);
      expect(readModuleShape(bytes).tables).toMatchObject([{ minimum: 7, maximum: 9 }, { minimum: 5 }]);
    }
  });

  it('reads types of the garbage collector without taking them for functions', () => {
    const types = [
      ...[5],
      ...[0x4e, 2, 0x50, 0, 0x5f, 2, 0x7f, 1, 0x63, 0x01, 0, 0x5e, 0x78, 1],
      ...[0x4f, 1, 0, 0x5f, 0],
      ...[0x60, 2, 0x64, 0x6b, 0x6d, 1, 0x70],
      ...[0x60, 0, 0],
      ...[0x60, 0, 1, 0x7f],
    ];
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const imports = [2, 0, 0, 0, 3, 0, 0, 0, 5];
    const bytes = Uint8Array.from([...header, 1, types.length, ...types, 2, imports.length, ...imports]);
    expect(readModuleShape(bytes).imports.map(({ type }) => type)).toEqual([
      { params: ['(ref struct)', '(ref null eq)'], results: ['funcref'] },
      { params: [], results: ['i32'] },
    ]);
  });

  it('finds the start function', async () => {
    expect(readModuleShape(await assemble('(module (func) (func $s) (start $s))')).startFunction).toBe(1);
    expect(readModuleShape(await assemble('(module)')).startFunction).toBeUndefined();
  });

  it('tells whether objects can be made', async () => {
    expect(readModuleShape(FILLING).makesObjects).toBe(true);
    expect(readModuleShape(await assemble('(module (func (param i32)))')).makesObjects).toBe(false);
  });

  it('agrees with V8 about a real guest', () => {
    const shape = readModuleShape(classify);
    const module = new WebAssembly.Module(classify);
    const named = (list: readonly { name: string }[]) => list.map(({ name }) => name);
    expect(named(shape.imports)).toEqual(named(WebAssembly.Module.imports(module)));
    expect(named(shape.exports)).toEqual(named(WebAssembly.Module.exports(module)));
    expect(shape.imports.length).toBeGreaterThan(6);
  });

  const readable = (bytes: Uint8Array) => {
    try {
      readModuleShape(bytes);
    } catch (error) {
      if (!(error instanceof MalformedModule)) throw error;
    }
  };

  it('says of every truncation that it is malformed, or reads it', () => {
    const end = readModuleShape(classify).sections.find(({ id }) => id === 10)?.contentOffset ?? 0;
    expect(end).toBeGreaterThan(1000);
    for (let byteLength = 8; byteLength < end; byteLength++) readable(classify.subarray(0, byteLength));
  });

  it('says of any damage that it is malformed, or reads it', () => {
    const head = classify.subarray(0, 2000);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(head.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), (pokes) => {
        const damaged = Uint8Array.from(head);
        for (const [at, byte] of pokes) damaged[at] = byte;
        readable(damaged);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not believe a count', () => {
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(() => readModuleShape(bytes)).toThrow(MalformedModule);
  });
});

describe('a module that names immense numbers of things', () => {
  const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
  const section = (id: number, count: number, item: readonly number[]): Buffer => {
    const body = Buffer.concat([Buffer.from(leb(count)), Buffer.alloc(count * item.length, Buffer.from(item))]);
    return Buffer.concat([Buffer.from([...HEAD, id, ...leb(body.byteLength)]), body]);
  };

  it.each([
    ['memories', section(5, 1_000_000, [0, 0])],
    ['tables', section(4, 1_000_000, [0x70, 0, 0])],
    ['imports', section(2, 1_000_000, [0, 0, 3, 0x7f, 0])],
    ['exports', section(7, 1_000_000, [0, 0, 0])],
    ['functions', section(3, 2_000_000, [0])],
    ['types', section(1, 2_000_000, [0x60, 0, 0])],
    ['sections', Buffer.concat([Buffer.from(HEAD), Buffer.alloc(400, Buffer.from([5, 1, 0, 0]))])],
  ])('is not read: %s', (_what, bytes) => {
    expect(() => readModuleShape(bytes)).toThrow(MalformedModule);
  });

  it('is read past its custom sections, whose number is not kept', () => {
    const bytes = Buffer.concat([
      Buffer.from(HEAD),
      Buffer.alloc(3_000_000, Buffer.from([0, 1, 0])),
      Buffer.from([5, 3, 1, 0, 1]),
    ]);
    const shape = readModuleShape(bytes);
    expect(shape.sections).toHaveLength(1);
    expect(shape.memories).toMatchObject([{ minimum: 1 }]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModuleShape } from '../../src/engine/module-binary.ts';
import { type ModuleLimits, memoryCeilings, rewriteModule, startExportName } from '../../src/engine/module-rewrite.ts';
import { HostError } from '../../src/errors.ts';
import { assemble, compileText } from '../support/assemble.ts';

type Exports = Record<string, (...args: (number | bigint)[]) => number | bigint>;

async function instantiate(text: string, limits: ModuleLimits, imports: WebAssembly.Imports = {}): Promise<Exports> {
  const { module } = await compileText(text, limits);
  return new WebAssembly.Instance(module, imports).exports as unknown as Exports;
}

const PAGE = 65_536;

/** Pages until `memory.grow` refuses, one at a time. */
const GROWER = `(func (export "fill") (result i32)
  (loop $next (br_if $next (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (memory.size))`;

describe('a limit on memories', () => {
  it.each([
    ['(memory 1)', 4 * PAGE, 4],
    ['(memory 1)', 4 * PAGE + PAGE - 1, 4],
    ['(memory 1 100)', 4 * PAGE, 4],
    ['(memory 1 3)', 4 * PAGE, 3],
    ['(memory 4)', 4 * PAGE, 4],
    ['(memory 0)', PAGE - 1, 0],
    ['(memory 1 300 shared)', 200 * PAGE, 200],
    ['(memory 1 2 shared)', 200 * PAGE, 2],
  ])('%s may have %i bytes: %i pages', async (memory, maxMemoryBytes, pages) => {
    const { fill } = await instantiate(`(module ${memory} ${GROWER})`, { maxMemoryBytes });
    expect(fill?.()).toBe(pages);
  });

  it('bounds one step of any size', async () => {
    const text = '(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))';
    const { grow } = await instantiate(text, { maxMemoryBytes: 10 * PAGE });
    expect([grow?.(10), grow?.(-1), grow?.(9), grow?.(1)]).toEqual([-1, -1, 1, -1]);
  });

  it.each(['(memory 3)', '(memory 3 5)', '(memory 3 5 shared)', '(memory i64 3)'])(
    'refuses %s above it',
    async (memory) => {
      const limited = compileText(`(module ${memory})`, { maxMemoryBytes: 3 * PAGE - 1 });
      await expect(limited).rejects.toMatchObject({
        code: 'ERR_MODULE_LIMIT',
        message: expect.stringContaining('memory minimum size of 3 pages exceeds memory limits'),
      });
    },
  );

  it('bounds memories of 64 bits', async () => {
    const text = await assemble('(module (memory (export "m") i64 1) (data (i64.const 0) "a"))');
    const { bytes } = rewriteModule(text, readModuleShape(text), { maxMemoryBytes: 200 * PAGE }, false);
    expect(readModuleShape(bytes).memories).toMatchObject([{ minimum: 1, maximum: 200, address64: true }]);
  });

  it('bounds several memories together, each by what it begins with and a share of the rest', async () => {
    const text = await assemble('(module (memory 1) (memory 2 3) (memory 300 4000))');
    const { bytes } = rewriteModule(text, readModuleShape(text), { maxMemoryBytes: 600 * PAGE }, false);
    expect(readModuleShape(bytes).memories.map(({ minimum, maximum }) => [minimum, maximum])).toEqual([
      [1, 100],
      [2, 3],
      [300, 399],
    ]);
  });

  it('counts memories that are imported', async () => {
    const text = await assemble('(module (import "m" "m" (memory 1 500)) (memory 1))');
    const { bytes } = rewriteModule(text, readModuleShape(text), { maxMemoryBytes: 100 * PAGE }, false);
    expect(readModuleShape(bytes).memories).toMatchObject([{ minimum: 1, maximum: 50 }]);
    expect(
      memoryCeilings(readModuleShape(text), { maxMemoryBytes: 100 * PAGE })({ minimum: 1, pageByteLength: PAGE }),
    ).toBe(50);
    const many = await assemble(`(module ${'(import "m" "m" (memory 1))'.repeat(17)})`);
    expect(() => readModuleShape(many)).toThrow('more than 16 memories are imported');
  });

  it('refuses several memories that begin above it together', async () => {
    const three = '(module (memory 1) (memory 2 3) (memory 300 4000))';
    await expect(compileText(three, { maxMemoryBytes: 303 * PAGE - 1 })).rejects.toMatchObject({
      code: 'ERR_MODULE_LIMIT',
      message: expect.stringContaining('memory minimum sizes of 19857408 bytes together exceed memory limits'),
    });
  });

  it('leaves bytes alone that need no change', async () => {
    const text = await assemble('(module (memory 1 3) (table 2 2 funcref))');
    const limits = { maxMemoryBytes: 3 * PAGE, maxTableElements: 2 };
    expect(rewriteModule(text, readModuleShape(text), limits, true)).toEqual({ bytes: text, codeShiftBytes: 0 });
    const open = await assemble('(module (memory 1))');
    expect(rewriteModule(open, readModuleShape(open), { maxMemoryBytes: 2 ** 32 }, false).bytes).toBe(open);
  });

  it('holds for any module', async () => {
    const pages = fc.nat(70_000);
    await fc.assert(
      fc.asyncProperty(
        pages,
        fc.option(pages, { nil: undefined }),
        fc.nat(2 ** 33),
        async (minimum, more, maxMemoryBytes) => {
          const least = Math.min(minimum, PAGE);
          const most = more === undefined ? undefined : Math.min(least + more, PAGE);
          const original = await assemble(`(module (memory ${least} ${most ?? ''}) (func (export "f")))`);
          const allowed = Math.floor(maxMemoryBytes / PAGE);
          const rewrite = () => rewriteModule(original, readModuleShape(original), { maxMemoryBytes }, false).bytes;
          if (least > allowed) {
            expect(rewrite).toThrow(HostError);
            return;
          }
          const bytes = rewrite() as Uint8Array<ArrayBuffer>;
          expect(WebAssembly.validate(bytes)).toBe(true);
          const [memory] = readModuleShape(bytes).memories;
          expect(memory?.minimum).toBe(least);
          expect(Math.min(memory?.maximum ?? PAGE, PAGE)).toBe(Math.min(most ?? PAGE, PAGE, allowed));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a limit on tables', () => {
  it.each([
    ['(table 1 funcref)', 5, 5],
    ['(table 1 3 funcref)', 5, 3],
    ['(table 1 300 externref)', 200, 200],
  ])('%s may have %i elements: %i', async (table, maxTableElements, elements) => {
    const text = `(module ${table} (func (export "fill") (result i32)
      (loop $next (br_if $next (i32.ne (table.grow 0 (ref.null ${table.includes('extern') ? 'extern' : 'func'}) (i32.const 1)) (i32.const -1))))
      (table.size 0)))`;
    expect((await instantiate(text, { maxTableElements })).fill?.()).toBe(elements);
  });

  it('bounds what several tables may have together, unasked', async () => {
    const text = `(module (table 1 funcref) (table 2 externref)
      (func (export "first") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0)))
      (func (export "second") (param i32) (result i32) (table.grow 1 (ref.null extern) (local.get 0))))`;
    const { first, second } = await instantiate(text, {});
    expect([first?.(9_000_000), second?.(9_000_000), first?.(1_000), second?.(1_000)]).toEqual([-1, -1, 1, 2]);
    const tables = '(table 4000000 funcref)'.repeat(3);
    await expect(compileText(`(module ${tables})`, {})).rejects.toMatchObject({
      code: 'ERR_MODULE_LIMIT',
      message: expect.stringContaining('12000000 elements together'),
    });
  });

  it('refuses a table above it', async () => {
    await expect(compileText('(module (table 3 funcref))', { maxTableElements: 2 })).rejects.toMatchObject({
      code: 'ERR_MODULE_LIMIT',
      message: expect.stringContaining('table minimum size of 3 elements exceeds table limits'),
    });
  });
});

describe('the start function', () => {
  it.each([
    ['with exports', '(func (export "f"))'],
    ['without exports', ''],
    ['with one of its name', `(func (export "wasi-nn-host:start")) (func (export "wasi-nn-host:start'"))`],
  ])('becomes an export, %s', async (_, more) => {
    const text = await assemble(
      `(module (import "a" "called" (func $called)) (memory 1) ${more} (func $s call $called) (start $s))`,
    );
    const shape = readModuleShape(text);
    const { bytes } = rewriteModule(text, shape, { maxMemoryBytes: PAGE }, true);
    let calls = 0;
    const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    const { exports } = new WebAssembly.Instance(module, { a: { called: () => calls++ } });
    expect(calls).toBe(0);
    (exports[startExportName(shape)] as () => void)();
    expect(calls).toBe(1);
  });

  it('stays where it is when nothing of the host can be called from it', async () => {
    const { module, codeShiftBytes } = await compileText('(module (func $s) (start $s))');
    expect(WebAssembly.Module.exports(module)).toEqual([]);
    expect(codeShiftBytes).toBe(0);
  });
});

it('tells how far the code moved', async () => {
  const text = await assemble('(module (memory 1) (func (export "f") unreachable))');
  const { bytes, codeShiftBytes } = rewriteModule(text, readModuleShape(text), { maxMemoryBytes: 1000 * PAGE }, false);
  expect(codeShiftBytes).toBeGreaterThan(0);
  const code = (module: Uint8Array) => readModuleShape(module).sections.find(({ id }) => id === 10)?.offset ?? 0;
  expect(code(bytes) - code(text)).toBe(codeShiftBytes);
});

import { describe, expect, it } from 'vitest';
import { runTextGuest } from '../support/text-guest.ts';

const PROC_EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))';
const FD_WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))';
/** Prints the text at 16, `length` bytes. */
const PRINT = (text: string) => `(memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\${text.length.toString(16).padStart(2, '0')}\\00\\00\\00")
  (data (i32.const 16) "${text}")
  (func $print (result i32) (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))`;

describe('the end of a guest', () => {
  it('is a return', async () => {
    const { outcome } = await runTextGuest('(module (func (export "_start")))');
    expect(outcome).toEqual({ kind: 'returned', results: [] });
  });

  it.each([0, 1, 125, 126, 0xffff_ffff])('is proc_exit(%i), as the guest gave it', async (exitCode) => {
    const { outcome } = await runTextGuest(
      `(module ${PROC_EXIT} (memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const ${exitCode}))))`,
    );
    expect(outcome).toMatchObject({ kind: 'exited', exitCode, phase: { at: 'invoke' } });
  });

  it('is nothing that a guest with exception handling can catch', async () => {
    const { outcome, stdout } = await runTextGuest(`(module ${PROC_EXIT} ${FD_WRITE} ${PRINT('caught')}
      (func (export "_start")
        (try (do (call $proc_exit (i32.const 7))) (catch_all (drop (call $print))))
        (drop (call $print))))`);
    expect(outcome).toMatchObject({ kind: 'exited', exitCode: 7 });
    expect(stdout).toBe('');
  });

  it('may come from the start function, before there is an instance', async () => {
    const { outcome } = await runTextGuest(
      `(module ${PROC_EXIT} (memory (export "memory") 1) (func $s (call $proc_exit (i32.const 4))) (start $s))`,
    );
    expect(outcome).toMatchObject({ kind: 'exited', exitCode: 4, phase: { at: 'instantiate' } });
  });

  it('is an exception of its own', async () => {
    const { outcome } = await runTextGuest('(module (tag $t) (func (export "_start") (throw $t)))');
    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'ERR_GUEST_EXCEPTION' } });
  });

  it('is no error of the code around it', async () => {
    const failure = new Error('of the embedder');
    const nn = {
      backend: () => {
        throw failure;
      },
      registry: { get: () => undefined },
    };
    // A backend that fails is told to the guest by an errno.
    const { outcome } = await runTextGuest(
      `(module (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "load") (result i32) (call $load (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))`,
      { invoke: { name: 'load', args: [] } },
      nn,
    );
    expect(outcome).toMatchObject({ kind: 'returned', results: [expect.not.stringMatching(/^0$/)] });
  });
});

it('has its start function whatever names it exports', async () => {
  const { outcome } = await runTextGuest(
    `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (func $s (call $exit (i32.const 7))) (func (export "wasi-nn-host:start")) (start $s))`,
  );
  expect(outcome).toMatchObject({ kind: 'exited', exitCode: 7 });
});

describe('what is called', () => {
  const counter = `(module (global $g (mut i32) (i32.const 0))
    (func $add (param i32) (global.set $g (i32.add (i32.mul (global.get $g) (i32.const 10)) (local.get 0))))
    (func (export "_initialize") (call $add (i32.const 1)))
    (func (export "_start") (result i32) (call $add (i32.const 2)) (global.get $g))
    (func (export "get") (result i32) (global.get $g)))`;

  it('is _initialize, then _start', async () => {
    expect((await runTextGuest(counter)).outcome).toEqual({ kind: 'returned', results: ['12'] });
  });

  it('is _initialize, then what was asked for', async () => {
    const { outcome } = await runTextGuest(counter, { invoke: { name: 'get', args: [] } });
    expect(outcome).toEqual({ kind: 'returned', results: ['1'] });
  });

  it('is the export without a name before _start', async () => {
    const { outcome } = await runTextGuest(
      '(module (func (export "") (result i32) (i32.const 1)) (func (export "_start") unreachable))',
    );
    expect(outcome).toEqual({ kind: 'returned', results: ['1'] });
  });

  it.each([
    ['(func (export "_start") (param i32))', {}, 'not enough arguments for command default'],
    ['(func (export "_initialize") (param i32))', {}, '_initialize: expected 0 parameters, found 1'],
    ['(global (export "g") i32 (i32.const 1))', { invoke: { name: 'g', args: [] } }, 'no func export named `g` found'],
    ['(memory 1)', { invoke: { name: 'f', args: [] } }, 'no func export named `f` found'],
    ['(func (export "f") (param v128))', { invoke: { name: 'f', args: ['1'] } }, 'v128'],
    [
      '(func (export "f") (param externref))',
      { invoke: { name: 'f', args: ['1'] } },
      'unsupported argument type externref',
    ],
  ])('%s cannot be', async (body, plan, message) => {
    const { outcome } = await runTextGuest(`(module ${body})`, plan);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ERR_MODULE_EXPORT', message: expect.stringContaining(message) },
    });
  });

  it.each([
    ['i32', ['-1'], ['-1']],
    ['i64', ['-9223372036854775808'], ['-9223372036854775808']],
    ['f32', ['0.1'], ['0.1']],
    ['f64', ['-0'], ['-0']],
    ['i32 i64 f32 f64', ['1', '2', '3', 'nan'], ['1', '2', '3', 'NaN']],
  ])('takes and gives %s', async (types, args, results) => {
    const gets = types.split(' ').map((_, index) => `(local.get ${index})`);
    const { outcome } = await runTextGuest(
      `(module (func (export "f") (param ${types}) (result ${types}) ${gets.join(' ')}))`,
      { invoke: { name: 'f', args } },
    );
    expect(outcome).toEqual({ kind: 'returned', results });
  });

  it('gives references by their kind', async () => {
    const { outcome } = await runTextGuest(
      '(module (func $f (export "f") (result funcref externref funcref) (ref.null func) (ref.null extern) (ref.func $f)))',
      { invoke: { name: 'f', args: [] } },
    );
    expect(outcome).toEqual({ kind: 'returned', results: ['<null funcref>', '<null externref>', '<funcref>'] });
  });
});

describe('the memory that WASI sees', () => {
  it('is there in the start function', async () => {
    const { stdout } = await runTextGuest(
      `(module ${FD_WRITE} ${PRINT('from start')} (func $s (drop (call $print))) (start $s))`,
    );
    expect(stdout).toBe('from start');
  });

  it.each(['(import "env" "memory" (memory 1))', '(import "env" "memory" (memory 1 2 shared))'])(
    'may be imported: %s',
    async (memory) => {
      const { outcome, stdout } = await runTextGuest(`(module ${FD_WRITE} ${memory}
        ${PRINT('imported').replace('(memory (export "memory") 1)', '')}
        (func (export "_start") (result i32) (call $print)))`);
      expect([outcome, stdout]).toEqual([{ kind: 'returned', results: ['0'] }, 'imported']);
    },
  );

  it('is the memory of the module that calls', async () => {
    const { outcome, stdout } = await runTextGuest(
      `(module ${FD_WRITE} (import "lib" "print" (func $other (result i32))) ${PRINT('program ')}
        (func (export "_start") (result i32) (call $print) (call $other) (call $print) i32.or i32.or))`,
      { preloads: { lib: `(module ${FD_WRITE} ${PRINT('library ')} (export "print" (func $print)))` } },
    );
    expect(outcome).toEqual({ kind: 'returned', results: ['0'] });
    expect(stdout).toBe('program library program ');
  });
});

it('calls nothing that only has the name of something to be called', async () => {
  const names = ['_initialize', '_start', '', 'wasi-nn-host:start'];
  const globals = names.map((name) => `(global (export "${name}") i32 (i32.const 1))`).join(' ');
  const { outcome } = await runTextGuest(`(module ${globals})`, { preloads: { lib: `(module ${globals})` } });
  expect(outcome).toEqual({ kind: 'returned', results: [] });
});

describe('preloads', () => {
  const main = `(module (import "lib" "add" (func $add (param i32 i32) (result i32)))
    (func (export "_start") (result i32) (call $add (i32.const 3) (i32.const 4))))`;
  const add = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))';

  it('are imported from, and are initialized', async () => {
    const lib = `(module (global $g (mut i32) (i32.const 0)) (func (export "_initialize") (global.set $g (i32.const 100)))
      (func (export "_start") unreachable)
      (func (export "add") (param i32 i32) (result i32) (i32.add (global.get $g) (i32.add (local.get 0) (local.get 1)))))`;
    expect((await runTextGuest(main, { preloads: { lib } })).outcome).toEqual({ kind: 'returned', results: ['107'] });
  });

  it('import from those before them', async () => {
    const lib = `(module (import "base" "add" (func $add (param i32 i32) (result i32))) (export "add" (func $add)))`;
    const { outcome } = await runTextGuest(main, { preloads: { base: add, lib } });
    expect(outcome).toEqual({ kind: 'returned', results: ['7'] });
  });

  it.each([
    [
      '(module (func (export "add") (param i64)))',
      'expected type `(func (param i32 i32) (result i32))`, found type `(func (param i64))`',
    ],
    ['(module (memory (export "add") 1))', 'expected func, but found memory'],
    ['(module)', 'unknown import: `lib::add` has not been defined'],
  ])('%s does not fit', async (lib, message) => {
    const { outcome } = await runTextGuest(main, { preloads: { lib } });
    expect(outcome).toMatchObject({
      kind: 'failed',
      phase: { at: 'instantiate' },
      failure: { code: 'ERR_MODULE_LINK', message: expect.stringContaining(message) },
    });
  });

  it.each([
    ['memory 2', '(memory (export "x") 1)'],
    ['table 3 funcref', '(table (export "x") 1 funcref)'],
    ['global i32', '(global (export "x") i64 (i64.const 1))'],
  ])('an import of (%s) from %s names the import', async (wanted, given) => {
    const { outcome } = await runTextGuest(`(module (import "lib" "x" (${wanted})))`, {
      preloads: { lib: `(module ${given})` },
    });
    expect(outcome).toMatchObject({
      failure: {
        code: 'ERR_MODULE_LINK',
        message: expect.stringMatching(/^incompatible import type for `lib::x`: \S/),
      },
    });
  });

  it('that fail are named', async () => {
    const lib = '(module (import "none" "f" (func)))';
    expect((await runTextGuest(main, { preloads: { lib } })).outcome).toMatchObject({
      phase: { at: 'preload', name: 'lib' },
      failure: { code: 'ERR_MODULE_LINK' },
    });
  });
});

describe('imports', () => {
  it.each([
    [
      '(import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))',
      'expected type `(func (param i64))`, found type `(func (param i32))`',
    ],
    ['(import "wasi_snapshot_preview1" "proc_exit" (global i32))', 'expected global, but found func'],
    [
      '(import "wasi_unstable" "fd_seek" (func (param i32 i32 i32 i32) (result i32)))',
      'found type `(func (param i32 i64 i32 i32) (result i32))`',
    ],
    ['(import "wasi_snapshot_preview1" "toString" (func))', 'unknown import: `wasi_snapshot_preview1::toString`'],
    ['(import "wasi_snapshot_preview1" "__proto__" (func))', 'unknown import'],
    ['(import "__proto__" "x" (func))', 'unknown import: `__proto__::x`'],
    [
      '(import "wasi_ephemeral_nn" "compute" (func (param i32) (result i32)))',
      'unknown import: `wasi_ephemeral_nn::compute`',
    ],
    ['(import "env" "g" (global i32))', 'unknown import: `env::g` has not been defined'],
    ['(import "env" "t" (table 1 funcref))', 'unknown import: `env::t`'],
  ])('%s is refused', async (text, message) => {
    const { outcome } = await runTextGuest(`(module ${text})`);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ERR_MODULE_LINK', message: expect.stringContaining(message) },
    });
  });

  const unknown = `(module (import "x" "f" (func $f (result i64 f32 externref)))
    (func (export "_start") (result i64 f32 externref) (call $f)))`;

  it('that nobody provides may return zeros', async () => {
    expect((await runTextGuest(unknown, { unknownImports: 'default' })).outcome).toEqual({
      kind: 'returned',
      results: ['0', '0', '<null externref>'],
    });
  });

  it('that nobody provides may end the guest, which cannot catch it', async () => {
    const { outcome } = await runTextGuest(
      `(module (import "x" "f" (func $f)) (func (export "_start") (try (do (call $f)) (catch_all))))`,
      { unknownImports: 'trap' },
    );
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: {
        code: 'ERR_MODULE_LINK',
        message: 'unknown import: `x::f` has not been defined',
        backtrace: [/wasm function 1/],
      },
    });
  });

  it.each([
    [{ maxMemoryBytes: 3 * 65_536 }, '3'],
    [{ maxMemoryBytes: 5 * 65_536 }, '4'],
    [{}, '4'],
  ])('a memory gets the limits %j', async (limits, pages) => {
    const { outcome } = await runTextGuest(
      `(module (import "env" "memory" (memory 1 4)) (func (export "_start") (result i32)
        (loop $next (br_if $next (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (memory.size)))`,
      { limits },
    );
    expect(outcome).toEqual({ kind: 'returned', results: [pages] });
  });

  it.each(['__proto__', 'constructor', 'toString'])(
    'a memory of the module %s is no part of JavaScript',
    async (name) => {
      const { outcome } = await runTextGuest(
        `(module (import "${name}" "${name}" (memory 1)) (import "${name}" "polluted" (func))
        (func (export "_start") (result i32) (i32.store (i32.const 0) (i32.const 7)) (i32.load (i32.const 0))))`,
        { unknownImports: 'default' },
      );
      expect(outcome).toEqual({ kind: 'returned', results: ['7'] });
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      expect(String({})).toBe('[object Object]');
    },
  );

  it('a memory above its limit is refused', async () => {
    const { outcome } = await runTextGuest('(module (import "env" "memory" (memory 2)))', {
      limits: { maxMemoryBytes: 65_536 },
    });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_MODULE_LIMIT' } });
  });
});

describe('limits of what there may be', () => {
  it.each([
    [{ maxInstances: 0 }, 'instance count too high at 1'],
    [{ maxInstances: 1 }, 'instance count too high at 2'],
    [{ maxMemories: 1 }, 'memory count too high at 2'],
    [{ maxTables: 0 }, 'table count too high at 1'],
  ])('%j', async (limits, message) => {
    const text = '(module (memory 1) (table 1 funcref))';
    const { outcome } = await runTextGuest(text, { limits, preloads: { lib: '(module (memory 1))' } });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_MODULE_LIMIT', message: expect.stringContaining(message) } });
  });

  it('are passed when kept', async () => {
    const limits = { maxInstances: 1, maxMemories: 1, maxTables: 1 };
    const { outcome } = await runTextGuest('(module (memory 1) (table 1 funcref))', { limits });
    expect(outcome.kind).toBe('returned');
  });
});

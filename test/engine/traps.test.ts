import { describe, expect, it } from 'vitest';
import { demangle } from '../../src/engine/demangle.ts';
import { assemble } from '../support/assemble.ts';
import { runTextGuest } from '../support/text-guest.ts';

const start = (body: string, more = '') => `(module ${more} (func (export "_start") ${body}))`;

/** Guests that trap, and wasmtime's words for it. V8 does not tell a null element from one of another type. */
const TRAPS: readonly (readonly [title: string, text: string, words: string])[] = [
  ['unreachable', start('unreachable'), 'wasm `unreachable` instruction executed'],
  ['load', start('(drop (i32.load (i32.const -4)))', '(memory 1)'), 'out of bounds memory access'],
  [
    'memory.fill',
    start('(memory.fill (i32.const 65530) (i32.const 0) (i32.const 100))', '(memory 1)'),
    'out of bounds memory access',
  ],
  ['data segment', '(module (memory 1) (data (i32.const 65536) "a"))', 'out of bounds memory access'],
  ['i32.div_s by 0', start('(drop (i32.div_s (i32.const 1) (i32.const 0)))'), 'integer divide by zero'],
  ['i64.rem_u by 0', start('(drop (i64.rem_u (i64.const 1) (i64.const 0)))'), 'integer divide by zero'],
  ['i32.div_s overflow', start('(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))'), 'integer overflow'],
  ['i32.trunc_f32_s of NaN', start('(drop (i32.trunc_f32_s (f32.const nan)))'), 'invalid conversion to integer'],
  ['recursion', '(module (func $f (export "_start") call $f))', 'call stack exhausted'],
  [
    'call_indirect of another type',
    start('(call_indirect (i32.const 0))', '(table 3 funcref) (elem (i32.const 0) $x) (func $x (param i32))'),
    'indirect call type mismatch',
  ],
  [
    'call_indirect beyond the table',
    start('(call_indirect (i32.const 10))', '(table 3 funcref)'),
    'undefined element: out of bounds table access',
  ],
  [
    'table.get beyond the table',
    start('(drop (table.get 0 (i32.const 10)))', '(table 3 funcref)'),
    'undefined element: out of bounds table access',
  ],
  [
    'element segment',
    '(module (table 1 funcref) (func $x) (elem (i32.const 4) $x))',
    'undefined element: out of bounds table access',
  ],
  [
    'memory.atomic.wait32',
    start('(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))', '(memory 1)'),
    'atomic wait on non-shared memory',
  ],
  ['unaligned atomic', start('(drop (i32.atomic.load (i32.const 1)))', '(memory 1 1 shared)'), 'unaligned atomic'],
];

describe('a trap', () => {
  it.each(TRAPS)('%s', async (_, text, words) => {
    const { outcome } = await runTextGuest(text);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ERR_GUEST_TRAP', message: `wasm trap: ${words}` },
    });
  });
});

async function backtraceOf(
  module: string | Uint8Array,
  plan: Parameters<typeof runTextGuest>[1] = {},
): Promise<readonly string[]> {
  const { outcome } = await runTextGuest(module, plan);
  if (outcome.kind === 'returned') throw new Error('the guest returned');
  return outcome.kind === 'exited' ? outcome.backtrace : outcome.failure.backtrace;
}

describe('a backtrace', () => {
  const nested = `(module $named.wasm (memory 1) (func $inner unreachable)
    (func $_ZN4core3fmt5write17h0123456789abcdefE call $inner) (func (export "_start") call 1))`;

  it('has module, function and offset of each frame, innermost first', async () => {
    expect(await backtraceOf(nested)).toEqual([
      '    0:     0x2a - named.wasm!inner',
      '    1:     0x2e - named.wasm!core::fmt::write::h0123456789abcdef',
      '    2:     0x33 - named.wasm!<wasm function 2>',
    ]);
  });

  it('has the offsets of the original module when limits were written into it', async () => {
    expect(await backtraceOf(nested, { limits: { maxMemoryBytes: 1000 * 65_536 } })).toEqual(await backtraceOf(nested));
  });

  it('has as many frames as asked for, from the innermost', async () => {
    const deep =
      '(module (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else unreachable))) (func (export "_start") (call $f (i32.const 100))))';
    expect(await backtraceOf(deep, { maxBacktraceFrames: 3 })).toHaveLength(3);
    expect(await backtraceOf(deep)).toHaveLength(20);
    expect(await backtraceOf(deep, { maxBacktraceFrames: 400 })).toHaveLength(102);
  });

  it('begins where the guest called when the host ended it', async () => {
    const exits = `(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
      (func $quit (call $exit (i32.const 200))) (func $_start (export "_start") call $quit))`;
    expect(await backtraceOf(exits)).toEqual([
      expect.stringMatching(/^ {4}0: +0x[0-9a-f]+ - <unknown>!quit$/),
      expect.stringMatching(/^ {4}1: +0x[0-9a-f]+ - <unknown>!_start$/),
    ]);
  });

  it('leaves the stack trace settings of the process as they were', async () => {
    const before = { limit: Error.stackTraceLimit, prepare: Error.prepareStackTrace };
    await backtraceOf(nested);
    expect({ limit: Error.stackTraceLimit, prepare: Error.prepareStackTrace }).toEqual(before);
    expect(new Error('text').stack).toContain('traps.test.ts');
  });

  it('has no control characters out of names', async () => {
    const name = new TextEncoder().encode('a\u001b[31m\n\u202ez');
    // Section 0, "name"; in it subsection 1, one function: index 0.
    const names = [4, ...new TextEncoder().encode('name'), 1, name.length + 3, 1, 0, name.length, ...name];
    const module = await assemble('(module (func (export "_start") unreachable))');
    // Before the one that the assembler wrote: V8 takes the first.
    const named = Uint8Array.from([...module.subarray(0, 8), 0, names.length, ...names, ...module.subarray(8)]);
    const [frame] = await backtraceOf(named);
    expect(frame).toMatch(/ - <unknown>!a\u{fffd}\[31m \u{fffd}z$/u);
  });
});

describe('demangle', () => {
  it.each([
    ['_ZN4core3fmt5write17h0123456789abcdefE', 'core::fmt::write::h0123456789abcdef'],
    [
      '_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h47aac6fe6d04d9f2E',
      'std::rt::lang_start::{{closure}}::h47aac6fe6d04d9f2',
    ],
    [
      '_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE',
      '<alloc::string::String as core::fmt::Display>::fmt::h0123456789abcdef',
    ],
    ['_ZN3foo3barE', '_ZN3foo3barE'],
    ['_ZN9foo17h0123456789abcdefE', '_ZN9foo17h0123456789abcdefE'],
    ['_ZN0E', '_ZN0E'],
    ['_ZN99999999999999999999aE', '_ZN99999999999999999999aE'],
    ['main', 'main'],
    ['_ZN1a17h0123456789abcdefE.llvm.1A2B', 'a::h0123456789abcdef'],
  ])('%s', (name, readable) => {
    expect(demangle(name)).toBe(readable);
  });
});

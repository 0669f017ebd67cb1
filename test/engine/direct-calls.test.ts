/** Direct calls of whole guests, by what memory they have. */
import { describe, expect, it } from 'vitest';
import { runTextGuest } from '../support/text-guest.ts';

const IMPORT = '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))';
const FAULT = 21;

/** Whether this V8 takes a module of this one section. */
function takes(...section: number[]): boolean {
  return WebAssembly.validate(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section));
}

async function results(text: string): Promise<unknown> {
  const { outcome } = await runTextGuest(text, { invoke: { name: 'run', args: [] } });
  return outcome.kind === 'returned' ? outcome.results : outcome;
}

describe('a direct call', () => {
  it('has nowhere to write for a guest that shows no memory', async () => {
    const text = `(module ${IMPORT} (memory 1)
      (func (export "run") (result i32 i64) (call $random (i32.const 0) (i32.const 8)) (i64.load (i32.const 0))))`;
    expect(await results(text)).toEqual([String(FAULT), '0']);
  });

  it('writes where the memory is after it has grown', async () => {
    const text = `(module ${IMPORT} (memory (export "memory") 1)
      (func (export "run") (result i32 i32 i32 i32)
        (call $random (i32.const 0x1fff0) (i32.const 16))
        (drop (memory.grow (i32.const 1)))
        (call $random (i32.const 0x1fff0) (i32.const 16))
        (i64.ne (i64.load (i32.const 0x1fff0)) (i64.load (i32.const 0x1fff8)))
        (call $random (i32.const 0x1fff1) (i32.const 16))))`;
    expect(await results(text)).toEqual([String(FAULT), '0', '1', String(FAULT)]);
  });

  it('writes to the memory of the module that makes it', async () => {
    const own = `(module ${IMPORT} (memory (export "memory") 1)
      (func (export "fill") (result i32) (drop (call $random (i32.const 0) (i32.const 8))) (i64.ne (i64.load (i32.const 0)) (i64.const 0))))`;
    const text = `(module ${IMPORT} (import "own" "fill" (func $fill (result i32))) (memory (export "memory") 1)
      (func (export "run") (result i32 i64 i32 i32) (call $fill) (i64.load (i32.const 0))
        (call $random (i32.const 8) (i32.const 8)) (i64.ne (i64.load (i32.const 8)) (i64.const 0))))`;
    const { outcome } = await runTextGuest(text, { invoke: { name: 'run', args: [] }, preloads: { own } });
    expect(outcome).toEqual({ kind: 'returned', results: ['1', '0', '0', '1'] });
  });

  const manyMemories = `(module ${IMPORT} (memory $other (export "other") 1) (memory $own (export "memory") 1)
    (func (export "run") (result i32 i64 i32) (call $random (i32.const 0) (i32.const 8))
      (i64.load $other (i32.const 0)) (i64.ne (i64.load $own (i32.const 0)) (i64.const 0))))`;
  const longMemory = `(module ${IMPORT} (memory (export "memory") i64 1)
    (func (export "run") (result i32 i64 i32) (call $random (i32.const 8) (i32.const 8))
      (i64.load (i64.const 0)) (i64.ne (i64.load (i64.const 8)) (i64.const 0))))`;

  it.each([
    ['one of several memories', manyMemories, [5, 5, 2, 0, 1, 0, 1]],
    ['a memory of 64-bit addresses', longMemory, [5, 3, 1, 4, 1]],
  ])('writes to %s, where V8 has such', async (_, text, section) => {
    if (takes(...section)) expect(await results(text)).toEqual(['0', '0', '1']);
    else await expect(results(text)).rejects.toMatchObject({ code: 'ERR_MODULE_COMPILE' });
  });
});

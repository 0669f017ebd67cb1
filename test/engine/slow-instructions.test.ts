import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModuleShape } from '../../src/engine/module-binary.ts';
import { hasSlowInstructions } from '../../src/engine/slow-instructions.ts';
import { assemble } from '../support/assemble.ts';

const isSlow = async (text: string) => {
  const bytes = await assemble(text);
  return hasSlowInstructions(bytes, readModuleShape(bytes));
};

/** Has an instruction stand behind others whose immediates a walk has to pass. */
const among = (instructions: string) => `(module
  (tag $tag (param i32)) (memory 1) (table $table 4 funcref) (elem $elem func $main) (data $data "abc")
  (func $first (param i32) (result i32) (i32.add (local.get 0) (i32.const -1)))
  (func $main (local i32 i64 f32 f64 v128 externref)
    (block (result i32) (i32.const 0x7fffffff)) (drop)
    (drop (f64.const 0x1.fcfcfcfcfcfcfp+1)) (drop (i64.const -5)) (drop (f32.const 0.1))
    (block $a (block $b (br_table $a $b $a (i32.const 1))))
    (drop (select (result externref) (ref.null extern) (ref.null extern) (i32.const 1)))
    (block $out (result i32) (try_table (catch $tag $out) (throw $tag (i32.const 5))) (i32.const 1)) (drop)
    (drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 2)))
    (i64.store offset=70000 (i32.const 0) (i64.load32_u align=1 (i32.const 8)))
    (drop (v128.const i8x16 0xfc 0x0b 0 0xfc 0x0a 0 0 0xfc 8 0 0 0xfb 6 0 1 2))
    (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 4) (local.get 4)))
    (drop (i32x4.extract_lane 3 (v128.load8_lane 2 (i32.const 1) (local.get 4))))
    (drop (f32x4.add (local.get 4) (v128.load32_zero (i32.const 1))))
    (drop (i32.trunc_sat_f64_u (local.get 3)))
    (drop (i32.atomic.rmw.cmpxchg offset=4 (i32.const 0) (i32.const 1) (i32.const 2))) (atomic.fence)
    (drop (table.size $table)) (elem.drop $elem) (data.drop $data) (drop (memory.grow (i32.const 1)))
    ${instructions})
  (func $last (drop (i32.const 1))))`;

const CODE = { id: 10, offset: 0, contentOffset: 0, end: 0 };

/** Of a function without locals, in bytes. */
function isSlowBody(instructions: readonly number[]): boolean {
  const body = [0, ...instructions, 0x0b];
  const bytes = Uint8Array.of(1, (body.length & 0x7f) | 0x80, body.length >> 7, ...body);
  return hasSlowInstructions(bytes, { sections: [{ ...CODE, end: bytes.byteLength }] });
}

const SLOW = [
  '(memory.fill (i32.const 0) (i32.const 0) (i32.const 1))',
  '(memory.copy (i32.const 0) (i32.const 0) (i32.const 1))',
  '(memory.init $data (i32.const 0) (i32.const 0) (i32.const 1))',
  '(table.fill $table (i32.const 0) (ref.null func) (i32.const 1))',
  '(table.copy $table $table (i32.const 0) (i32.const 0) (i32.const 1))',
  '(table.init $table $elem (i32.const 0) (i32.const 0) (i32.const 1))',
  '(drop (table.grow $table (ref.null func) (i32.const 1)))',
];

describe('hasSlowInstructions', () => {
  it('finds none among all others, whatever bytes these have', async () => {
    expect(await isSlow(among(''))).toBe(false);
  });

  it.each(SLOW)('finds %s', async (instruction) => {
    expect(await isSlow(among(instruction))).toBe(true);
  });

  it('finds one in any function', async () => {
    const plain = '(func (drop (i32.const 0xb7c)))'.repeat(3);
    const fill = '(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)))';
    expect(await isSlow(`(module (memory 1) ${plain}${fill}${plain})`)).toBe(true);
    expect(await isSlow(`(module (memory 1) ${plain}${plain})`)).toBe(false);
    expect(await isSlow('(module)')).toBe(false);
  });

  it('finds one whose number is longer than it needs to be', async () => {
    const bytes = await assemble(
      '(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)) nop nop))',
    );
    const at = Buffer.from(bytes).indexOf(Uint8Array.of(0xfc, 0x0b, 0x00));
    const longer = Uint8Array.from([...bytes.subarray(0, at), 0xfc, 0x8b, 0x80, 0x00, 0x00, ...bytes.subarray(at + 5)]);
    expect(WebAssembly.validate(longer)).toBe(true);
    expect(hasSlowInstructions(longer, readModuleShape(longer))).toBe(true);
  });

  it('takes what it does not know, or what does not end where it should, for slow', () => {
    const drop = [0x41, 0xfc, 0x0b, 0x1a];
    expect(isSlowBody(drop)).toBe(false);
    expect(isSlowBody([...drop, 0xff])).toBe(true);
    expect(isSlowBody([...drop, 0xfc, 0x12])).toBe(true);
    expect(isSlowBody([...drop, 0x44])).toBe(true);
    expect(hasSlowInstructions(Uint8Array.of(1, 9, 0, ...drop), { sections: [{ ...CODE, end: 7 }] })).toBe(true);
  });

  it.each([
    ...[6, 7, 9, 10, 16, 18, 19].map((opcode) => [opcode, 0xfb, opcode, 0, 0]),
    ...[8, 17].map((opcode) => [opcode, 0xfb, opcode, 0, 0, 0]),
  ])('finds instruction %i of arrays', (_, ...instruction) => {
    const others = [
      ...[0, 1, 11, 12, 13, 14, 20, 21, 22, 23].flatMap((opcode) => [0xfb, opcode, 0x6b]),
      ...[2, 3, 4, 5].flatMap((opcode) => [0xfb, opcode, 1, 0x0e]),
      ...[15, 26, 27, 28, 29, 30].flatMap((opcode) => [0xfb, opcode]),
      ...[24, 25].flatMap((opcode) => [0xfb, opcode, 3, 0, 0x6e, 0x6c]),
      ...[0x41, 0xfb, 0x06],
    ];
    expect(isSlowBody(others)).toBe(false);
    expect(isSlowBody([...others, ...instruction])).toBe(true);
    expect(isSlowBody([...instruction, ...others])).toBe(true);
  });

  it('finds none in guests whose compilers had no use for them', () => {
    const bytes = readFileSync('fixtures/classify.wasm');
    expect(hasSlowInstructions(bytes, readModuleShape(bytes))).toBe(false);
  });
});

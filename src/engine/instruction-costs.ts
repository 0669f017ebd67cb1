/**
 * What single instructions do, as far as it matters for what a function takes: to the operands, and how long V8's code for
 * them is at most.
 *
 * @see https://webassembly.github.io/spec/core/binary/instructions.html
 */

/** How many operands more there are after an instruction of 0x45 to 0xc4, all of which leave one. */
export function arithmeticDelta(opcode: number): number {
  const isUnary =
    opcode === 0x45 ||
    opcode === 0x50 ||
    (opcode >= 0x67 && opcode <= 0x69) ||
    (opcode >= 0x79 && opcode <= 0x7b) ||
    (opcode >= 0x8b && opcode <= 0x91) ||
    (opcode >= 0x99 && opcode <= 0x9f) ||
    opcode >= 0xa7;
  return isUnary ? 0 : -1;
}

/** Vector instructions that take one operand and leave one. */
const UNARY_VECTOR: readonly (readonly [number, number])[] = [
  ...([
    [15, 22],
    [24, 25],
    [27, 27],
    [29, 29],
    [31, 31],
    [33, 33],
    [77, 77],
    [83, 83],
    [94, 100],
  ] as const),
  ...([
    [103, 106],
    [116, 117],
    [122, 122],
    [124, 129],
    [131, 132],
    [135, 138],
    [148, 148],
  ] as const),
  ...([
    [160, 161],
    [163, 164],
    [167, 170],
    [192, 193],
    [195, 196],
    [199, 202],
    [224, 225],
  ] as const),
  ...([
    [227, 227],
    [236, 237],
    [239, 239],
    [248, 255],
    [257, 260],
  ] as const),
];

export function isUnaryVector(opcode: number): boolean {
  return UNARY_VECTOR.some(([from, to]) => opcode >= from && opcode <= to);
}

/** Others take 24. */
const LENGTHS: readonly (readonly [number, number, number])[] = [
  // Blocks, branches, exceptions.
  [0x02, 0x0e, 60],
  [0x1f, 0x1f, 60],
  [0x10, 0x15, 150],
  // Tables, and what is loaded, stored and grown.
  [0x25, 0x26, 100],
  [0x28, 0x40, 60],
  // clz, ctz, popcnt, division, remainder.
  [0x67, 0x69, 50],
  [0x6d, 0x70, 60],
  [0x79, 0x7b, 50],
  [0x7f, 0x82, 60],
  // abs to copysign of floating-point numbers.
  [0x8b, 0x98, 60],
  [0x99, 0xa6, 60],
  // From floating point and to it.
  [0xa8, 0xab, 120],
  [0xae, 0xb1, 120],
  [0xb2, 0xbb, 60],
  [0xfb, 0xfe, 200],
];

/** Bytes of x64 code, by the first byte of an instruction: as V8's baseline compiler makes it, traps included. */
export const CODE_BYTES: Uint8Array = Uint8Array.from({ length: 256 }, (_, opcode) => {
  for (const [from, to, bytes] of LENGTHS) if (opcode >= from && opcode <= to) return bytes;
  return 24;
});

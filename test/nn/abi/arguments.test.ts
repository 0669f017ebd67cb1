import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import { AT, f32, smallModel, type TensorFields, TestGuest, u32 } from './guest.ts';

const { success, invalid_argument, runtime_error, too_large } = ERRNO;

describe('tensor types', () => {
  const cases: [model: string, number: number, byteLength: number][] = [
    ['twice-f16', 0, 8],
    ['twice-f32', 1, 16],
    ['twice-u8', 2, 4],
    ['twice-f64', 2, 32],
    ['twice-u8', 3, 4],
    ['twice-i32', 3, 16],
    ['twice-i32', 4, 16],
    ['twice-i64', 5, 32],
  ];

  it.each(cases)('%s takes type %i with %i bytes for four elements', (model, type, byteLength) => {
    const guest = new TestGuest();
    const context = guest.contextOf(model);
    const data = Uint8Array.from({ length: byteLength }, (_, index) => index + 1);
    expect(guest.setInput(context, 0, { type, data })).toBe(success);
    expect(guest.call('compute', [context])).toBe(success);
    expect(guest.getOutput(context, byteLength * 2)).toEqual(Uint8Array.from([...data, ...data]));
  });

  it.each([
    [4, 'i32', 4],
    [5, 'i64', 8],
    [2, 'f64 or u8', 2],
    [3, 'u8 or i32', 8],
  ])('type %i (%s) with %i bytes an element is an invalid argument', (type, _names, elementBytes) => {
    const guest = new TestGuest();
    const context = guest.contextOf('twice-f32');
    const bytes = type === 4 || type === 5 ? 4 * elementBytes - 1 : 4 * elementBytes;
    expect(guest.setInput(context, 0, { type, data: new Uint8Array(bytes) })).toBe(invalid_argument);
  });

  it('takes the newer numbering for a tensor of no elements', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('twice-f64');
    guest.setInput(context, 0, { type: 2, dimensions: [0, 4], data: new Uint8Array(0) });
    expect(guest.refusal().reason).toContain('f64');
  });
});

describe('arguments of no meaning', () => {
  it.each([6, 99, 255, 256, -1])('graph encoding %i', (encoding) => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 2, encoding, 0, AT.graph])).toBe(invalid_argument);
  });

  it.each([3, 99, 256, -1])('execution target %i', (target) => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 2, 0, target, AT.graph])).toBe(invalid_argument);
  });

  it.each([6, 9, 255])('tensor type %i', (type) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, 0, { type })).toBe(invalid_argument);
    expect(guest.refusal().reason).toBe(`set_input 0: tensor type ${type} is of no revision of wasi-nn`);
  });

  it('reads one byte of a type that was written as u32', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    guest.putTensor();
    guest.write(AT.tensor + 8, u32(0x0101_0101));
    expect(guest.call('set_input', [context, 0, AT.tensor])).toBe(success);
  });

  it.each([
    [f32(1, 2, 3), invalid_argument],
    [f32(1, 2, 3, 4, 5), invalid_argument],
    [new Uint8Array(15), invalid_argument],
    [new Uint8Array(0), invalid_argument],
  ])('bytes %# that do not fit the dimensions', (data, errno) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, 7, { data })).toBe(errno);
    expect(guest.refusal().reason).toBe(`set_input 7: dimensions [1,4] × f32 need 16 bytes, got ${data.byteLength}`);
  });

  it.each([
    [[2 ** 31, 2 ** 31, 2 ** 31], runtime_error],
    [[0xffff_ffff, 0xffff_ffff], runtime_error],
    [[2 ** 31, 2 ** 31, 4, 4], runtime_error],
    [[2 ** 20, 2 ** 20], runtime_error],
    [[1, 2 ** 28], invalid_argument],
  ])('dimensions %j, which no guest could fill, as wasmtime answers', (dimensions, errno) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, 0, { dimensions })).toBe(errno);
  });

  it.each([
    ['another shape', { dimensions: [4, 1] }],
    ['another rank', { dimensions: [4] }],
    ['another length', { dimensions: [1, 2], data: f32(1, 2) }],
    ['a scalar', { dimensions: [], data: f32(1) }],
    ['another type', { type: 4 }],
  ] as [string, TensorFields][])('a tensor of %s than the model takes', (_name, fields) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, 0, fields)).toBe(runtime_error);
    expect(guest.setInput(context)).toBe(success);
  });

  it.each([1, 7, 0xffff_ffff, -1])('index %i of an input and an output', (index) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, index)).toBe(runtime_error);
    expect(guest.refusal().reason).toMatch(new RegExp(`^set_input ${index >>> 0}: `));
    expect(guest.call('get_output', [context, index, AT.output, 16, AT.written])).toBe(runtime_error);
    expect(guest.refusal().reason).toMatch(new RegExp(`^get_output ${index >>> 0}: `));
  });

  it.each([0, 1, 15])('an output buffer of %i bytes for 16', (byteLength) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.call('get_output', [context, 0, AT.output, byteLength, AT.written])).toBe(too_large);
    expect(guest.refusal().reason).toBe(`get_output 0: the output has 16 bytes, the buffer ${byteLength}`);
  });

  it('a signature of its own: i64, references, other counts', () => {
    const guest = new TestGuest();
    const compute = guest.nn.imports.compute as unknown as (...args: unknown[]) => number;
    guest.contextOf('relu');
    for (const args of [[0n], [null], [{}], [Symbol('context')], [], [0, 0], ['0']]) {
      expect(compute(...args)).toBe(invalid_argument);
      expect(guest.refusal().reason).toMatch(/^compute: (1 arguments are expected|argument 0: expected an i32)/);
    }
  });
});

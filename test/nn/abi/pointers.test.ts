import { describe, expect, it } from 'vitest';
import { ENCODINGS, ERRNO } from '../../../src/nn/abi/witx.ts';
import { AT, END, f32, smallModel, type TensorFields, TestGuest, u32 } from './guest.ts';

const { invalid_argument, runtime_error, unsupported_operation, too_large } = ERRNO;
const HIGH = 0x7fff_fff0;

/** One past the last valid address, straddling it, wrapping past 4 GiB, and off the alignment: for each pointer. */
const BAD_POINTERS = [END, END - 2, HIGH, 0xffff_fffe, -1, -4];

describe('pointers outside memory', () => {
  it.each([...BAD_POINTERS, AT.graph + 1])('load: the graph handle at %i', (pointer) => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 2, 0, 0, pointer])).toBe(invalid_argument);
    expect(guest.backend.live.graphs).toBe(0);
    expect(guest.load('relu')).toBe(0);
  });

  it.each([...BAD_POINTERS, END - 12, AT.builders + 1])('load: the builders at %i', (pointer) => {
    const guest = new TestGuest();
    expect(guest.call('load', [pointer, 2, 0, 0, AT.graph])).toBe(invalid_argument);
    expect(guest.refusal()).toMatchObject({ call: 'load', errnoName: 'invalid_argument' });
  });

  it.each([2 ** 29, 2 ** 31, 0xffff_ffff, 65, END])('load: %i builders', (count) => {
    const guest = new TestGuest();
    expect(guest.call('load', [AT.builders, count, 0, 0, AT.graph])).toBe(invalid_argument);
  });

  it.each([
    [END, 1],
    [END - 1, 2],
    [0, END + 1],
    [1, 0xffff_ffff],
    [0xffff_ffff, 0xffff_ffff],
    [HIGH, 0],
  ])('load: a builder at %i of %i bytes', (data, byteLength) => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    guest.write(AT.builders + 8, u32(data, byteLength));
    expect(guest.call('load', [AT.builders, 2, 0, 0, AT.graph])).toBe(invalid_argument);
    expect(guest.refusal().reason).toContain('builder 1');
  });

  it.each(BAD_POINTERS)('load_by_name: the name at %i', (pointer) => {
    const guest = new TestGuest();
    expect(guest.call('load_by_name', [pointer, 4, AT.graph])).toBe(invalid_argument);
  });

  it.each([...BAD_POINTERS, AT.context + 1])('init_execution_context: the context handle at %i', (pointer) => {
    const guest = new TestGuest();
    const graph = guest.load('relu');
    expect(guest.call('init_execution_context', [graph, pointer])).toBe(invalid_argument);
    expect(guest.backend.live.executionContexts).toBe(0);
    expect(guest.init(graph)).toBe(0);
  });

  it.each([...BAD_POINTERS, END - 16, AT.tensor + 1])('set_input: the tensor at %i', (pointer) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    guest.putTensor();
    expect(guest.call('set_input', [context, 0, pointer])).toBe(invalid_argument);
  });

  const tensors: [string, TensorFields][] = [
    ['dimensions one past the end', { dimensionsAt: END }],
    ['dimensions over the end', { dimensionsAt: END - 4 }],
    ['no dimensions, outside', { dimensionsAt: HIGH, dimensionCount: 0 }],
    ['dimensions off their alignment', { dimensionsAt: AT.dimensions + 1 }],
    ['a count of dimensions that wraps', { dimensionCount: 2 ** 30 + 2 }],
    ['a count of dimensions of all memory', { dimensionsAt: 0, dimensionCount: END / 4 }],
    ['data one past the end', { dataAt: END }],
    ['data over the end', { dataAt: END - 8 }],
    ['data that wraps', { dataAt: 0xffff_fff8 }],
    ['no data, outside', { dimensions: [0, 4], data: new Uint8Array(0), dataAt: HIGH }],
  ];
  it.each(tensors)('set_input: %s', (_name, fields) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context, 0, fields)).toBe(invalid_argument);
    expect(guest.refusal().reason).toMatch(/^set_input 0: the tensor|^set_input 0: tensors/);
  });

  it.each([
    [END, 16],
    [END - 15, 16],
    [HIGH, 16],
    [HIGH, 0],
    [AT.output, END],
    [0xffff_fff0, 32],
  ])('get_output: a buffer at %i of %i bytes', (pointer, byteLength) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.call('get_output', [context, 0, pointer, byteLength, AT.written])).toBe(invalid_argument);
  });

  it.each([...BAD_POINTERS, AT.written + 1])('get_output: the count at %i, and nothing is written', (pointer) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.call('get_output', [context, 0, AT.output, 16, pointer])).toBe(invalid_argument);
  });

  it('are not looked at where there is nothing to read', () => {
    const guest = new TestGuest();
    expect(guest.call('load', [HIGH, 0, 0, 0, AT.graph])).toBe(runtime_error);
    const context = guest.contextOf('relu');
    guest.putTensor({ dimensions: [0, 4], data: new Uint8Array(0), dataAt: END });
    expect(guest.call('set_input', [context, 0, AT.tensor])).toBe(runtime_error);
  });
});

describe('several faults at once are told in the order of wasmtime', () => {
  it.each([
    ['an unknown context and a tensor outside memory', HIGH, {}, invalid_argument],
    ['an unknown context and a type of no revision', AT.tensor, { type: 9 }, invalid_argument],
    ['an unknown context and dimensions outside memory', AT.tensor, { dimensionsAt: HIGH }, unsupported_operation],
    ['an unknown context and data outside memory', AT.tensor, { dataAt: HIGH }, unsupported_operation],
    ['an unknown context and bytes that do not fit', AT.tensor, { data: f32(1) }, unsupported_operation],
  ] as [string, number, TensorFields, number][])('set_input: %s', (_name, pointer, fields, errno) => {
    const guest = new TestGuest();
    guest.putTensor(fields);
    expect(guest.call('set_input', [5, 0, pointer])).toBe(errno);
  });

  it('get_output: context, index, buffer, size, count', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.call('get_output', [9, 7, HIGH, 4, HIGH])).toBe(unsupported_operation);
    expect(guest.call('get_output', [context, 7, HIGH, 4, HIGH])).toBe(runtime_error);
    expect(guest.call('get_output', [context, 0, HIGH, 4, HIGH])).toBe(invalid_argument);
    expect(guest.call('get_output', [context, 0, AT.output, 4, HIGH])).toBe(too_large);
    expect(guest.call('get_output', [context, 0, AT.output, 16, HIGH])).toBe(invalid_argument);
  });

  it('load: encoding, target, what no backend reads, builders, model, result', () => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    const pytorch = ENCODINGS.indexOf('pytorch');
    expect(guest.call('load', [HIGH, 2, 99, 99, HIGH])).toBe(invalid_argument);
    expect(guest.call('load', [HIGH, 2, pytorch, 0, HIGH])).toBe(unsupported_operation);
    expect(guest.call('load', [HIGH, 2, 0, 0, HIGH])).toBe(invalid_argument);
    expect(guest.call('load', [AT.builders, 1, 0, 0, HIGH])).toBe(runtime_error);
    expect(guest.call('load', [AT.builders, 2, 0, 0, HIGH])).toBe(invalid_argument);
  });

  it('load_by_name and init_execution_context: the name or graph, then the result', () => {
    const guest = new TestGuest();
    expect(guest.call('load_by_name', [AT.name, 3, HIGH])).toBe(unsupported_operation);
    expect(guest.call('init_execution_context', [9, HIGH])).toBe(unsupported_operation);
  });
});

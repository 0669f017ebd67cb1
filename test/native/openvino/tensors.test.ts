import { describe, expect, it } from 'vitest';
import type { NativeInferRequest, NativeOpenVino } from '../../../src/native/openvino.ts';
import { sumIr } from './ir-text.ts';
import { compileIr, f32, openRoom, rejectionOf, skip, thrownBy } from './support.ts';

const ROW = [1, 4];

describe.skipIf(skip)('tensors of an infer request', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();
  const requestFor = (name: string): NativeInferRequest => compileIr(room, name).createInferRequest();

  function output(request: NativeInferRequest, index = 0): Uint8Array {
    const bytes = new Uint8Array(request.outputInfo(index).byteLength);
    expect(request.getOutput(index, bytes)).toBe(bytes.byteLength);
    return bytes;
  }

  it('computes what was put in', () => {
    const request = requestFor('relu');
    request.setInput(0, 'f32', ROW, f32(-1, 2, -3, 4));
    request.infer();
    expect(request.outputInfo(0)).toEqual({ elementType: 'f32', shape: ROW, byteLength: 16 });
    expect(output(request)).toEqual(f32(0, 2, 0, 4));
  });

  // Small integers: plugins may compute f64 in f32 and i64 in i32.
  it.each<[string, ArrayBufferView]>([
    ['u8', Uint8Array.of(1, 2, 3, 4)],
    ['i32', Int32Array.of(1, -2, 3, -4)],
    ['i64', BigInt64Array.of(1n, -2n, 3n, -4n)],
    ['f16', Uint16Array.of(0x3c00, 0x4000, 0x4200, 0xc400)],
    ['f32', Float32Array.of(1, -2, 0.5, 4)],
    ['f64', Float64Array.of(1, -2, 0.5, 4)],
  ])('takes and gives %s', (elementType, values) => {
    const request = requestFor(`twice-${elementType}`);
    const bytes = new Uint8Array(values.buffer);
    request.setInput(0, elementType, ROW, bytes);
    request.infer();
    expect(request.outputInfo(0)).toEqual({ elementType, shape: [1, 8], byteLength: bytes.length * 2 });
    expect(output(request)).toEqual(Uint8Array.of(...bytes, ...bytes));
  });

  it('lists ports, dynamic dimensions as -1', () => {
    const model = compileIr(room, 'dynamic-batch');
    expect(model.inputs).toEqual([{ name: 'x', names: ['x'], elementType: 'f32', shape: [-1, 4] }]);
    expect(model.outputs).toEqual([{ name: 'y', names: ['y'], elementType: 'f32', shape: [-1, 4] }]);
  });

  it('gives a dynamic output the shape of its input', () => {
    const request = requestFor('dynamic-batch');
    for (const rows of [2, 1, 3]) {
      const bytes = f32(...Array.from({ length: rows * 4 }, (_, index) => index));
      request.setInput(0, 'f32', [rows, 4], bytes);
      request.infer();
      expect(request.outputInfo(0).shape).toEqual([rows, 4]);
      expect(output(request)).toEqual(bytes);
    }
  });

  it.each<[string, string, string, number[], number]>([
    ['ERR_NN_TENSOR_SIZE', 'a byte less', 'f32', ROW, 15],
    ['ERR_NN_TENSOR_SIZE', 'a byte more', 'f32', ROW, 17],
    ['ERR_NN_TENSOR_SIZE', 'no bytes', 'f32', ROW, 0],
    ['ERR_NN_TENSOR_SIZE', 'a product that wraps around to the right size', 'f32', [2 ** 32, 2 ** 32, 4], 16],
    ['ERR_NN_TENSOR_SIZE', 'a product that wraps around to zero', 'f32', [2 ** 32, 2 ** 32], 0],
    ['ERR_NN_TENSOR_SIZE', 'dimensions of four gibi', 'f32', [2 ** 32 - 1, 2 ** 32 - 1], 16],
    ['ERR_NN_TENSOR_SIZE', 'dimensions of one gibi', 'f32', [2 ** 30, 2 ** 30], 16],
    ['ERR_NN_TENSOR_SIZE', 'dimensions beyond everything', 'u8', [2 ** 52, 2 ** 52, 2 ** 52], 16],
    ['ERR_NN_TENSOR_MISMATCH', 'another shape of the same size', 'f32', [4, 1], 16],
    ['ERR_NN_TENSOR_MISMATCH', 'another rank of the same size', 'f32', [4], 16],
    ['ERR_NN_TENSOR_MISMATCH', 'a scalar', 'f32', [], 4],
    ['ERR_NN_TENSOR_MISMATCH', 'a dimension of zero', 'f32', [1, 0], 0],
    ['ERR_NN_TENSOR_MISMATCH', 'another type of the same size', 'i32', ROW, 16],
    ['ERR_NN_TENSOR_MISMATCH', 'another type', 'u8', ROW, 4],
    ['ERR_NN_TENSOR_MISMATCH', 'more dimensions than any operation has', 'f32', new Array(64).fill(1), 4],
    ['ERR_NN_UNSUPPORTED_TYPE', 'strings', 'string', ROW, 16],
    ['ERR_NN_UNSUPPORTED_TYPE', 'a type of four bits', 'u4', ROW, 2],
    ['ERR_NN_UNSUPPORTED_TYPE', 'a type that is none', 'F32', ROW, 16],
  ])('%s for %s', (code, _name, elementType, shape, byteLength) => {
    const request = requestFor('relu');
    request.setInput(0, 'f32', ROW, f32(1, 2, 3, 4));
    expect(thrownBy(() => request.setInput(0, elementType, shape, new Uint8Array(byteLength)))).toBe(code);
    request.infer();
    expect(output(request)).toEqual(f32(1, 2, 3, 4));
  });

  it.each([1, 7, 2 ** 32, Number.MAX_SAFE_INTEGER])('has no input or output %i', (index) => {
    const request = requestFor('relu');
    expect(thrownBy(() => request.setInput(index, 'f32', ROW, f32(1, 2, 3, 4)))).toBe('ERR_NN_INDEX');
    expect(thrownBy(() => request.outputInfo(index))).toBe('ERR_NN_INDEX');
    expect(thrownBy(() => request.getOutput(index, new Uint8Array(16)))).toBe('ERR_NN_INDEX');
  });

  it('takes a snapshot of the bytes', () => {
    const request = requestFor('relu');
    const bytes = f32(1, 2, 3, 4);
    request.setInput(0, 'f32', ROW, bytes);
    bytes.fill(0xff);
    request.infer();
    expect(output(request)).toEqual(f32(1, 2, 3, 4));
  });

  it('keeps each request to itself', () => {
    const model = compileIr(room, 'relu');
    const one = model.createInferRequest();
    const other = model.createInferRequest();
    one.setInput(0, 'f32', ROW, f32(1, 1, 1, 1));
    other.setInput(0, 'f32', ROW, f32(2, 2, 2, 2));
    one.infer();
    other.infer();
    expect(output(one)).toEqual(f32(1, 1, 1, 1));
    expect(output(other)).toEqual(f32(2, 2, 2, 2));
  });

  it('computes zeros from inputs that were never set', () => {
    const model = compileIr(room, 'two-outputs');
    for (let round = 0; round < 20; round++) {
      // A request whose memory the next one is likely to get.
      const dirty = model.createInferRequest();
      dirty.setInput(0, 'f32', ROW, f32(5, 6, 7, 8));
      dirty.infer();
      dirty.release();
      const fresh = model.createInferRequest();
      fresh.infer();
      expect(output(fresh, 0)).toEqual(f32(0, 0, 0, 0));
      expect(output(fresh, 1)).toEqual(f32(0));
      fresh.release();
    }
  });

  it.each([
    ['infer', (request: NativeInferRequest) => Promise.resolve(thrownBy(() => request.infer()))],
    ['inferAsync', (request: NativeInferRequest) => rejectionOf(request.inferAsync())],
  ])('shows zeros after an inference that failed, whatever the one before left there: %s', async (_name, inferred) => {
    const model = room.compileModel('ir', [sumIr([-1, 4], [-1, 4], [-1, 4])], 'CPU', []);
    const request = model.createInferRequest();
    const rows = (count: number, value: number) => f32(...new Array<number>(count * 4).fill(value));
    for (let round = 0; round < 20; round++) {
      request.setInput(0, 'f32', [64, 4], rows(64, 5));
      request.setInput(1, 'f32', [64, 4], rows(64, 6));
      request.infer();
      expect(output(request)).toEqual(rows(64, 11));
      // Two and three rows cannot be added.
      request.setInput(0, 'f32', [2, 4], rows(2, 5));
      request.setInput(1, 'f32', [3, 4], rows(3, 6));
      expect(await inferred(request)).toBe('ERR_NN_INFER');
      const shown = output(request);
      expect(shown).toEqual(new Uint8Array(shown.length));
    }
    request.release();
  });

  it('shows zeros before anything was computed', () => {
    const model = compileIr(room, 'two-outputs');
    for (let round = 0; round < 20; round++) {
      const dirty = model.createInferRequest();
      dirty.setInput(0, 'f32', ROW, f32(5, 6, 7, 8));
      dirty.infer();
      dirty.release();
      const fresh = model.createInferRequest();
      expect(fresh.outputInfo(0)).toEqual({ elementType: 'f32', shape: ROW, byteLength: 16 });
      expect(output(fresh, 0)).toEqual(new Uint8Array(16));
      fresh.release();
    }
    expect(requestFor('dynamic-batch').outputInfo(0).byteLength).toBe(0);
  });

  it('writes the whole output or nothing', () => {
    const request = requestFor('relu');
    request.setInput(0, 'f32', ROW, f32(1, 2, 3, 4));
    request.infer();
    const target = new Uint8Array(24).fill(0x3f);
    expect(thrownBy(() => request.getOutput(0, target.subarray(4, 19)))).toBe('ERR_NN_BUFFER_TOO_SMALL');
    expect(target).toEqual(new Uint8Array(24).fill(0x3f));
    expect(request.getOutput(0, target.subarray(4, 22))).toBe(16);
    expect(target.subarray(4, 20)).toEqual(f32(1, 2, 3, 4));
    expect([...target.subarray(0, 4), ...target.subarray(20)]).toEqual(new Array(8).fill(0x3f));
  });

  it('reads and writes shared memory, and memory beyond 2 GiB', () => {
    const last = 2 ** 32 - 64;
    const memories = [
      new WebAssembly.Memory({ initial: 65536, maximum: 65536 }),
      new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true }),
    ];
    for (const memory of memories) {
      const input = new Uint8Array(memory.buffer, last, 16);
      input.set(f32(-1, 2, -3, 4));
      const request = requestFor('relu');
      request.setInput(0, 'f32', ROW, input);
      request.infer();
      const target = new Uint8Array(memory.buffer, last + 32, 16);
      expect(request.getOutput(0, target)).toBe(16);
      expect(target.slice()).toEqual(f32(0, 2, 0, 4));
    }
  });

  it('computes asynchronously, refusing everything else meanwhile', async () => {
    const request = requestFor('slow');
    request.setInput(0, 'f32', [1, 1], f32(0.5));
    const computed = request.inferAsync();
    for (const use of [
      () => request.setInput(0, 'f32', [1, 1], f32(0.5)),
      () => request.infer(),
      () => request.inferAsync(),
      () => request.outputInfo(0),
      () => request.getOutput(0, new Uint8Array(4)),
    ]) {
      expect(thrownBy(use)).toBe('ERR_NN_BUSY');
    }
    await computed;
    const asynchronous = output(request);
    request.infer();
    expect(output(request)).toEqual(asynchronous);
  });

  it('cancels what runs, and can be used again', async () => {
    const request = requestFor('slow');
    request.cancel();
    request.setInput(0, 'f32', [1, 1], f32(0.5));
    const computed = rejectionOf(request.inferAsync());
    request.cancel();
    expect(await computed).toBe('ERR_NN_CANCELLED');
    await request.inferAsync();
    expect(output(request)).not.toEqual(new Uint8Array(4));
  });

  it('cancels what a release leaves without an owner', async () => {
    const request = requestFor('slow');
    request.setInput(0, 'f32', [1, 1], f32(0.5));
    const computed = rejectionOf(request.inferAsync());
    request.release();
    expect(await computed).toBe('ERR_NN_CANCELLED');
  });

  it('computes many at once', async () => {
    const model = compileIr(room, 'relu');
    const requests = Array.from({ length: 50 }, () => model.createInferRequest());
    await Promise.all(
      requests.map(async (request, index) => {
        request.setInput(0, 'f32', ROW, f32(index, -1, index, -1));
        await request.inferAsync();
        expect(output(request)).toEqual(f32(index, 0, index, 0));
      }),
    );
  });
});

/** What every backend has to do, run against each one that is here. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendError, HostError } from '../../src/errors.ts';
import type { Backend, BackendExecutionContext, BackendGraph, ElementType, Tensor } from '../../src/nn/backend.ts';
import { f32, smallModel } from './abi/guest.ts';

export interface Abilities {
  /** Element types that it takes and gives. */
  elementTypes: readonly ElementType[];
  /** Computes outputs that the model gives no name. */
  unnamedOutputs: boolean;
  /** Reads models from files. */
  files: boolean;
}

/** 1, 2, 3, 4 in every type: runtimes compute i64 in i32 and f64 in f32, so that only such values come back as they were. */
const ONE_TO_FOUR: Readonly<Record<ElementType, Uint8Array>> = {
  f16: new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400).buffer),
  f32: f32(1, 2, 3, 4),
  f64: new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer),
  u8: Uint8Array.of(1, 2, 3, 4),
  i32: new Uint8Array(Int32Array.of(1, 2, 3, 4).buffer),
  i64: new Uint8Array(BigInt64Array.of(1n, 2n, 3n, 4n).buffer),
};
const ROW = [1, 4];

export const MODELS = fileURLToPath(new URL('../../fixtures/models/', import.meta.url));

export function describeBackend(name: string, make: () => Backend, abilities: Abilities): void {
  describe(`the backend ${name}`, () => {
    let backend: Backend;
    const graphs: BackendGraph[] = [];

    beforeAll(() => {
      backend = make();
    });
    afterAll(() => {
      for (const graph of graphs) graph.dispose();
    });

    function load(model: string): BackendGraph {
      const graph = backend.load(smallModel(model), { encoding: 'openvino', target: 'cpu' });
      graphs.push(graph);
      return graph;
    }

    it('tells what it is', () => {
      expect(backend.describe()).toMatchObject({ runtime: expect.any(String), version: expect.any(String) });
      expect(backend.describe().devices).toContain('CPU');
    });

    it('lists inputs and outputs in the order of the model', () => {
      const add = load('add');
      expect(add.inputs).toEqual([
        { name: 'a', elementType: 'f32', shape: ROW },
        { name: 'b', elementType: 'f32', shape: ROW },
      ]);
      expect(load('two-outputs').outputs).toEqual([
        { name: 'product', elementType: 'f32', shape: ROW },
        { name: 'sum', elementType: 'f32', shape: [1] },
      ]);
      expect(load('dynamic-batch').inputs).toEqual([{ name: 'x', elementType: 'f32', shape: [-1, 4] }]);
    });

    it('computes one input and one output', () => {
      const context = load('relu').initExecutionContext();
      context.setInput(0, row(f32(-1, 2, -3, 4)));
      context.compute();
      expect(outputOf(context, 0)).toEqual(f32(0, 2, 0, 4));
      context.dispose();
    });

    it('computes off the caller, or before it returns', async () => {
      const context = load('relu').initExecutionContext();
      context.setInput(0, row(f32(-5, 6, -7, 8)));
      await context.computeAsync();
      expect(outputOf(context, 0)).toEqual(f32(0, 6, 0, 8));
      context.cancel();
      context.dispose();
    });

    it('computes several inputs and several outputs', () => {
      const add = load('add').initExecutionContext();
      add.setInput(1, row(f32(10, 20, 30, 40)));
      add.setInput(0, row(f32(1, 2, 3, 4)));
      add.compute();
      expect(outputOf(add, 0)).toEqual(f32(11, 22, 33, 44));
      const two = load('two-outputs').initExecutionContext();
      two.setInput(0, row(f32(1, 1, 2, 2)));
      two.compute();
      expect([outputOf(two, 0), outputOf(two, 1)]).toEqual([f32(1, 2, 6, 8), f32(6)]);
    });

    it('keeps the inputs of one computation for the next, and replaces those set again', () => {
      const context = load('add').initExecutionContext();
      context.setInput(0, row(f32(1, 1, 1, 1)));
      context.setInput(1, row(f32(1, 2, 3, 4)));
      context.compute();
      context.setInput(0, row(f32(5, 5, 5, 5)));
      context.compute();
      expect(outputOf(context, 0)).toEqual(f32(6, 7, 8, 9));
    });

    it('keeps contexts of one graph apart', () => {
      const graph = load('relu');
      const contexts = [1, 2, 3].map((value) => {
        const context = graph.initExecutionContext();
        context.setInput(0, row(f32(value, value, value, value)));
        return context;
      });
      for (const context of contexts) context.compute();
      expect(contexts.map((context) => outputOf(context, 0))).toEqual([
        f32(1, 1, 1, 1),
        f32(2, 2, 2, 2),
        f32(3, 3, 3, 3),
      ]);
    });

    it('takes other lengths of a dynamic dimension from one computation to the next', () => {
      const context = load('dynamic-batch').initExecutionContext();
      for (const rows of [2, 5, 1]) {
        const values = Array.from({ length: rows * 4 }, (_, index) => index - 3);
        context.setInput(0, { dimensions: [rows, 4], elementType: 'f32', data: f32(...values) });
        context.compute();
        expect(context.outputByteLength(0)).toBe(rows * 16);
        expect(outputOf(context, 0)).toEqual(f32(...values.map((value) => Math.max(value, 0))));
      }
    });

    it('gives an output of another type than its input and without a name, or says that it cannot', () => {
      if (!abilities.unnamedOutputs) {
        expect(codeOf(() => load('argmax'))).toBe('ERR_NN_COMPILE');
        return;
      }
      const context = load('argmax').initExecutionContext();
      context.setInput(0, row(f32(1, 7, 3, 5)));
      context.compute();
      expect(outputOf(context, 0)).toEqual(new Uint8Array(BigInt64Array.of(1n).buffer));
    });

    it.each(Object.keys(ONE_TO_FOUR) as ElementType[])('takes and gives %s, or says that it cannot', (elementType) => {
      const context = load(`twice-${elementType}`).initExecutionContext();
      const data = ONE_TO_FOUR[elementType];
      const set = () => context.setInput(0, { dimensions: ROW, elementType, data });
      if (!abilities.elementTypes.includes(elementType)) {
        expect(codeOf(set)).toBe('ERR_NN_UNSUPPORTED_TYPE');
        return;
      }
      set();
      context.compute();
      expect(outputOf(context, 0)).toEqual(Uint8Array.from([...data, ...data]));
    });

    describe('shows no memory that nobody wrote', () => {
      it('in outputs before anything was computed', () => {
        const context = load('relu').initExecutionContext();
        expect(outputOf(context, 0)).toEqual(new Uint8Array(16));
        context.setInput(0, row(f32(1, 2, 3, 4)));
        expect(outputOf(context, 0)).toEqual(new Uint8Array(16));
      });

      it('in outputs of inputs that were not set', () => {
        const context = load('add').initExecutionContext();
        context.setInput(1, row(f32(1, 2, 3, 4)));
        context.compute();
        expect(outputOf(context, 0)).toEqual(f32(1, 2, 3, 4));
      });

      it('in outputs of unknown size before anything was computed', () => {
        const context = load('dynamic-batch').initExecutionContext();
        expect(context.outputByteLength(0)).toBe(0);
        expect(context.getOutput(0, new Uint8Array(4))).toBe(0);
        context.compute();
        expect(context.outputByteLength(0)).toBe(0);
      });
    });

    describe('takes a snapshot of what it is given', () => {
      const memories: [string, (byteLength: number) => Uint8Array][] = [
        ['an array', (byteLength) => new Uint8Array(byteLength)],
        ['a view off its start', (byteLength) => new Uint8Array(new ArrayBuffer(byteLength + 64), 13, byteLength)],
        [
          'a wasm memory',
          (byteLength) => new Uint8Array(new WebAssembly.Memory({ initial: 2 }).buffer, 77, byteLength),
        ],
        ['a shared memory', (byteLength) => new Uint8Array(sharedMemory().buffer, 32, byteLength)],
      ];

      it.each(memories)('tensors in %s', (_name, make) => {
        const context = load('relu').initExecutionContext();
        const data = make(16);
        data.set(f32(-1, 2, -3, 4));
        context.setInput(0, row(data));
        data.fill(0xff);
        context.compute();
        expect(outputOf(context, 0)).toEqual(f32(0, 2, 0, 4));
        expect(context.getOutput(0, data)).toBe(16);
        expect(Uint8Array.from(data)).toEqual(f32(0, 2, 0, 4));
      });

      it.each(memories)('models in %s', (_name, make) => {
        const builders = smallModel('two-outputs').map((bytes) => {
          const copy = make(bytes.byteLength);
          copy.set(bytes);
          return copy;
        });
        const graph = backend.load(builders, { encoding: 'openvino', target: 'cpu' });
        graphs.push(graph);
        for (const bytes of builders) bytes.fill(0);
        const context = graph.initExecutionContext();
        context.setInput(0, row(f32(1, 1, 1, 1)));
        context.compute();
        expect(outputOf(context, 0)).toEqual(f32(1, 2, 3, 4));
      });
    });

    describe('refuses with a code', () => {
      const tensors: [string, number, Partial<Tensor>, string][] = [
        ['an input that is not there', 1, {}, 'ERR_NN_INDEX'],
        ['an input far from any', 0xffff_ffff, {}, 'ERR_NN_INDEX'],
        ['another length', 0, { dimensions: [1, 2], data: f32(1, 2) }, 'ERR_NN_TENSOR_MISMATCH'],
        ['another rank', 0, { dimensions: [4] }, 'ERR_NN_TENSOR_MISMATCH'],
        ['no dimensions', 0, { dimensions: [], data: f32(1) }, 'ERR_NN_TENSOR_MISMATCH'],
        ['another type', 0, { elementType: 'i32' }, 'ERR_NN_TENSOR_MISMATCH'],
      ];

      it.each(tensors)('%s', (_name, index, tensor, code) => {
        const context = load('relu').initExecutionContext();
        context.setInput(0, row(f32(1, 2, 3, 4)));
        expect(codeOf(() => context.setInput(index, { ...row(f32(9, 9, 9, 9)), ...tensor }))).toBe(code);
        context.compute();
        expect(outputOf(context, 0), 'the input before stays').toEqual(f32(1, 2, 3, 4));
      });

      it('bytes that do not fit their dimensions', () => {
        const context = load('relu').initExecutionContext();
        for (const byteLength of [0, 15, 17, 64]) {
          expect(codeOf(() => context.setInput(0, row(new Uint8Array(byteLength))))).toBe('ERR_NN_TENSOR_SIZE');
        }
      });

      it('a buffer that is too small, and writes nothing', () => {
        const context = load('relu').initExecutionContext();
        context.setInput(0, row(f32(1, 2, 3, 4)));
        for (const compute of [() => {}, () => context.compute()]) {
          compute();
          const target = new Uint8Array(15).fill(0x3f);
          expect(codeOf(() => context.getOutput(0, target))).toBe('ERR_NN_BUFFER_TOO_SMALL');
          expect(target).toEqual(new Uint8Array(15).fill(0x3f));
        }
      });

      it('an output that is not there', () => {
        const context = load('relu').initExecutionContext();
        for (const compute of [() => {}, () => context.compute()]) {
          compute();
          expect(codeOf(() => context.getOutput(1, new Uint8Array(16)))).toBe('ERR_NN_INDEX');
          expect(codeOf(() => context.outputByteLength(1))).toBe('ERR_NN_INDEX');
        }
      });

      it('another number of builders', () => {
        const [xml, weights] = smallModel('relu') as [Uint8Array, Uint8Array];
        for (const builders of [[], [xml], [xml, weights, weights]]) {
          expect(codeOf(() => backend.load(builders, { encoding: 'openvino', target: 'cpu' }))).toBe(
            'ERR_NN_INVALID_ARGUMENT',
          );
        }
      });

      it.each(['pytorch', 'ggml'] as const)('the encoding %s', (encoding) => {
        const load = () => backend.load([new Uint8Array(8)], { encoding, target: 'cpu' });
        expect(codeOf(load)).toMatch(/^ERR_NN_UNSUPPORTED_ENCODING$/);
      });

      it.each(['gpu', 'tpu'] as const)('the target %s without a device for it', (target) => {
        if (backend.describe().devices.some((device) => device.toLowerCase().startsWith(target))) return;
        expect(codeOf(() => backend.load(smallModel('relu'), { encoding: 'openvino', target }))).toBe(
          'ERR_NN_UNSUPPORTED_TARGET',
        );
      });

      it('what is no model, or lacks weights', () => {
        const [xml, weights] = smallModel('two-outputs') as [Uint8Array, Uint8Array];
        const cases = [
          [new Uint8Array(0), weights],
          [weights, xml],
          [xml.subarray(0, xml.byteLength / 2), weights],
          [xml, new Uint8Array(0)],
          [xml, weights.subarray(0, 20)],
        ];
        for (const builders of cases) {
          const load = () => backend.load(builders, { encoding: 'openvino', target: 'cpu' });
          expect(codeOf(load)).toMatch(/^ERR_NN_(INVALID_MODEL|COMPILE)$/);
        }
      });
    });

    describe('releases', () => {
      it('graphs once, and no context is made from them after', () => {
        const graph = backend.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' });
        graph.dispose();
        graph.dispose();
        expect(codeOf(() => graph.initExecutionContext())).toBe('ERR_RELEASED');
      });

      it('contexts once, and nothing is done with them after', () => {
        const context = load('relu').initExecutionContext();
        context.dispose();
        context.dispose();
        expect(codeOf(() => context.setInput(0, row(f32(1, 2, 3, 4))))).toBe('ERR_RELEASED');
        expect(codeOf(() => context.compute())).toBe('ERR_RELEASED');
        expect(codeOf(() => context.getOutput(0, new Uint8Array(16)))).toBe('ERR_RELEASED');
        expect(codeOf(() => context.outputByteLength(0))).toBe('ERR_RELEASED');
      });

      it('a graph whose contexts go on', () => {
        const graph = backend.load(smallModel('two-outputs'), { encoding: 'openvino', target: 'cpu' });
        const context = graph.initExecutionContext();
        graph.dispose();
        context.setInput(0, row(f32(1, 1, 1, 1)));
        context.compute();
        expect(outputOf(context, 1)).toEqual(f32(4));
      });
    });

    it.runIf(abilities.files)('reads models from files of the host', () => {
      const paths = ['model.xml', 'model.bin'].map((file) => join(MODELS, 'two-outputs', file));
      const graph = backend.loadFiles(paths, { encoding: 'openvino', target: 'cpu' });
      graphs.push(graph);
      expect(graph.outputs.map((output) => output.name)).toEqual(['product', 'sum']);
      const missing = () =>
        backend.loadFiles([`${MODELS}none.xml`, `${MODELS}none.bin`], { encoding: 'openvino', target: 'cpu' });
      expect(codeOf(missing)).toBe('ERR_NN_INVALID_MODEL');
    });
  });
}

/** One row of four f32. */
export function row(data: Uint8Array): Tensor {
  return { dimensions: ROW, elementType: 'f32', data };
}

export function outputOf(context: BackendExecutionContext, index: number): Uint8Array {
  const target = new Uint8Array(context.outputByteLength(index));
  expect(context.getOutput(index, target)).toBe(target.byteLength);
  return target;
}

/** The code of what is thrown; any error that is not ours fails the test. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof BackendError || error instanceof HostError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

function sharedMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
}

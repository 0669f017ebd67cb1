import { BackendError } from '../../src/errors.ts';
import type {
  Backend,
  BackendExecutionContext,
  BackendGraph,
  LoadOptions,
  Tensor,
  TensorInfo,
} from '../../src/nn/backend.ts';
import { BYTES_OF, TinyModel, type TinyTensor } from './tiny-ir.ts';

export interface FakeBackend extends Backend {
  /** What was made and not released: zero after a guest ended, or something leaks. */
  readonly live: { graphs: number; executionContexts: number };
  readonly loads: readonly LoadOptions[];
}

/**
 * A backend in memory over the small models of `fixtures/models/`, which enforces sizes, indices and life times as the
 * interface states them. For everything around a backend; what a runtime does is tested with the runtime.
 */
export function fakeBackend(): FakeBackend {
  const live = { graphs: 0, executionContexts: 0 };
  const loads: LoadOptions[] = [];
  return {
    name: 'fake',
    live,
    loads,
    describe: () => ({ runtime: 'fake', version: '0', devices: ['CPU'] }),
    load(builders, options) {
      loads.push(options);
      if (options.target !== 'cpu')
        throw new BackendError('ERR_NN_UNSUPPORTED_TARGET', `no device for ${options.target}`);
      if (options.encoding !== 'openvino') {
        throw new BackendError('ERR_NN_UNSUPPORTED_ENCODING', `cannot read ${options.encoding}`);
      }
      if (builders.length !== 2) {
        throw new BackendError('ERR_NN_INVALID_ARGUMENT', `expected 2 builders, got ${builders.length}`);
      }
      const [xml, weights] = builders.map((bytes) => Uint8Array.from(bytes));
      return new FakeGraph(parse(xml as Uint8Array, weights as Uint8Array), live);
    },
    loadFiles() {
      throw new BackendError('ERR_NN_UNSUPPORTED_ENCODING', 'cannot read files');
    },
  };
}

function parse(xml: Uint8Array, weights: Uint8Array): TinyModel {
  try {
    return new TinyModel(xml, weights);
  } catch (cause) {
    throw new BackendError('ERR_NN_INVALID_MODEL', (cause as Error).message, { cause });
  }
}

class FakeGraph implements BackendGraph {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #model: TinyModel;
  readonly #live: FakeBackend['live'];
  #disposed = false;

  constructor(model: TinyModel, live: FakeBackend['live']) {
    this.#model = model;
    this.#live = live;
    this.inputs = model.inputs;
    this.outputs = model.outputs;
    live.graphs++;
  }

  initExecutionContext(): BackendExecutionContext {
    if (this.#disposed) throw new BackendError('ERR_RELEASED', 'the graph was released');
    return new FakeContext(this.#model, this.#live);
  }

  dispose(): void {
    if (!this.#disposed) this.#live.graphs--;
    this.#disposed = true;
  }
}

class FakeContext implements BackendExecutionContext {
  readonly #model: TinyModel;
  readonly #live: FakeBackend['live'];
  readonly #inputs: TinyTensor[];
  #outputs: TinyTensor[];
  #disposed = false;

  constructor(model: TinyModel, live: FakeBackend['live']) {
    this.#model = model;
    this.#live = live;
    this.#inputs = model.inputs.map(zeros);
    this.#outputs = model.outputs.map(zeros);
    live.executionContexts++;
  }

  setInput(index: number, tensor: Tensor): void {
    this.#requireLive();
    const port = this.#model.inputs[index];
    if (!port) throw new BackendError('ERR_NN_INDEX', `the model has ${this.#model.inputs.length} inputs`);
    const count = tensor.dimensions.reduce((product, dimension) => product * dimension, 1);
    if (count * (BYTES_OF[tensor.elementType] ?? 0) !== tensor.data.byteLength) {
      throw new BackendError('ERR_NN_TENSOR_SIZE', 'the bytes do not fit the dimensions');
    }
    const sameShape =
      port.shape.length === tensor.dimensions.length &&
      port.shape.every((dimension, axis) => dimension < 0 || dimension === tensor.dimensions[axis]);
    if (port.elementType !== tensor.elementType || !sameShape) {
      throw new BackendError('ERR_NN_TENSOR_MISMATCH', `the model takes [${port.shape}] ${port.elementType}`);
    }
    const { elementType } = tensor;
    this.#inputs[index] = { elementType, shape: [...tensor.dimensions], data: tensor.data.slice() };
  }

  compute(): void {
    this.#requireLive();
    this.#outputs = this.#model.compute(this.#inputs);
  }

  async computeAsync(): Promise<void> {
    this.compute();
  }

  cancel(): void {}

  outputByteLength(index: number): number {
    return this.#output(index).data.byteLength;
  }

  getOutput(index: number, target: Uint8Array): number {
    const { data } = this.#output(index);
    if (data.byteLength > target.byteLength) {
      throw new BackendError('ERR_NN_BUFFER_TOO_SMALL', `${data.byteLength} bytes do not fit ${target.byteLength}`);
    }
    target.set(data);
    return data.byteLength;
  }

  dispose(): void {
    if (!this.#disposed) this.#live.executionContexts--;
    this.#disposed = true;
  }

  #output(index: number): TinyTensor {
    this.#requireLive();
    const output = this.#outputs[index];
    if (!output) throw new BackendError('ERR_NN_INDEX', `the model has ${this.#outputs.length} outputs`);
    return output;
  }

  #requireLive(): void {
    if (this.#disposed) throw new BackendError('ERR_RELEASED', 'the execution context was released');
  }
}

function zeros(port: { elementType: string; shape: readonly number[] }): TinyTensor {
  const shape = port.shape.map((dimension) => Math.max(dimension, 0));
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  return { elementType: port.elementType, shape, data: new Uint8Array(count * (BYTES_OF[port.elementType] ?? 0)) };
}

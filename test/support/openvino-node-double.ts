/**
 * Stands in for the `openvino-node` package, whose binary cannot be had everywhere. It computes the small IR models of
 * `fixtures/models/` and enforces what the package demands or does behind one's back, where each was seen:
 *
 * - a tensor over an array uses its memory without keeping it alive: {@link OpenVinoNodeDouble.collect} overwrites the
 *   memory of arrays that nobody else holds;
 * - an array must begin at byte 0 of a buffer of exact size; views are refused;
 * - `.data` is a copy, and throws for types without an array (f16, bf16);
 * - dimensions are signed 32-bit numbers;
 * - `infer` copies every output by its name, and throws for one without;
 * - fresh tensors hold what the memory held before.
 */
import { readFileSync } from 'node:fs';
import type {
  OvAddon,
  OvCompiledModel,
  OvCore,
  OvInferRequest,
  OvModel,
  OvPort,
  OvTensor,
  OvTypedArray,
} from '../../src/nn/backends/openvino-node/binding.ts';
import { BYTES_OF, TinyModel, type TinyPort, type TinyTensor } from './tiny-ir.ts';

/** What lies in memory that nobody has written. */
const GARBAGE = 0xab;
const ARRAYS: Record<string, new (buffer: ArrayBuffer) => ArrayBufferView> = {
  u8: Uint8Array,
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  i64: BigInt64Array,
};

class DoubleTensor implements OvTensor {
  readonly elementType: string;
  readonly shape: readonly number[];
  readonly #own: Uint8Array | undefined;
  readonly #borrowed: WeakRef<ArrayBuffer> | undefined;

  constructor(elementType: string, shape: number[], array?: OvTypedArray) {
    if (!(elementType in ARRAYS)) throw new Error('Cannot create ov::element::Type');
    this.elementType = elementType;
    this.shape = shape.map((dimension) => dimension | 0);
    const byteLength = sizeOf(elementType, this.shape);
    if (array === undefined) this.#own = new Uint8Array(byteLength).fill(GARBAGE);
    else {
      if (array.byteOffset !== 0) throw new Error('TypedArray.byteOffset has to be equal to zero.');
      if (array.buffer.byteLength !== byteLength)
        throw new Error("shape and element::type mismatch passed data's size");
      if (array.buffer.byteLength === 0) throw new Error('Data pointer is NULL');
      this.#borrowed = new WeakRef(array.buffer as ArrayBuffer);
    }
  }

  /** The bytes as the runtime would read them: gone with the array. */
  bytes(): Uint8Array {
    const buffer = this.#borrowed?.deref();
    if (this.#borrowed && buffer === undefined)
      return new Uint8Array(sizeOf(this.elementType, this.shape)).fill(GARBAGE);
    return buffer ? new Uint8Array(buffer) : (this.#own as Uint8Array);
  }

  get data(): ArrayBufferView {
    const Maker = ARRAYS[this.elementType];
    if (Maker === undefined) throw new Error('Failed to return tensor data.');
    return new Maker(this.bytes().slice().buffer as ArrayBuffer);
  }

  getElementType(): string {
    return this.elementType;
  }

  getSize(): number {
    return this.bytes().byteLength / (BYTES_OF[this.elementType] ?? 1);
  }

  static of(tensor: TinyTensor): DoubleTensor {
    const made = Object.create(DoubleTensor.prototype) as DoubleTensor;
    return Object.assign(made, {
      elementType: tensor.elementType,
      shape: tensor.shape,
      bytes: () => tensor.data,
    });
  }
}

function sizeOf(elementType: string, shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * Math.max(dimension, 0), BYTES_OF[elementType] ?? 0);
}

function portOf(port: TinyPort): OvPort {
  return {
    get anyName() {
      if (port.name === '') throw new Error('Attempt to get a name for a Tensor without names');
      return port.name;
    },
    getPartialShape: () => ({ getDimensions: () => port.shape }),
  };
}

class DoubleRequest implements OvInferRequest {
  readonly #model: TinyModel;
  readonly #inputs: DoubleTensor[];
  #outputs: DoubleTensor[];

  constructor(model: TinyModel) {
    this.#model = model;
    this.#inputs = model.inputs.map(garbage);
    this.#outputs = model.outputs.map(garbage);
  }

  setInputTensor(index: number, tensor: OvTensor): void {
    const port = this.#model.inputs[index];
    if (!(tensor instanceof DoubleTensor) || port === undefined) throw new Error('invalid argument');
    const fits =
      port.shape.length === tensor.shape.length &&
      port.shape.every((dimension, axis) => dimension < 0 || dimension === tensor.shape[axis]);
    if (!fits || tensor.elementType !== port.elementType) throw new Error('the tensor does not fit the input');
    this.#inputs[index] = tensor;
  }

  getInputTensor(index: number): OvTensor {
    const tensor = this.#inputs[index];
    if (tensor === undefined) throw new Error('no such input');
    return tensor;
  }

  getOutputTensor(index: number): OvTensor {
    const tensor = this.#outputs[index];
    if (tensor === undefined) throw new Error('no such output');
    return tensor;
  }

  infer(): unknown {
    const inputs = this.#inputs.map(({ elementType, shape, bytes }, index) => ({
      elementType,
      shape,
      data: bytes.call(this.#inputs[index]).slice(),
    }));
    this.#outputs = this.#model.compute(inputs).map((tensor) => DoubleTensor.of(tensor));
    return Object.fromEntries(this.#model.outputs.map((port, index) => [portOf(port).anyName, this.#outputs[index]]));
  }
}

function garbage(port: TinyPort): DoubleTensor {
  const shape = port.shape.map((dimension) => Math.max(dimension, 0));
  const data = new Uint8Array(sizeOf(port.elementType, shape)).fill(GARBAGE);
  return DoubleTensor.of({ elementType: port.elementType, shape, data });
}

class DoubleModel implements OvModel {
  readonly tiny: TinyModel;

  constructor(tiny: TinyModel) {
    this.tiny = tiny;
  }

  getOutputElementType(index: number): string {
    return this.tiny.outputs[index]?.elementType ?? '';
  }
}

class DoubleCore implements OvCore {
  getAvailableDevices(): string[] {
    return ['CPU'];
  }

  readModelSync(model: Uint8Array | string, weights?: Uint8Array | string): OvModel {
    return new DoubleModel(
      new TinyModel(contentOf(model), weights === undefined ? new Uint8Array() : contentOf(weights)),
    );
  }

  compileModelSync(model: OvModel, device: string, config: Record<string, string>): OvCompiledModel {
    if (device !== 'CPU') throw new Error(`Device with "${device}" name is not registered in the OpenVINO Runtime`);
    for (const [key, value] of Object.entries(config)) {
      if (!KNOWN_PROPERTIES.has(key)) throw new Error(`Unsupported property ${key} = ${value}`);
    }
    const { tiny } = model as DoubleModel;
    return {
      inputs: tiny.inputs.map(portOf),
      outputs: tiny.outputs.map(portOf),
      createInferRequest: () => new DoubleRequest(tiny),
    };
  }
}

const KNOWN_PROPERTIES: ReadonlySet<string> = new Set(['INFERENCE_PRECISION_HINT', 'PERFORMANCE_HINT', 'NUM_STREAMS']);

function contentOf(source: Uint8Array | string): Uint8Array {
  if (typeof source === 'string') return readFileSync(source);
  if (source.byteOffset !== 0 || source.byteLength !== source.buffer.byteLength) {
    throw new Error('views are copied from the wrong place');
  }
  return source;
}

export function openVinoNodeDouble(): OvAddon {
  return {
    Core: DoubleCore,
    Tensor: DoubleTensor,
    getOpenvinoVersion: () => ({ buildNumber: '2026.4.0-double' }),
  };
}

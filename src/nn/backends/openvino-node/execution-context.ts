import { BackendError } from '../../../errors.ts';
import type { BackendExecutionContext, Tensor, TensorInfo } from '../../backend.ts';
import { attempt } from './attempt.ts';
import type { OvAddon, OvInferRequest, OvTensor, OvTypedArray } from './binding.ts';
import { elementTypeOf } from './ports.ts';
import { staticByteLength } from './tensor-size.ts';

type ArrayMaker = new (buffer: ArrayBuffer) => OvTypedArray;

/** The array that the package wants for each element type. It has none for f16, bf16 and boolean. */
const ARRAYS: Readonly<Record<string, ArrayMaker>> = {
  u8: Uint8Array,
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  i64: BigInt64Array,
};

/** The package takes dimensions as signed 32-bit numbers. */
const MAX_DIMENSION = 0x7fff_ffff;

/** An input and the memory that its tensor uses; the tensor does not keep that alive, this does. */
interface KeptInput {
  elementType: string;
  dimensions: readonly number[];
  bytes: Uint8Array;
  tensor: OvTensor;
}

/**
 * One infer request of the package, with a buffer of exact size for each input: guest memory is copied there once, and
 * again into the same buffer while type and dimensions stay.
 */
export class OpenVinoNodeExecutionContext implements BackendExecutionContext {
  readonly #addon: OvAddon;
  readonly #inputs: readonly TensorInfo[];
  readonly #outputs: readonly TensorInfo[];
  readonly #kept = new Map<number, KeptInput>();
  #request: OvInferRequest | undefined;
  #isComputed = false;

  constructor(addon: OvAddon, request: OvInferRequest, inputs: readonly TensorInfo[], outputs: readonly TensorInfo[]) {
    this.#addon = addon;
    this.#request = request;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  setInput(index: number, tensor: Tensor): void {
    const request = this.#live();
    this.#requireFit(index, tensor);
    const kept = this.#kept.get(index);
    if (kept && kept.elementType === tensor.elementType && isEqual(kept.dimensions, tensor.dimensions)) {
      kept.bytes.set(tensor.data);
      return;
    }
    this.#set(request, index, tensor);
  }

  compute(): void {
    const request = this.#live();
    this.#clearUnsetInputs(request);
    // Where it fails, outputs may be memory that the runtime has freed.
    this.#isComputed = false;
    attempt('ERR_NN_INFER', () => request.infer());
    this.#isComputed = true;
  }

  /** Computes on this thread, before it returns. */
  async computeAsync(): Promise<void> {
    this.compute();
  }

  /** Nothing can be running when JavaScript calls this. */
  cancel(): void {}

  outputByteLength(index: number): number {
    const info = this.#output(index);
    if (!this.#isComputed) return staticByteLength(info) ?? 0;
    const tensor = attempt('ERR_NN_NO_OUTPUT', () => this.#live().getOutputTensor(index));
    return staticByteLength({ name: '', elementType: elementTypeOf(tensor), shape: [tensor.getSize()] }) ?? 0;
  }

  getOutput(index: number, target: Uint8Array): number {
    const byteLength = this.outputByteLength(index);
    if (byteLength > target.byteLength) {
      throw new BackendError(
        'ERR_NN_BUFFER_TOO_SMALL',
        `output ${index} has ${byteLength} bytes, the buffer ${target.byteLength}`,
      );
    }
    if (!this.#isComputed) {
      target.fill(0, 0, byteLength);
      return byteLength;
    }
    const tensor = this.#live().getOutputTensor(index);
    const data = attempt('ERR_NN_UNSUPPORTED_TYPE', () => tensor.data);
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return data.byteLength;
  }

  dispose(): void {
    this.#request = undefined;
    this.#kept.clear();
  }

  #set(request: OvInferRequest, index: number, { elementType, dimensions, data }: Tensor): void {
    const { Tensor } = this.#addon;
    const buffer = new ArrayBuffer(data.byteLength);
    const bytes = new Uint8Array(buffer);
    bytes.set(data);
    const array = new (requireType(elementType))(buffer);
    const shape = [...dimensions];
    attempt('ERR_NN_TENSOR_MISMATCH', () => {
      // An empty array has no memory to point to.
      const tensor = array.length > 0 ? new Tensor(elementType, shape, array) : new Tensor(elementType, shape);
      request.setInputTensor(index, tensor);
      this.#kept.set(index, { elementType, dimensions: shape, bytes, tensor });
    });
  }

  #requireFit(index: number, tensor: Tensor): void {
    const info = this.#inputs[index];
    if (info === undefined) {
      throw new BackendError('ERR_NN_INDEX', `the model has ${this.#inputs.length} inputs, none of index ${index}`);
    }
    const { elementType, dimensions } = tensor;
    const isShape = info.shape === null || isWithin(dimensions, info.shape);
    if (elementType !== info.elementType || !isShape || dimensions.some((dimension) => dimension > MAX_DIMENSION)) {
      throw new BackendError(
        'ERR_NN_TENSOR_MISMATCH',
        `the model takes [${info.shape ?? '…'}] ${info.elementType}, got [${dimensions}] ${elementType}`,
      );
    }
    const byteLength = staticByteLength({ name: '', elementType, shape: dimensions });
    if (byteLength !== tensor.data.byteLength) {
      throw new BackendError(
        'ERR_NN_TENSOR_SIZE',
        `dimensions [${dimensions}] × ${elementType} need ${byteLength} bytes, got ${tensor.data.byteLength}`,
      );
    }
    requireType(elementType);
  }

  /** Inputs that were not set are zero; without this they hold what the memory held before. */
  #clearUnsetInputs(request: OvInferRequest): void {
    this.#inputs.forEach((info, index) => {
      const byteLength = staticByteLength(info);
      if (this.#kept.has(index) || byteLength === undefined || info.shape === null) return;
      if (ARRAYS[info.elementType] === undefined) return;
      const elementType = info.elementType as Tensor['elementType'];
      this.#set(request, index, { elementType, dimensions: info.shape, data: new Uint8Array(byteLength) });
    });
  }

  #output(index: number): TensorInfo {
    this.#live();
    const info = this.#outputs[index];
    if (info === undefined) {
      throw new BackendError('ERR_NN_INDEX', `the model has ${this.#outputs.length} outputs, none of index ${index}`);
    }
    return info;
  }

  #live(): OvInferRequest {
    if (this.#request === undefined) throw new BackendError('ERR_RELEASED', 'the execution context was released');
    return this.#request;
  }
}

function requireType(elementType: string): ArrayMaker {
  const maker = ARRAYS[elementType];
  if (maker === undefined) {
    throw new BackendError('ERR_NN_UNSUPPORTED_TYPE', `openvino-node has no tensors of ${elementType}`);
  }
  return maker;
}

function isEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((dimension, axis) => dimension === other[axis]);
}

/** @param shape may hold -1 for any length */
function isWithin(dimensions: readonly number[], shape: readonly number[]): boolean {
  return dimensions.length === shape.length && shape.every((length, axis) => length < 0 || length === dimensions[axis]);
}

/**
 * What this backend uses of the `openvino-node` package, and how it is loaded. The package is optional: its types are not
 * there where it is not, so the few used here are stated.
 */
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { BackendError } from '../../../errors.ts';

export type OvTypedArray = Uint8Array | Float32Array | Float64Array | Int32Array | BigInt64Array;

export interface OvTensor {
  /** A copy of the tensor's elements. Throws for types that JavaScript has no array of. */
  readonly data: ArrayBufferView;
  getElementType(): unknown;
  getSize(): number;
}

export interface OvPort {
  /** Throws for a port without names. */
  readonly anyName: string;
  getPartialShape(): { getDimensions(): readonly (number | readonly [number, number])[] };
}

export interface OvInferRequest {
  setInputTensor(index: number, tensor: OvTensor): void;
  getInputTensor(index: number): OvTensor;
  getOutputTensor(index: number): OvTensor;
  infer(): unknown;
}

export interface OvCompiledModel {
  readonly inputs: readonly OvPort[];
  readonly outputs: readonly OvPort[];
  createInferRequest(): OvInferRequest;
}

/** The package's model, as far as it goes from reading to compiling. */
export interface OvModel {
  getOutputElementType(index: number): unknown;
}

export interface OvCore {
  getAvailableDevices(): string[];
  readModelSync(model: Uint8Array | string, weights?: Uint8Array | string): OvModel;
  compileModelSync(model: OvModel, device: string, config: Record<string, string>): OvCompiledModel;
}

export interface OvAddon {
  Core: new () => OvCore;
  /** The tensor uses the array's memory and does not keep it alive. */
  Tensor: new (
    elementType: string,
    shape: number[],
    data?: OvTypedArray,
  ) => OvTensor;
  getOpenvinoVersion?(): { buildNumber: string };
}

/**
 * Loads the package, once a process needs it.
 *
 * Not in a worker thread: `worker.terminate()` while the package works ends the whole process, seen on Node 20 and 26.
 *
 * @param insideWorker the caller promises never to terminate the worker
 * @throws BackendError ERR_NN_BACKEND_UNAVAILABLE
 */
export function loadOpenVinoNode(insideWorker: boolean): OvAddon {
  if (!isMainThread && !insideWorker) {
    const reason = 'terminating the worker would end the process';
    throw new BackendError('ERR_NN_BACKEND_UNAVAILABLE', `openvino-node is not used in worker threads: ${reason}`);
  }
  try {
    const { addon } = createRequire(import.meta.url)('openvino-node') as { addon: OvAddon };
    return addon;
  } catch (cause) {
    const [reason] = String(cause instanceof Error ? cause.message : cause).split('\n');
    throw new BackendError('ERR_NN_BACKEND_UNAVAILABLE', `openvino-node cannot be loaded: ${reason}`, { cause });
  }
}

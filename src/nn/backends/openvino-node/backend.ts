/**
 * wasi-nn over the `openvino-node` package: the second choice, where the native addon or `libopenvino_c` is missing.
 *
 * What it cannot do: f16 and bf16 tensors, outputs without names (both answered with an error), ending a computation that
 * runs, and computing off the JavaScript thread (the package's own way to do so ends the process when a model fails).
 */
import { BackendError } from '../../../errors.ts';
import type { Backend, BackendExecutionContext, BackendGraph, LoadOptions, TensorInfo } from '../../backend.ts';
import { type CheckedModel, checkModel } from '../../model-content/checked-model.ts';
import { deviceFor } from '../device.ts';
import { readModelFiles } from '../model-files.ts';
import { attempt } from './attempt.ts';
import { loadOpenVinoNode, type OvAddon, type OvCompiledModel, type OvCore, type OvModel } from './binding.ts';
import { OpenVinoNodeExecutionContext } from './execution-context.ts';
import { portInfos } from './ports.ts';
import { withTemporaryFile } from './temporary-file.ts';

export interface OpenVinoNodeBackendOptions {
  /** Default: the installed package. */
  addon?: () => OvAddon;
  /** Use it in a worker thread that is never terminated. Default: false. */
  insideWorker?: boolean;
}

export class OpenVinoNodeBackend implements Backend {
  readonly name = 'openvino-node';
  readonly #options: OpenVinoNodeBackendOptions;
  #addon: OvAddon | undefined;
  #core: OvCore | undefined;

  constructor(options: OpenVinoNodeBackendOptions = {}) {
    this.#options = options;
  }

  /** @throws BackendError ERR_NN_BACKEND_UNAVAILABLE */
  describe(): ReturnType<Backend['describe']> {
    const core = this.#open();
    const version = this.#addon?.getOpenvinoVersion?.().buildNumber ?? 'unknown';
    return { runtime: 'OpenVINO', version, devices: core.getAvailableDevices() };
  }

  load(builders: readonly Uint8Array[], options: LoadOptions): BackendGraph {
    const model = checkModel(builders, options.encoding);
    const core = this.#open();
    return this.#compile(core, options, () => readModel(core, model));
  }

  loadFiles(paths: readonly string[], options: LoadOptions): BackendGraph {
    const files = readModelFiles(paths, options.encoding);
    if (files.builders !== undefined) return this.load(files.builders, options);
    const core = this.#open();
    const [xml, weights] = files.irPaths;
    return this.#compile(core, options, () => core.readModelSync(xml, weights));
  }

  #compile(core: OvCore, options: LoadOptions, read: () => OvModel): BackendGraph {
    const device = deviceFor(options.target, () => core.getAvailableDevices());
    const model = attempt('ERR_NN_INVALID_MODEL', read);
    return attempt('ERR_NN_COMPILE', () => {
      const compiled = core.compileModelSync(model, device, { ...options.properties });
      return new OpenVinoNodeGraph(this.#addon as OvAddon, compiled);
    });
  }

  #open(): OvCore {
    this.#addon ??= this.#options.addon?.() ?? loadOpenVinoNode(this.#options.insideWorker ?? false);
    const { Core } = this.#addon;
    this.#core ??= attempt('ERR_NN_BACKEND_UNAVAILABLE', () => new Core());
    return this.#core;
  }
}

class OpenVinoNodeGraph implements BackendGraph {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #addon: OvAddon;
  #compiled: OvCompiledModel | undefined;

  constructor(addon: OvAddon, compiled: OvCompiledModel) {
    this.#addon = addon;
    this.#compiled = compiled;
    ({ inputs: this.inputs, outputs: this.outputs } = portInfos(compiled));
  }

  initExecutionContext(): BackendExecutionContext {
    if (this.#compiled === undefined) throw new BackendError('ERR_RELEASED', 'the graph was released');
    const request = this.#compiled.createInferRequest();
    return new OpenVinoNodeExecutionContext(this.#addon, request, this.inputs, this.outputs);
  }

  /** The package frees what it holds when the collector finds that nobody does. */
  dispose(): void {
    this.#compiled = undefined;
  }
}

/**
 * From bytes where the runtime reads bytes, else through a file; arrays of exact size, since views are refused.
 *
 * An IR always comes with weights: without any, the runtime reads a file called `.bin` of the working directory.
 */
function readModel(core: OvCore, model: CheckedModel): OvModel {
  const [first = new Uint8Array(0), weights] = model.builders.map((bytes) => Uint8Array.from(bytes));
  if (model.encoding === 'ir') {
    return core.readModelSync(first, weights !== undefined && weights.byteLength > 0 ? weights : new Uint8Array(1));
  }
  if (model.encoding === 'onnx') return core.readModelSync(first);
  const suffix = model.encoding === 'tensorflow' ? '.pb' : '.tflite';
  return withTemporaryFile(first, suffix, (path) => core.readModelSync(path));
}

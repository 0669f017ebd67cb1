/** wasi-nn over OpenVINO's C API, through the native addon. */
import { BackendError } from '../../../errors.ts';
import { loadAddon } from '../../../native/addon.ts';
import type { NativeCompiledModel, NativeInferRequest, NativeOpenVino, NativePort } from '../../../native/openvino.ts';
import type {
  AsyncLoadOptions,
  Backend,
  BackendExecutionContext,
  BackendGraph,
  Encoding,
  LoadOptions,
  OperationTime,
  Tensor,
  TensorInfo,
} from '../../backend.ts';
import { copyInTurns, fillInTurns, PIECE_BYTES } from '../../copy-in-turns.ts';
import { checkModel } from '../../model-content/checked-model.ts';
import { deviceFor } from '../device.ts';
import { readModelFiles, readModelFilesAsync } from '../model-files.ts';

export interface NativeBackendOptions {
  /**
   * Absolute path of the `libopenvino_c` to open, or who finds it on first use; undefined means that none was found.
   * A process opens one library only.
   */
  libraryPath: string | (() => string | undefined);
  /** Default: the addon of this package. */
  openvino?: () => NativeOpenVino;
}

export class NativeBackend implements Backend {
  readonly name = 'native';
  readonly #options: NativeBackendOptions;
  #openvino: NativeOpenVino | undefined;
  #libraryPath: string | undefined;

  constructor(options: NativeBackendOptions) {
    this.#options = options;
  }

  /**
   * Opens the runtime and tells about it.
   * @throws HostError ERR_ADDON_UNAVAILABLE; BackendError ERR_NN_RUNTIME_NOT_FOUND, ERR_NN_RUNTIME_INVALID,
   *   ERR_NN_RUNTIME_CONFLICT
   */
  describe(): ReturnType<Backend['describe']> {
    const openvino = this.#open();
    const { libraryPath, version } = openvino.open(this.#findLibrary());
    return { runtime: 'OpenVINO', version, libraryPath, devices: openvino.availableDevices() };
  }

  /** Opens the runtime and its CPU plugin on a thread of their own. What fails is found again by {@link load}. */
  preload(): void {
    try {
      this.#binding().preload(this.#findLibrary());
    } catch {
      // Kept by whoever failed: load() asks again and throws the same.
    }
  }

  load(builders: readonly Uint8Array[], options: LoadOptions): BackendGraph {
    const { encoding, builders: bytes } = checkModel(builders, options.encoding);
    const openvino = this.#open();
    const target = this.#target(openvino, options);
    return new NativeGraph(openvino.compileModel(encoding, bytes, ...target, options.forHost));
  }

  /** As {@link load}; the model's bytes may be larger than a JavaScript buffer where it is IR. */
  loadFiles(paths: readonly string[], options: LoadOptions): BackendGraph {
    const files = readModelFiles(paths, options.encoding);
    if (files.builders !== undefined) return this.load(files.builders, options);
    const openvino = this.#open();
    return new NativeGraph(openvino.compileModelFromFiles('ir', files.irPaths, ...this.#target(openvino, options)));
  }

  /** As {@link load}, without blocking the thread for longer than it takes to check the bytes, or to compare them. */
  async loadAsync(builders: readonly Uint8Array[], options: AsyncLoadOptions): Promise<BackendGraph> {
    const [first, ...others] = builders;
    if (first === undefined || first.byteLength <= PIECE_BYTES) return this.#loadAsync(builders, false, options);
    const copy = await fillInTurns(new Uint8Array(first.byteLength), first, options.isAbandoned);
    return this.#loadAsync([copy, ...others], true, options);
  }

  /** As {@link loadFiles}, reading the files off the thread, too. */
  async loadFilesAsync(paths: readonly string[], options: AsyncLoadOptions): Promise<BackendGraph> {
    const files = await readModelFilesAsync(paths, options.encoding);
    if (files.builders !== undefined) return this.#loadAsync(files.builders, true, options);
    const openvino = this.#open();
    const target = this.#target(openvino, options);
    return new NativeGraph(await openvino.compileModelFromFilesAsync('ir', files.irPaths, ...target));
  }

  /**
   * A graph that another thread of this process holds, by its {@link BackendGraph.sharedId}.
   * @throws BackendError ERR_NN_GRAPH_NOT_FOUND when nobody holds it any more
   */
  adopt(sharedId: number): BackendGraph {
    return new NativeGraph(this.#open().adopt(sharedId));
  }

  /** Inputs and outputs of a model that is not compiled; refuses what {@link load} would refuse before it compiles. */
  inspect(
    builders: readonly Uint8Array[],
    encoding: Encoding,
  ): { inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[] } {
    const model = checkModel(builders, encoding);
    const { inputs, outputs } = this.#open().inspectModel(model.encoding, model.builders);
    return { inputs: inputs.map(infoOf), outputs: outputs.map(infoOf) };
  }

  /** @param isPrivate see {@link checkModel} */
  async #loadAsync(
    builders: readonly Uint8Array[],
    isPrivate: boolean,
    options: AsyncLoadOptions,
  ): Promise<BackendGraph> {
    const { encoding, builders: bytes } = checkModel(builders, options.encoding, { isPrivate });
    const openvino = this.#open();
    const target = [...this.#target(openvino, options), options.forHost] as const;
    const byteLengths = bytes.map(({ byteLength }) => byteLength);
    if (byteLengths.every((byteLength) => byteLength <= PIECE_BYTES)) {
      return new NativeGraph(await openvino.compileModelAsync(encoding, bytes, ...target));
    }
    const found = openvino.findModelAsync(encoding, bytes, ...target);
    if (found !== undefined) return new NativeGraph(await found);
    const draft = await openvino.draftModel(encoding, byteLengths, ...target);
    try {
      for (const [builder, byteLength] of byteLengths.entries()) {
        const write = (offset: number, piece: Uint8Array) => draft.write(builder, offset, piece);
        await copyInTurns(bytes[builder] as Uint8Array, byteLength, write, options.isAbandoned);
      }
    } catch (error) {
      draft.release();
      throw error;
    }
    return new NativeGraph(await draft.compile());
  }

  /** Device and properties, as the addon takes them. */
  #target(openvino: NativeOpenVino, { target, properties, profile }: LoadOptions): [string, string[]] {
    const device = deviceFor(target, () => openvino.availableDevices());
    return [device, Object.entries({ ...(profile && { PERF_COUNT: 'YES' }), ...properties }).flat()];
  }

  #open(): NativeOpenVino {
    const openvino = this.#binding();
    openvino.open(this.#findLibrary());
    return openvino;
  }

  #binding(): NativeOpenVino {
    this.#openvino ??= this.#options.openvino?.() ?? loadAddon().openvino;
    return this.#openvino;
  }

  #findLibrary(): string {
    const { libraryPath } = this.#options;
    this.#libraryPath ??= typeof libraryPath === 'string' ? libraryPath : libraryPath();
    if (this.#libraryPath === undefined) {
      throw new BackendError('ERR_NN_RUNTIME_NOT_FOUND', 'no OpenVINO runtime was found');
    }
    return this.#libraryPath;
  }
}

class NativeGraph implements BackendGraph {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly isHit: boolean;
  readonly sharedId: number;
  readonly #compiledModel: NativeCompiledModel;
  #disposed = false;

  constructor(compiledModel: NativeCompiledModel) {
    this.#compiledModel = compiledModel;
    this.inputs = compiledModel.inputs.map(infoOf);
    this.outputs = compiledModel.outputs.map(infoOf);
    this.isHit = compiledModel.shared;
    this.sharedId = compiledModel.share();
  }

  /** @throws BackendError ERR_RELEASED */
  initExecutionContext(): BackendExecutionContext {
    return new NativeExecutionContext(this.#compiledModel.createInferRequest());
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#compiledModel.release();
  }
}

/**
 * One infer request. Inputs that were not set are zero when it computes, and outputs are zero before it did: OpenVINO
 * itself would show what the memory held before, of this guest, another, or the host.
 */
class NativeExecutionContext implements BackendExecutionContext {
  readonly #request: NativeInferRequest;
  #disposed = false;

  constructor(request: NativeInferRequest) {
    this.#request = request;
  }

  setInput(index: number, { elementType, dimensions, data }: Tensor): void {
    this.#request.setInput(index, elementType, dimensions, data);
  }

  compute(): void {
    this.#request.infer();
  }

  computeAsync(): Promise<void> {
    return this.#request.inferAsync();
  }

  cancel(): void {
    this.#request.cancel();
  }

  outputByteLength(index: number): number {
    return this.#request.outputInfo(index).byteLength;
  }

  getOutput(index: number, target: Uint8Array): number {
    return this.#request.getOutput(index, target);
  }

  profile(): readonly OperationTime[] {
    return this.#request.profile();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#request.release();
  }
}

function infoOf(port: NativePort): TensorInfo {
  return { name: port.name, elementType: port.elementType, shape: port.shape };
}

/**
 * What the addon's OpenVINO room (`native/openvino/`) gives to JavaScript: OpenVINO's own objects and words, no wasi-nn.
 *
 * Arguments are plain positional values, checked again in C++: a wrong type or object is a TypeError. Every other failure
 * is an error made by the `createError` given to {@link NativeAddon.initialize}, with a code of `ERROR_CODES`.
 * A `Uint8Array` may view ordinary, shared and 4 GiB memories; its bytes are copied before a call returns, and a promise
 * never reads them later.
 * `forHost` says that the host asks for a model and no guest: compiles of guests do not stand in its way, and it is not
 * refused with ERR_NN_COMPILE_LIMIT.
 */
export interface NativeOpenVino {
  /**
   * Starts opening the runtime (library, core, CPU plugin) on a thread of its own and returns at once. `open` waits for it.
   * A failure is kept for `open`.
   */
  preload(libraryPath: string): void;
  /**
   * Opens `libopenvino_c` once per process and creates the core. Again with the same path: the same answer, at once.
   * @throws ERR_NN_RUNTIME_INVALID, ERR_NN_RUNTIME_CONFLICT
   */
  open(libraryPath: string): NativeRuntimeInfo;
  /** Device names as the runtime gives them (`CPU`, `GPU.0`, …). */
  availableDevices(): string[];
  /** A device property as text (`FULL_DEVICE_NAME`, …). @throws ERR_NN_PROPERTY */
  deviceProperty(device: string, key: string): string;
  /**
   * Compiles a model from bytes, or finds the compiled model of equal content, device and properties in the process-wide
   * table. IR: xml, weights (weights may be absent or empty). Others: one builder.
   * An interrupt of this thread (`NativeThread.interrupt`) ends the wait; the compile, which nothing can stop, goes on and
   * its model is kept as any that nobody uses.
   * @param properties key, value, key, value …
   * @param forHost default: false
   * @throws ERR_NN_INVALID_MODEL, ERR_NN_MODEL_LIMIT (more than 2 GiB of inputs and outputs), ERR_NN_COMPILE,
   *   ERR_NN_UNSUPPORTED_TARGET, ERR_NN_PROPERTY, ERR_NN_OUT_OF_MEMORY, ERR_NN_COMPILE_LIMIT (too many compiles go on for
   *   nobody), ERR_NN_CANCELLED (interrupted)
   */
  compileModel(
    encoding: ModelEncoding,
    builders: readonly Uint8Array[],
    device: string,
    properties: readonly string[],
    forHost?: boolean,
  ): NativeCompiledModel;
  /**
   * The same without waiting. The bytes are compared, or copied where they are of no model in the table, before it returns:
   * for many of them see {@link findModelAsync} and {@link draftModel}.
   * A promise that nobody waits for any more, of a worker that ended, abandons its compile.
   * @throws what is known at once: wrong arguments, ERR_NN_OUT_OF_MEMORY, ERR_NN_COMPILE_LIMIT
   */
  compileModelAsync(
    encoding: ModelEncoding,
    builders: readonly Uint8Array[],
    device: string,
    properties: readonly string[],
    forHost?: boolean,
  ): Promise<NativeCompiledModel>;
  /** As `compileModelAsync` where the model is compiled or compiling, in about the time that a comparison takes; else nothing. */
  findModelAsync(
    encoding: ModelEncoding,
    builders: readonly Uint8Array[],
    device: string,
    properties: readonly string[],
    forHost?: boolean,
  ): Promise<NativeCompiledModel> | undefined;
  /**
   * Makes room for the copy of a model, on a thread of its own, to be filled piece by piece.
   * @param byteLengths of the builders
   * @throws what is known at once: wrong arguments, ERR_NN_COMPILE_LIMIT; rejects with ERR_NN_OUT_OF_MEMORY
   */
  draftModel(
    encoding: ModelEncoding,
    byteLengths: readonly number[],
    device: string,
    properties: readonly string[],
    forHost?: boolean,
  ): Promise<NativeModelDraft>;
  /**
   * Compiles a model from files that the host (never a guest) names: IR xml and bin, or one file.
   * The files are read into memory first, so the table's key is their content too.
   */
  compileModelFromFiles(
    encoding: ModelEncoding,
    paths: readonly string[],
    device: string,
    properties: readonly string[],
  ): NativeCompiledModel;
  /** The same, with reading and compiling on other threads. */
  compileModelFromFilesAsync(
    encoding: ModelEncoding,
    paths: readonly string[],
    device: string,
    properties: readonly string[],
  ): Promise<NativeCompiledModel>;
  /**
   * The compiled model that {@link NativeCompiledModel.share} gave this id for, in whatever thread of this process.
   * @throws ERR_NN_GRAPH_NOT_FOUND when nobody holds it any more
   */
  adopt(id: number): NativeCompiledModel;
  /**
   * Reads a model, after the same checks as `compileModel`, without compiling it.
   * @throws ERR_NN_INVALID_MODEL, ERR_NN_MODEL_LIMIT, ERR_NN_COMPILE (nowhere to put its bytes), ERR_NN_OUT_OF_MEMORY
   */
  inspectModel(
    encoding: ModelEncoding,
    builders: readonly Uint8Array[],
  ): { inputs: NativePort[]; outputs: NativePort[] };
  /**
   * Keeps compiled models that nobody uses any more, the longest unused given up first, as long as all of them take no more
   * than `bytes`. Of several reservations in a process the largest holds; without one nothing is kept. It ends when it is
   * released or collected, and with its thread.
   */
  reserveModelBudget(bytes: number): NativeModelBudget;
  /** Counts of the process-wide table, for tests and metrics. */
  tableStats(): NativeTableStats;
}

/** A model's bytes as far as they were copied. What was not written is zero. */
export interface NativeModelDraft {
  /** @throws TypeError for what reaches beyond the builder's end; ERR_RELEASED */
  write(builder: number, offset: number, bytes: Uint8Array): void;
  /** Compiles or finds it, as {@link NativeOpenVino.compileModelAsync}, and ends the draft. @throws ERR_RELEASED */
  compile(): Promise<NativeCompiledModel>;
  /** Gives the memory back. @throws ERR_RELEASED when released or compiled before */
  release(): void;
}

export interface NativeModelBudget {
  /** @throws ERR_RELEASED when released before */
  release(): void;
}

export interface NativeTableStats {
  /** Ready ones, in use or kept. */
  compiledModels: number;
  /** Loads that found their model compiled or compiling, and that did not. */
  hits: number;
  misses: number;
  /** Of the ready ones, those that nobody uses, and what they take: an estimate, content included. */
  keptModels: number;
  keptBytes: number;
  budgetBytes: number;
  /** Models that were kept and then given up for the budget. */
  evictions: number;
  /** Compiles that run. */
  compiling: number;
  /** Of those, the ones that nobody waits for. */
  abandoned: number;
}

export type ModelEncoding = 'ir' | 'onnx' | 'tensorflow' | 'tensorflowlite';

export interface NativeRuntimeInfo {
  /** As the library was opened. */
  libraryPath: string;
  /** `2026.4.1` */
  version: string;
  /** The runtime's own build text. */
  build: string;
}

export interface NativePort {
  /** First name, or '' where the port has none. */
  name: string;
  /** At most one: the C API tells no more. */
  names: string[];
  /** `f32`, `f16`, `i64`, `u8`, `bf16`, `boolean`, `string`, … in OpenVINO's spelling; `other` for types without bytes of their own. */
  elementType: string;
  /** -1 marks a dynamic dimension; null is a dynamic rank. */
  shape: number[] | null;
}

export interface NativeCompiledModel {
  readonly inputs: readonly NativePort[];
  readonly outputs: readonly NativePort[];
  /** Whether it was found, compiled or compiling, and not made for this caller. */
  readonly shared: boolean;
  /** A property of the compiled model as text (`NUM_STREAMS`, …). @throws ERR_NN_PROPERTY */
  property(key: string): string;
  createInferRequest(): NativeInferRequest;
  /**
   * An id for {@link NativeOpenVino.adopt}, the same with each call and for each holder of this compiled model. It is good for
   * as long as somebody holds the model, here or elsewhere, and never given to another.
   */
  share(): number;
  /** @throws ERR_RELEASED when released before; infer requests made from it stay usable. */
  release(): void;
}

export interface NativeInferRequest {
  /**
   * Copies `bytes` into the request's one kept buffer for this input.
   * @param elementType OpenVINO's spelling
   * @throws ERR_NN_INDEX, ERR_NN_TENSOR_SIZE, ERR_NN_TENSOR_MISMATCH, ERR_NN_UNSUPPORTED_TYPE, ERR_NN_BUSY, ERR_RELEASED
   */
  setInput(index: number, elementType: string, shape: readonly number[], bytes: Uint8Array): void;
  /** Computes while this thread waits; an interrupt of the thread cancels it. @throws ERR_NN_INFER, ERR_NN_CANCELLED, ERR_NN_BUSY, ERR_RELEASED */
  infer(): void;
  /** Computes in OpenVINO's threads. Rejects as `infer` throws. */
  inferAsync(): Promise<void>;
  /** Asks a running computation to end; harmless when none runs. */
  cancel(): void;
  /**
   * Element type, shape and size in bytes of an output as it is now. Before anything was computed an output has the model's
   * shape and reads as zeros; one of unknown size has no bytes yet.
   * @throws ERR_NN_INDEX, ERR_NN_UNSUPPORTED_TYPE (strings), ERR_NN_BUSY, ERR_RELEASED
   */
  outputInfo(index: number): { elementType: string; shape: number[]; byteLength: number };
  /**
   * Copies the output into `target` in one copy and returns the bytes written.
   * @throws ERR_NN_BUFFER_TOO_SMALL (nothing written), ERR_NN_INDEX, ERR_NN_UNSUPPORTED_TYPE, ERR_NN_BUSY, ERR_RELEASED
   */
  getOutput(index: number, target: Uint8Array): number;
  /**
   * What the operations of the last computation took, in the runtime's order; those that were optimized away are left out.
   * None where the model was not compiled with PERF_COUNT=YES. @throws ERR_NN_BUSY, ERR_RELEASED
   */
  profile(): NativeOperationTime[];
  /** A computation that still runs is cancelled, and its promise rejects with ERR_NN_CANCELLED. @throws ERR_RELEASED */
  release(): void;
}

export interface NativeOperationTime {
  /** Of the operation in the compiled model: often several of the model's, fused. */
  name: string;
  /** `Convolution`, … */
  type: string;
  /** Which of the runtime's implementations ran (`jit_avx512_f32`, …). */
  implementation: string;
  wallMs: number;
  cpuMs: number;
}

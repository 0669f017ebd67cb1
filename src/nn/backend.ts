/** What an inference backend is to wasi-nn. Backends know their runtime; nothing here does. */

/** What the bytes given to `load` are. Names as in the wasi-nn specification. */
export type Encoding = 'openvino' | 'onnx' | 'tensorflow' | 'pytorch' | 'tensorflowlite' | 'ggml' | 'autodetect';

/** Where a graph computes. */
export type ExecutionTarget = 'cpu' | 'gpu' | 'tpu';

/** Element types that a guest can name. Little-endian, row-major. */
export type ElementType = 'f16' | 'f32' | 'f64' | 'u8' | 'i32' | 'i64';

/** A tensor of a guest. `data` may view guest memory and is copied before a call returns. */
export interface Tensor {
  dimensions: readonly number[];
  elementType: ElementType;
  data: Uint8Array;
}

/** One input or output of a graph. */
export interface TensorInfo {
  /** As the model calls it; '' where it has no name. */
  name: string;
  /** A guest's {@link ElementType}, or another type's name in the runtime's spelling. */
  elementType: string;
  /** -1 is a dimension known only when computed; null a rank known only then. */
  shape: readonly number[] | null;
}

export interface LoadOptions {
  encoding: Encoding;
  target: ExecutionTarget;
  /** Runtime properties chosen by the host (`INFERENCE_PRECISION_HINT`, `NUM_STREAMS`, …). */
  properties?: Readonly<Record<string, string>>;
  /** Whether to measure what each operation takes, for {@link BackendExecutionContext.profile}. Default: false. */
  profile?: boolean;
  /** Whether the host asks for it and no guest: what guests compile does not stand in its way. Default: false. */
  forHost?: boolean;
}

export interface AsyncLoadOptions extends LoadOptions {
  /** Whether nobody waits any more: looked at while bytes are copied, which ends then. Default: somebody does. */
  isAbandoned?: () => boolean;
}

/** What the runtime took for one operation of a graph. It tells durations only, not when an operation began. */
export interface OperationTime {
  /** As the model calls it. */
  name: string;
  /** `Convolution`, … */
  type: string;
  /** Which implementation ran (`jit_avx512_f32`, …). */
  implementation: string;
  /** In milliseconds. */
  wallMs: number;
  /** Processor time, in milliseconds, as the runtime tells it. */
  cpuMs: number;
}

/** Throws {@link BackendError} from every method; never anything else for what a guest gave. */
export interface Backend {
  /** `native`, `openvino-node` */
  readonly name: string;
  /** Runtime and version in words, once it was opened. */
  describe(): { runtime: string; version: string; libraryPath?: string; devices: readonly string[] };
  /**
   * Starts whatever takes long (opening the runtime) without waiting for it. Optional; failures are kept for `load`.
   */
  preload?(): void;
  /**
   * Compiles a graph from bytes. They may view guest memory; they are copied and never referenced after the call.
   */
  load(builders: readonly Uint8Array[], options: LoadOptions): BackendGraph;
  /** Compiles a graph from files of the host (never named by a guest): IR xml then bin, or one file. */
  loadFiles(paths: readonly string[], options: LoadOptions): BackendGraph;
  /**
   * As {@link load}, on a thread of its own. The bytes are copied in turns of the event loop and must stay as they are until
   * the promise is settled. Absent: it cannot.
   * @throws ERR_NN_CANCELLED when abandoned while they were copied
   */
  loadAsync?(builders: readonly Uint8Array[], options: AsyncLoadOptions): Promise<BackendGraph>;
  /** As {@link loadFiles}, on a thread of its own. Absent: it cannot. */
  loadFilesAsync?(paths: readonly string[], options: AsyncLoadOptions): Promise<BackendGraph>;
  /**
   * Another thread's graph, by its {@link BackendGraph.sharedId}: nothing is compiled or copied. Absent: it cannot.
   * @throws ERR_NN_GRAPH_NOT_FOUND when nobody holds it any more
   */
  adopt?(sharedId: number): BackendGraph;
  /** What a model's inputs and outputs are, without compiling it. Absent: it cannot tell. */
  inspect?(
    builders: readonly Uint8Array[],
    encoding: Encoding,
  ): { inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[] };
}

export interface BackendGraph {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Whether the backend had it compiled already. Undefined: it does not tell. */
  readonly isHit?: boolean;
  /** For {@link Backend.adopt} in other threads of this process, while this graph is held. Undefined: it cannot be shared. */
  readonly sharedId?: number | undefined;
  initExecutionContext(): BackendExecutionContext;
  /** Contexts made from it stay usable. */
  dispose(): void;
}

export interface BackendExecutionContext {
  /** Copies the tensor. The same index again replaces it. */
  setInput(index: number, tensor: Tensor): void;
  compute(): void;
  computeAsync(): Promise<void>;
  /** Asks a running computation to end; harmless when none runs. */
  cancel(): void;
  /** Size in bytes of the output as it is now. */
  outputByteLength(index: number): number;
  /** Copies the whole output into `target` and returns its size; ERR_NN_BUFFER_TOO_SMALL writes nothing. */
  getOutput(index: number, target: Uint8Array): number;
  /** Operations of the last computation, in the runtime's order; empty where the graph was not loaded with `profile`. */
  profile?(): readonly OperationTime[];
  dispose(): void;
}

/**
 * Contract of `nn/`: what the host links for a guest that imports wasi-nn. Implemented in `nn/abi/functions.ts`.
 */
import type { ErrorCode } from '../errors.ts';
import type { GuestMemory } from '../guest/memory.ts';
import type { Backend, OperationTime } from './backend.ts';
import type { GraphRegistry } from './registry.ts';

/** One refused call: what the operator sees, since the guest gets an errno only. */
export interface Refusal {
  /** `set_input`, … */
  call: string;
  /** The errno given to the guest. */
  errno: number;
  /** Its name in the specification (`invalid_argument`, …). */
  errnoName: string;
  /** One sentence: what was expected, what came. */
  reason: string;
  /** Of the error behind it, where that is one of ours. */
  code?: ErrorCode | undefined;
  /** The graph that the guest asked for by a name that it does not have; long names are cut. */
  graph?: string | undefined;
  /** That error, where the guest ran on the thread of the host. */
  cause?: unknown;
}

/** One call of a guest, told when it has ended. */
export interface NnCall {
  /** As it was imported: `set_input`, … */
  name: string;
  /** Milliseconds since the epoch, with fractions. */
  startMs: number;
  endMs: number;
  /** What the guest was answered; 0 is success. */
  errno: number;
  /**
   * What the call was about, as far as it was read: `byteLength` of what `load` and tensors bring, `index` of tensors,
   * `encoding`, `isHit` where the backend had the graph compiled, `graph` for the name of one (chosen by the guest).
   */
  detail: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Of `compute`, where the graph was loaded with `profile`. */
  operations: readonly OperationTime[] | undefined;
}

/** What one guest may hold at a time. Beyond it a call answers `too_large`. */
export interface GuestLimits {
  graphs: number;
  executionContexts: number;
  /** Bytes that the inputs of all execution contexts keep together. */
  inputBytes: number;
  /** Bytes that the outputs of all execution contexts take together; those of a size that is computed count once they have it. */
  outputBytes: number;
  /** Bytes of one input or output of a graph that the guest loads, where the model fixes its shape. */
  tensorBytes: number;
}

export const DEFAULT_GUEST_LIMITS: GuestLimits = {
  graphs: 1024,
  executionContexts: 4096,
  inputBytes: 2 ** 32,
  outputBytes: 2 ** 32,
  tensorBytes: 2 ** 29,
};

export interface WasiNnOptions {
  memory: GuestMemory;
  /** Asked on first use, so that guests that never load a graph run without a runtime. */
  backend: () => Backend;
  registry: GraphRegistry;
  onRefused?: (refusal: Refusal) => void;
  /** Called after every call, refused ones too, while the guest waits. It must not throw. */
  onCall?: (call: NnCall) => void;
  /**
   * For a guest that can be suspended: `load`, where the backend can, and `compute` answer a promise of their errno. The
   * guest may make no other call meanwhile. Default: false.
   */
  isSuspending?: boolean;
  /** Has graphs that the guest loads tell what each operation takes (see {@link NnCall.operations}). Default: false. */
  profile?: boolean;
  /** Runtime properties for every graph of this guest, chosen by the host. */
  properties?: Readonly<Record<string, string>>;
  /** Property names that a guest may set itself through `load_by_name_with_config`. Default: none. */
  allowedGuestProperties?: readonly string[];
  /** Default: {@link DEFAULT_GUEST_LIMITS}. */
  limits?: Partial<GuestLimits>;
}

export interface WasiNn {
  /** The functions of `wasi_ephemeral_nn`, for an import object. */
  imports: Record<string, (...args: number[]) => number>;
  /** Releases every graph and context of this guest. */
  dispose(): void;
}

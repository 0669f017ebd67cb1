/**
 * Contract of `nn/`: what the host links for a guest that imports wasi-nn. Implemented in `nn/abi/functions.ts`.
 */
import type { ErrorCode } from '../errors.ts';
import type { GuestMemory } from '../guest/memory.ts';
import type { Backend } from './backend.ts';
import type { GraphRegistry } from './registry.ts';

/** One refused call: what the operator sees, since the guest gets an errno only. */
export interface Refusal {
  /** `set_input`, … */
  call: string;
  /** The errno given to the guest, and its name in the specification. */
  errno: number;
  errnoName: string;
  /** One sentence: what was expected, what came. */
  reason: string;
  /** Of the error behind it, where that is one of ours. */
  code?: ErrorCode | undefined;
  cause?: unknown;
}

/** What one guest may hold at a time. Beyond it a call answers `too_large`. */
export interface GuestLimits {
  graphs: number;
  executionContexts: number;
  /** Bytes that the inputs of all execution contexts keep together. */
  inputBytes: number;
  /** Bytes of one input or output of a graph that the guest loads, where the model fixes its shape. */
  tensorBytes: number;
}

export const DEFAULT_GUEST_LIMITS: GuestLimits = {
  graphs: 1024,
  executionContexts: 4096,
  inputBytes: 2 ** 32,
  tensorBytes: 2 ** 29,
};

export interface WasiNnOptions {
  memory: GuestMemory;
  /** Asked on first use, so that guests that never load a graph run without a runtime. */
  backend: () => Backend;
  registry: GraphRegistry;
  onRefused?: (refusal: Refusal) => void;
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

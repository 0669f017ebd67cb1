/** What is to be run and what came of it: plain data, so that it can be posted to a worker thread and back. */
import type { Preopen } from '../wasi/index.ts';
import type { CompiledModule } from './compile.ts';
import type { UnknownImports } from './link.ts';
import type { ModuleLimits } from './module-rewrite.ts';
import type { RecordLevel } from './run-report.ts';

/** One run of one guest, but for where its standard streams go. */
export interface GuestPlan {
  program: CompiledModule;
  /** Modules that the program may import from, instantiated in this order. */
  preloads: readonly Preload[];
  /** argv, argv[0] first. */
  args: readonly string[];
  /** Environment in order; a name may come twice. */
  env: readonly (readonly [string, string])[];
  preopens: readonly Preopen[];
  /** Which forms of WASI the guest may import. */
  wasi: { preview1: boolean; unstable: boolean };
  /** An export to call in place of the program's own start, with its arguments as text. */
  invoke?: { name: string; args: readonly string[] } | undefined;
  limits: ModuleLimits & InstanceLimits;
  /** What the guest may add to trees in memory. Default: see `Preview1Options`. */
  maxMemoryFileBytes?: number | undefined;
  /** What the guest may write to stdout and stderr together; more ends it with ERR_GUEST_OUTPUT_LIMIT. */
  maxOutputBytes?: number | undefined;
  unknownImports: UnknownImports;
  /** Bytes of stack, as wasmtime counts them. Undefined: at least what wasmtime gives. */
  maxWasmStackBytes?: number | undefined;
  /** Frames of the guest in a trap's backtrace. */
  maxBacktraceFrames: number;
  /** How much is noted of the run. Default: counts alone. */
  record?: RecordLevel | undefined;
}

/** Counted over the program and its preloads. */
export interface InstanceLimits {
  maxInstances?: number | undefined;
  maxMemories?: number | undefined;
  maxTables?: number | undefined;
}

export interface Preload {
  /** What others import it as. */
  name: string;
  program: CompiledModule;
}

/** How far a run came. */
export type GuestPhase =
  | { at: 'preload'; name: string }
  | { at: 'instantiate' }
  | { at: 'initialize' }
  /** Of the program's own start where no name is given. */
  | { at: 'invoke'; name?: string };

/** How a run ended, if not by an error of the host. */
export type GuestOutcome =
  /** The function returned; its results as text. */
  | { kind: 'returned'; results: readonly string[] }
  /** `proc_exit`; the code as the guest gave it, unsigned. */
  | { kind: 'exited'; exitCode: number; phase: GuestPhase; backtrace: readonly string[] }
  | { kind: 'failed'; failure: GuestFailure; phase: GuestPhase };

/** A `HostError` as data. */
export interface GuestFailure {
  code:
    | 'ERR_MODULE_LINK'
    | 'ERR_MODULE_LIMIT'
    | 'ERR_MODULE_EXPORT'
    | 'ERR_GUEST_TRAP'
    | 'ERR_GUEST_EXCEPTION'
    | 'ERR_GUEST_TIMEOUT'
    | 'ERR_GUEST_ABORTED'
    | 'ERR_GUEST_OUTPUT_LIMIT'
    | 'ERR_GUEST_HEAP_LIMIT'
    | 'ERR_GUEST_CRASHED';
  message: string;
  backtrace: readonly string[];
  /** Why it was aborted, as the signal has it. */
  cause?: unknown;
}

export const DEFAULT_BACKTRACE_FRAMES = 20;

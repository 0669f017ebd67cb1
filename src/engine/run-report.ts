/** What is noted of a run while it goes on: plain data, from whatever thread or process the guest ran in. */
import type { ErrorCode } from '../errors.ts';
import type { OperationTime } from '../nn/backend.ts';

export type { OperationTime };

/**
 * What takes time in a run. `compile`, `queue` and `start` are the host's (V8's compilation of the module, waiting for a
 * worker, a worker that had to be started first); `guest` lasts from the start function to the end and holds all that
 * follow, which are wasi-nn's calls and the waits of a suspended guest.
 */
export const SPAN_NAMES = [
  'compile',
  'queue',
  'start',
  'instantiate',
  'guest',
  'load',
  'load_by_name',
  'init_execution_context',
  'set_input',
  'compute',
  'get_output',
  'unload',
  'finalize_execution_context',
  'wait',
] as const;

export type SpanName = (typeof SPAN_NAMES)[number];

/**
 * How much is noted of a run: sums by phase, as always; each span as well, where somebody listens (`telemetry/`); and memory
 * and the operations of computations with them, for a timeline.
 */
export type RecordLevel = 'phases' | 'spans' | 'timeline';

export interface RunSpan {
  name: SpanName;
  /** Milliseconds since the epoch, with fractions: the same clock in every thread and process of a machine. */
  startMs: number;
  endMs: number;
  /** Of `load`: `isHit`, `byteLength`; of tensors: `index`, `byteLength`; of refused calls: `errno`; … */
  detail?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Of `compute` in a run with a timeline: what the runtime took for each operation, in its own order. */
  operations?: readonly OperationTime[] | undefined;
}

/** The memory of a guest or its host at a moment. */
export interface MemorySample {
  atMs: number;
  /** Linear memories of the guest together. */
  guestBytes: number;
  /** Resident memory of the process. */
  residentBytes: number;
}

export interface PhaseUsage {
  count: number;
  wallMs: number;
}

/** What one guest used, measured where it ran. */
export interface GuestUsage {
  /** Processor time of the guest's thread; undefined where several guests share a thread in turns, or nothing tells. */
  cpuMs: number | undefined;
  /** Linear memories together, at their largest. */
  peakMemoryBytes: number;
  /** By WASI calls: files, streams and sockets. */
  bytesRead: number;
  bytesWritten: number;
  phases: Readonly<Partial<Record<SpanName, PhaseUsage>>>;
  /** Models that the guest loaded: found compiled, and compiled for it. */
  loads: { hits: number; misses: number };
  /** In the order of their ends; where spans are recorded. */
  spans?: readonly RunSpan[] | undefined;
  /** In a run with a timeline only. */
  memory?: readonly MemorySample[] | undefined;
  /** What was not kept, since the guest did so much; undefined when nothing was left out. */
  leftOut?: Readonly<LeftOut> | undefined;
}

export interface LeftOut {
  spans: number;
  operations: number;
}

/**
 * How a guest was run.
 * - `calling-thread`: on the thread of the caller, which it blocked.
 * - `suspending`: on the thread of the caller, suspended (JSPI) while it waited for inference, input or time.
 * - `thread`: in a worker thread.
 * - `process`: in a process of its own, one guest at a time.
 */
export type RunMode = 'calling-thread' | 'suspending' | 'thread' | 'process';

/** What one run used, as its caller sees it. */
export interface RunUsage extends GuestUsage {
  mode: RunMode;
  /** From the call of `run` until the guest's end was known. */
  wallMs: number;
  /** Of that: how long it waited for a worker. */
  queueMs: number;
}

/** A run as its caller saw it, from the call to its end. Plain data. */
export interface RunReport {
  /** Counts the runs of this process. */
  id: number;
  /** As it was named when compiled. */
  module: string;
  /** '' where the run had none. */
  tenant: string;
  /** Undefined: it ended before it was decided. */
  mode: RunMode | undefined;
  startMs: number;
  endMs: number;
  /** How long it waited for its turn. */
  queueMs: number;
  /** `returned` and `exited` are the guest's own; `failed` has a code. */
  outcome: 'returned' | 'exited' | 'failed';
  /** Of a guest that returned or exited. */
  exitCode: number | undefined;
  /** A key of `ERROR_CODES`, or undefined where something else was thrown, by code of the embedder say. */
  code: ErrorCode | undefined;
  /** One printable line, for a run that failed. */
  message: string | undefined;
  /** Bytes that the guest wrote to stdout and stderr together. */
  outputBytes: number;
  /** Undefined: the guest never began. */
  usage: GuestUsage | undefined;
}

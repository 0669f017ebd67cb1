/** What is noted of a run while it goes on: plain data, from whatever thread or process the guest ran in. */

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
  'wait',
] as const;

export type SpanName = (typeof SPAN_NAMES)[number];

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

/** The runtime tells durations only: when an operation began is inferred from its order. */
export interface OperationTime {
  name: string;
  /** `Convolution`, … */
  type: string;
  /** Which implementation ran (`jit_avx512_f32`, …). */
  implementation: string;
  wallMs: number;
  cpuMs: number;
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
  /** In a run with a timeline only. */
  spans?: readonly RunSpan[] | undefined;
  memory?: readonly MemorySample[] | undefined;
}

/**
 * How a guest was run.
 * - `calling-thread`: on the thread of the caller, which it blocked.
 * - `suspending`: on the thread of the caller, suspended (JSPI) while it waited for inference, input or time.
 * - `thread`: in a worker thread.
 * - `process`: in a process of its own, one guest at a time.
 */
export type RunMode = 'calling-thread' | 'suspending' | 'thread' | 'process';

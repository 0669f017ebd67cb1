/** What is noted of a run while it goes on: plain data, from whatever thread or process the guest ran in. */
import type { ErrorCode } from '../errors.ts';
import type { OperationTime } from '../nn/backend.ts';

export type { OperationTime };

/**
 * What takes time in a run. `compile`, `queue` and `start` are the host's (V8's compilation of the module, waiting for a
 * worker, until that had taken the guest up, with its own start where it had to be started first); `guest` lasts from the start function to the end and holds all that
 * follow, which are wasi-nn's calls and the waits of a suspended guest.
 */
export type SpanName =
  | 'compile'
  | 'queue'
  | 'start'
  | 'instantiate'
  | 'guest'
  | 'load'
  | 'load_by_name'
  | 'init_execution_context'
  | 'set_input'
  | 'compute'
  | 'get_output'
  | 'unload'
  | 'finalize_execution_context'
  | 'wait';

const SPANS: Readonly<Record<SpanName, true>> = {
  compile: true,
  queue: true,
  start: true,
  instantiate: true,
  guest: true,
  load: true,
  load_by_name: true,
  init_execution_context: true,
  set_input: true,
  compute: true,
  get_output: true,
  unload: true,
  finalize_execution_context: true,
  wait: true,
};

export const SPAN_NAMES = Object.keys(SPANS) as readonly SpanName[];

/** What the host does before the guest has its turn. */
const BEFORE_THE_GUEST: readonly SpanName[] = ['compile', 'queue', 'start', 'instantiate'];

/** Whether a span is of the host and not of the guest, which is within `guest`. */
export function isBeforeGuest(name: SpanName): boolean {
  return BEFORE_THE_GUEST.includes(name);
}

/** Whether a span is a call or a wait of the guest. */
export function isWithinGuest(name: SpanName): boolean {
  return name !== 'guest' && !isBeforeGuest(name);
}

/**
 * How much is noted of a run: sums by phase, as always; each span as well, where somebody listens (`telemetry/`); and memory
 * and the operations of computations with them, for a timeline.
 */
export type RecordLevel = 'phases' | 'spans' | 'timeline';

/** Something that took time in a run, from its beginning to its end. */
export interface RunSpan {
  /** What it was. */
  name: SpanName;
  /** Milliseconds since the epoch, with fractions: the same clock in every thread and process of a machine. */
  startMs: number;
  /** By the same clock. */
  endMs: number;
  /** Of `load`: `isHit`, `byteLength`; of tensors: `index`, `byteLength`; of refused calls: `errno`; … */
  detail?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Of `compute` in a run with a timeline: what the runtime took for each operation, in its own order. */
  operations?: readonly OperationTime[] | undefined;
}

/** The memory of a guest or its host at a moment. */
export interface MemorySample {
  /** Milliseconds since the epoch, with fractions. */
  atMs: number;
  /** Linear memories of the guest together. */
  guestBytes: number;
  /** Resident memory of the process that the guest runs in, all its other guests included. */
  residentBytes: number;
}

/** All spans of one name together. */
export interface PhaseUsage {
  /** How many there were. */
  count: number;
  /** What they took together, in milliseconds. */
  wallMs: number;
}

/** What one guest used, measured where it ran. */
export interface GuestUsage {
  /**
   * Processor time of the guest's thread, in milliseconds; undefined where several guests share a thread in turns, or nothing
   * tells. Threads of the inference runtime are not in it.
   */
  cpuMs: number | undefined;
  /** Linear memories together, at their largest, in bytes. Undefined: unknown, of a guest that was ended from outside. */
  peakMemoryBytes: number | undefined;
  /** By WASI calls: from files, streams and sockets. Undefined as `peakMemoryBytes`. */
  bytesRead: number | undefined;
  /** By WASI calls: to files, streams and sockets. Undefined as `peakMemoryBytes`. */
  bytesWritten: number | undefined;
  /** What took how long, by name; names that did not occur are absent. */
  phases: Readonly<Partial<Record<SpanName, PhaseUsage>>>;
  /** Models that the guest loaded: found compiled, and compiled for it. Undefined as `peakMemoryBytes`. */
  loads: LoadCounts | undefined;
  /** Calls of wasi-nn that were refused, as far as it is known; undefined when none was. */
  refused?: RefusedCalls | undefined;
  /** In the order of their ends: in a run with a timeline, and for those who listen to channels. */
  spans?: readonly RunSpan[] | undefined;
  /** In a run with a timeline only. */
  memory?: readonly MemorySample[] | undefined;
  /** What was not kept, since the guest did so much; undefined when nothing was left out. */
  leftOut?: Readonly<LeftOut> | undefined;
}

/** Models that a guest loaded. */
export interface LoadCounts {
  /** Found compiled, or compiling. */
  hits: number;
  /** Compiled for this guest. */
  misses: number;
}

/** Calls of wasi-nn that were refused: the guest got an errno only. */
export interface RefusedCalls {
  /** How many there were. */
  count: number;
  /** The first of them, at most 8, with their reasons. */
  first: readonly RefusedCall[];
}

/** One of {@link RefusedCalls}, as in `Refusal`. */
export interface RefusedCall {
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
}

/** How much was left out of what was recorded of a run. */
export interface LeftOut {
  /** Calls and waits without a span; they count in `phases` all the same. */
  spans: number;
  /** Operations of the runtime without a time. */
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
  /** Where the guest ran. */
  mode: RunMode;
  /** From the call of `run` until the guest's end was known, in milliseconds. */
  wallMs: number;
  /** Of that: how long it waited for a worker, in milliseconds. */
  queueMs: number;
}

/** A run, or a call of an instance that stays, as its caller saw it, from the call to its end. Plain data. */
export interface RunReport {
  /** Counts the runs of this process, calls of instances among them. */
  id: number;
  /** The export that was called of an instance that stays, `_initialize` for what made it. Undefined: a run. */
  call?: string | undefined;
  /** As it was named when compiled. */
  module: string;
  /** '' where the run had none. */
  tenant: string;
  /** Undefined: it ended before it was decided. */
  mode: RunMode | undefined;
  /** When `run` was called, in milliseconds since the epoch, with fractions. */
  startMs: number;
  /** When the run had ended, by the same clock. */
  endMs: number;
  /** How long it waited for its turn, in milliseconds. */
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

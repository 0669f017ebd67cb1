/**
 * What passes between a host and a child process that runs its guests. What a thread would share is fetched once by number
 * here: a module cannot be sent but as its bytes, nor a compiled model but as its source.
 */
import type { ModuleLimits } from '../engine/module-rewrite.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import type { RecordedEntry } from '../engine/run-recorder.ts';
import type { OperationTime } from '../engine/run-report.ts';
import type { ErrorCode } from '../errors.ts';
import type { WorkerMessage, WorkerSink, WorkerTask } from './guest-worker-messages.ts';
import type { ThreadCall } from './thread-call.ts';

/** A module by its content. */
export interface ModuleReference {
  /** The same for the same bytes within the same limits. */
  key: string;
  /** As the user named it. */
  name: string;
}

/** What a module is compiled from in the child. */
export interface SentModule {
  bytes: Uint8Array;
  limits: ModuleLimits;
}

export type GrantedGraph = NonNullable<NnPlan['granted']>[number];

/** A graph without its source, which the child is sent once. */
export type GraphReference = Omit<GrantedGraph, 'source' | 'sharedId'>;

export type ProcessNnPlan = Omit<NnPlan, 'granted'> & { granted: readonly GraphReference[] };

/** Posted back as {@link ProcessMessage}; what is underway is bounded by a window of the child's own. */
export type ProcessSink = Exclude<WorkerSink, { kind: 'post' }> | { kind: 'post' };

type WorkerPlan = WorkerTask['plan'];

export type ProcessPlan = Omit<WorkerPlan, 'program' | 'preloads'> & {
  program: ModuleReference;
  preloads: readonly { name: string; program: ModuleReference }[];
};

/** A {@link WorkerTask} without what only threads of one process can have. */
export type ProcessTask = Omit<WorkerTask, 'plan' | 'nn' | 'graphsTarget' | 'stdio' | 'calls' | 'reportWindow'> & {
  plan: ProcessPlan;
  nn: ProcessNnPlan | undefined;
  stdio: { stdin: WorkerTask['stdio']['stdin']; stdout: ProcessSink; stderr: ProcessSink };
};

/** To the child. `run` numbers what each is about: what belongs to a run that is over is not heard. */
export type ProcessOrder =
  | { type: 'run'; run: number; task: ProcessTask; supplies: Supplies }
  /** Graphs that guests have asked for in others are compiled, so that none waits for it. */
  | { type: 'warm'; nn: ProcessNnPlan; supplies: Supplies }
  /** What the child said that it needs. */
  | { type: 'supply'; run: number; supplies: Supplies }
  /** The answer to a call of the guest. */
  | { type: 'answer'; run: number; call: number; reply: { value: unknown } | { error: string } }
  /** So many pieces of the stream were taken, in order. An errno: the stream has failed. */
  | { type: 'taken'; run: number; stream: OutputName; pieces: number; errno: number }
  /** The guest's time is over: give what it wrote, then say so. The process is killed after. */
  | { type: 'flush'; run: number };

export interface Supplies {
  modules: readonly (SentModule & { key: string })[];
  graphs: readonly Pick<GrantedGraph, 'id' | 'source'>[];
}

/** What the guest's thread asks the one beside it for graphs by, in the place of a descriptor: `open`, with a graph's id. */
export const GRAPHS_TARGET = -2;

export type OutputName = 'stdout' | 'stderr';

/**
 * What was recorded of a run: the operations of a computation, which may be thousands, come after their span, in parts. The
 * entries of a run are bounded: what would be beyond is left out.
 */
export type SentEntry = RecordedEntry | { operations: readonly OperationTime[] };

/**
 * What the thread of the guest says but for its output, which comes in batches, and for faults that nobody is told of. What
 * came as entries is not in the usage at the end again.
 */
export type RelayedMessage =
  | Exclude<WorkerMessage, { type: 'output' | 'wasi-fault' | 'entry' }>
  | { type: 'entries'; entries: readonly SentEntry[] };

/** Pieces of output in one message. */
export const MOST_PIECES = 1024;

/** Heads of messages with entries, of one run. */
export const MOST_ENTRY_BYTES = 32 * 2 ** 20;

/** From the child. */
export type ProcessMessage =
  /** It takes orders. */
  | { type: 'ready' }
  /** The guest may begin from now on: without this message it has not, whatever became of the process. */
  | { type: 'accepted'; run: number }
  /** It was forgotten, or never sent; the run, or the guest, waits for it. */
  | { type: 'need'; run: number; modules: readonly string[]; graphs: readonly number[] }
  | { type: 'output'; run: number; pieces: readonly { stream: OutputName; bytes: Uint8Array }[] }
  | { type: 'call'; run: number; call: number; target: ThreadCall['target']; method: string; args: readonly unknown[] }
  | { type: 'relay'; run: number; message: RelayedMessage }
  /** The guest's thread died, or could not be given the task. */
  | { type: 'failed'; run: number; code: ErrorCode | undefined; message: string }
  | { type: 'flushed'; run: number };

/**
 * What passes between a guest's thread and the thread beside it: one task there, and messages back over a port of the run's
 * own, so that nothing of one guest is taken for another's where a thread runs many.
 */
import type { CompiledModule } from '../engine/compile.ts';
import type { GuestOutcome, GuestPlan } from '../engine/guest-plan.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import type { RecordedEntry } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import type { ErrorCode } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { InputSource, OutputSink, Preopen } from '../wasi/index.ts';
import type { RemoteHandle } from './remote-descriptor.ts';
import type { CallPort } from './thread-call.ts';

/** What is the same in every thread: numbers and bytes. */
type Portable<Kind extends { kind: string }> = Exclude<Kind, { kind: 'write' | 'shim' | 'descriptor' }>;

/** A descriptor that stays on the thread beside the guest's. */
interface Remote {
  kind: 'remote';
  handle: RemoteHandle;
}

export type WorkerPreopen = Portable<Preopen> | (Remote & { guestPath: string });

/** `stream`: fetched from the thread beside by calls on this target. */
export type WorkerSource = Portable<InputSource> | Remote | { kind: 'stream'; target: number };

/** `post`: sent back in messages; the window bounds how much is underway. */
export type WorkerSink = Portable<OutputSink> | Remote | { kind: 'post'; window: SharedArrayBuffer };

/** What is known of a module, by a number for which a thread that has met it need not read it again. */
export interface PackedShape {
  id: number;
  bytes: SharedArrayBuffer;
}

/** A module passes between threads for nothing, what is known of it does not. */
export type WorkerProgram = Omit<CompiledModule, 'shape'> & { shape: CompiledModule['shape'] | PackedShape };

export interface WorkerTask {
  plan: Omit<GuestPlan, 'preopens' | 'program' | 'preloads'> & {
    preopens: readonly WorkerPreopen[];
    program: WorkerProgram;
    preloads: readonly { name: string; program: WorkerProgram }[];
  };
  nn: NnPlan | undefined;
  /** Where the thread asks for a granted graph when the guest does. Undefined: the plan has what it needs of them. */
  graphsTarget?: number | undefined;
  /** Whether refused wasi-nn calls are sent back. */
  postRefusals: boolean;
  /** Where the thread notes that the guest begins. Undefined: it posts `started`. */
  beginning?: SharedArrayBuffer | undefined;
  /** See {@link ReportWindow}. */
  reportWindow: SharedArrayBuffer;
  stdio: { stdin: WorkerSource; stdout: WorkerSink; stderr: WorkerSink };
  /** For {@link WorkerMessage}, and for calls on what stays on the thread beside. */
  calls: CallPort;
}

/** What the guest caused and somebody beside it is told. */
export type WorkerReport =
  | { type: 'refused'; refusal: Omit<Refusal, 'cause'> }
  /** See `WasiFaultListener`. */
  | { type: 'wasi-fault'; functionName: string; reason: string };

export type WorkerMessage =
  /** The guest begins now, in milliseconds since the epoch; see `Begun`. */
  | { type: 'started'; atMs: number; interruptToken: number | undefined }
  | { type: 'output'; stream: 'stdout' | 'stderr'; bytes: Uint8Array }
  | WorkerReport
  /** In a run with a timeline, so that it is known of a guest that is ended from outside, too. */
  | { type: 'entry'; entry: RecordedEntry }
  | TaskEnd;

export type TaskEnd =
  | { type: 'ended'; outcome: GuestOutcome; usage: GuestUsage }
  /** The host could not run it. */
  | { type: 'error'; code: ErrorCode | undefined; message: string };

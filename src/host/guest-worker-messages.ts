/** What passes between the thread that started a guest's worker and the worker. */
import type { ErrorCode } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { InputSource, OutputSink } from '../wasi/index.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import type { NnPlan } from './nn-support.ts';

/** `post`: sent back in messages. */
export type PostedSink = Exclude<OutputSink, { kind: 'write' | 'shim' }> | { kind: 'post' };

export interface WorkerTask {
  plan: GuestPlan;
  nn: NnPlan | undefined;
  /** Whether refused wasi-nn calls are sent back. */
  postRefusals: boolean;
  /** Counts the reports that were heard; the guest waits for each of its own. Undefined: it does not wait. */
  heardReports: SharedArrayBuffer | undefined;
  stdio: { stdin: Exclude<InputSource, { kind: 'shim' }>; stdout: PostedSink; stderr: PostedSink };
}

/** What the guest caused and somebody beside it is told. */
export type WorkerReport =
  | { type: 'refused'; refusal: Omit<Refusal, 'cause'> }
  /** See `WasiFaultListener`. */
  | { type: 'wasi-fault'; functionName: string; reason: string };

export type WorkerMessage =
  /** The guest begins now. */
  | { type: 'started' }
  | { type: 'output'; stream: 'stdout' | 'stderr'; bytes: Uint8Array }
  | WorkerReport
  | { type: 'ended'; outcome: GuestOutcome }
  /** The host could not run it. */
  | { type: 'error'; code: ErrorCode | undefined; message: string };

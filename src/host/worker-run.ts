/** Runs a guest in a worker thread, which can be left when its time is over, and may have a deeper stack. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { HostError } from '../errors.ts';
import { packageRoot } from '../native/addon.ts';
import type { Refusal } from '../nn/index.ts';
import type { GuestOutcome } from './guest-plan.ts';
import type { WasiFaultListener } from './guest-run.ts';
import { threadStackMegabytes } from './guest-stack.ts';
import type { WorkerMessage, WorkerReport, WorkerTask } from './guest-worker-messages.ts';

export interface WorkerRunOptions {
  /** Counted from when the guest begins. Undefined: no limit. */
  timeoutMs?: number | undefined;
  onOutput?: ((stream: 'stdout' | 'stderr', bytes: Uint8Array) => void) | undefined;
  onRefused?: ((refusal: Refusal) => void) | undefined;
  onWasiFault?: WasiFaultListener | undefined;
  /**
   * Whether the guest waits until `onRefused` and `onWasiFault` return: what they write then stands where it belongs
   * among the guest's own lines. Default: false.
   */
  reportsInOrder?: boolean | undefined;
}

export interface WorkerRun {
  outcome: Promise<GuestOutcome>;
  /**
   * Ends the thread, where a guest may still be running, and delivers what it wrote before. A thread inside of the runtime
   * cannot be interrupted: it is left to its end, and nothing of it is heard any more.
   */
  terminate(): Promise<void>;
}

/** Timers of Node hold no more; a guest that runs for 24 days is not watched beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A thread that can be interrupted ends in a few milliseconds. */
const GRACE_MS = 30;

/**
 * Starts the worker. `outcome` settles at the deadline whatever the thread does: it may be inside of the runtime, where
 * nothing interrupts it.
 */
export function runInWorker(plainTask: Omit<WorkerTask, 'heardReports'>, options: WorkerRunOptions): WorkerRun {
  const { timeoutMs } = options;
  const heard = options.reportsInOrder ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
  const task: WorkerTask = { ...plainTask, heardReports: heard?.buffer };
  const worker = new Worker(join(packageRoot(), 'dist', 'guest-worker.js'), {
    workerData: task,
    resourceLimits: { stackSizeMb: threadStackMegabytes(task.plan.maxWasmStackBytes) },
  });
  let timer: NodeJS.Timeout | undefined;
  const outcome = new Promise<GuestOutcome>((resolve, reject) => {
    const timeOut = () => resolve(timedOut(task));
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'output') options.onOutput?.(message.stream, message.bytes);
      else if (message.type === 'refused' || message.type === 'wasi-fault') hear(message, options, heard);
      else if (message.type === 'ended') resolve(message.outcome);
      else if (message.type === 'error') reject(rebuilt(message));
      else if (timeoutMs === 0) timeOut();
      else if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) timer = setTimeout(timeOut, timeoutMs);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the guest's thread ended with code ${code}`)));
  });
  return {
    outcome: outcome.finally(() => clearTimeout(timer)),
    terminate: async () => {
      await Promise.race([worker.terminate(), delay(GRACE_MS, undefined, { ref: false })]);
      worker.removeAllListeners('message');
    },
  };
}

function hear(report: WorkerReport, options: WorkerRunOptions, heard: Int32Array | undefined): void {
  try {
    if (report.type === 'refused') options.onRefused?.(report.refusal);
    else options.onWasiFault?.(report.functionName, report.reason);
  } finally {
    if (heard !== undefined) {
      Atomics.add(heard, 0, 1);
      Atomics.notify(heard, 0);
    }
  }
}

function timedOut({ plan: { invoke } }: WorkerTask): GuestOutcome {
  return {
    kind: 'failed',
    failure: { code: 'ERR_GUEST_TIMEOUT', message: 'wasm trap: interrupt', backtrace: [] },
    phase: invoke === undefined ? { at: 'invoke' } : { at: 'invoke', name: invoke.name },
  };
}

function rebuilt({ code, message }: Extract<WorkerMessage, { type: 'error' }>): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

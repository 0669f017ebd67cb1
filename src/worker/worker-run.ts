/** Runs a guest in a worker thread, which can be left when its time is over, and may have a deeper stack. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { GuestFailure, GuestOutcome } from '../engine/guest-plan.ts';
import type { WasiFaultListener } from '../engine/guest-run.ts';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { HostError } from '../errors.ts';
import { packageRoot } from '../native/addon.ts';
import type { Refusal } from '../nn/index.ts';
import type { WorkerMessage, WorkerReport, WorkerTask } from './guest-worker-messages.ts';
import { type WorkerRequest, WorkerServices } from './worker-services.ts';

export interface WorkerRunOptions {
  /** Counted from when the guest begins. Undefined: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the guest; the outcome is ERR_GUEST_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Awaited after the guest's end, still under the time limit: everything it wrote has been taken before. */
  onEnd?: (() => Promise<void>) | undefined;
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
export function runInWorker(request: WorkerRequest, options: WorkerRunOptions): WorkerRun {
  const { timeoutMs, signal } = options;
  const heard = options.reportsInOrder ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
  const services = new WorkerServices(request);
  const task = { ...services.task, heardReports: heard?.buffer };
  const worker = startWorker(task, services);
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  const outcome = new Promise<GuestOutcome>((resolve, reject) => {
    const timeOut = () => resolve(ended(request, { code: 'ERR_GUEST_TIMEOUT', message: 'wasm trap: interrupt' }));
    const wasAborted = { code: 'ERR_GUEST_ABORTED', message: 'the run was aborted' } as const;
    abort = () => resolve(ended(request, { ...wasAborted, cause: signal?.reason }));
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    let hasEnded = false;
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'output') services.outputs[message.stream].push(message.bytes);
      else if (message.type === 'refused' || message.type === 'wasi-fault') hear(message, options, heard);
      else if (message.type === 'ended') {
        hasEnded = true;
        // What takes the output may never be done: the time limit and the signal hold on.
        whenTaken(services, options).then(() => resolve(message.outcome), reject);
      } else if (message.type === 'error') reject(rebuilt(message));
      else if (timeoutMs === 0) timeOut();
      else if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) timer = setTimeout(timeOut, timeoutMs);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => {
      if (!hasEnded) reject(new Error(`the guest's thread ended with code ${code}`));
    });
  });
  return {
    outcome: outcome.finally(() => {
      clearTimeout(timer);
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
    }),
    terminate: async () => {
      await Promise.race([worker.terminate(), delay(GRACE_MS, undefined, { ref: false })]);
      worker.removeAllListeners('message');
      services.close();
    },
  };
}

function startWorker(task: WorkerTask, services: WorkerServices): Worker {
  try {
    return new Worker(join(packageRoot(), 'dist', 'guest-worker.js'), {
      workerData: task,
      transferList: [task.calls.port],
      resourceLimits: { stackSizeMb: threadStackMegabytes(task.plan.maxWasmStackBytes) },
    });
  } catch (error) {
    services.close();
    throw error;
  }
}

async function whenTaken({ outputs }: WorkerServices, { onEnd }: WorkerRunOptions): Promise<void> {
  await Promise.all([outputs.stdout.drained(), outputs.stderr.drained()]);
  await onEnd?.();
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

function ended({ plan: { invoke } }: WorkerRequest, failure: Omit<GuestFailure, 'backtrace'>): GuestOutcome {
  return {
    kind: 'failed',
    failure: { ...failure, backtrace: [] },
    phase: invoke === undefined ? { at: 'invoke' } : { at: 'invoke', name: invoke.name },
  };
}

function rebuilt({ code, message }: Extract<WorkerMessage, { type: 'error' }>): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

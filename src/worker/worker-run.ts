/** Runs a guest in a worker thread of its own, which can be left when its time is over, and may have a deeper stack. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { packageRoot } from '../native/addon.ts';
import { type GuestEnd, GuestWatch, type GuestWatchOptions, HEAP_CHECK_MS } from './guest-watch.ts';
import type { WorkerRequest } from './worker-services.ts';

export type WorkerRunOptions = Omit<GuestWatchOptions, 'onLeft'>;

export interface WorkerRun {
  end: Promise<GuestEnd>;
  /** Ends the thread, where a guest may still be running. One inside of the runtime cannot be interrupted: it is left to its end. */
  terminate(): Promise<void>;
}

/** A thread that can be interrupted ends in a few milliseconds. */
const GRACE_MS = 30;

/** Starts the worker. @throws HostError ERR_PREOPEN, ERR_STDIO for an `Fd` of the embedder that fails at once */
export function runInWorker(request: WorkerRequest, options: WorkerRunOptions): WorkerRun {
  const watch = new GuestWatch(request, options);
  const worker = startWorker(watch);
  worker.once('error', (error) => watch.lost(error));
  worker.once('exit', (code) => watch.lost(new Error(`it ended with code ${code}`)));
  // A thread whose heap is full can tell nothing any more.
  const heapTimer = setInterval(() => watch.checkHeap(), HEAP_CHECK_MS).unref();
  return {
    end: watch.end.finally(() => clearInterval(heapTimer)),
    terminate: async () => {
      await Promise.race([worker.terminate(), delay(GRACE_MS, undefined, { ref: false })]);
    },
  };
}

function startWorker(watch: GuestWatch): Worker {
  try {
    return new Worker(join(packageRoot(), 'dist', 'guest-worker.js'), {
      workerData: watch.task,
      transferList: [...watch.transfer],
      resourceLimits: { stackSizeMb: threadStackMegabytes(watch.task.plan.maxWasmStackBytes) },
    });
  } catch (error) {
    watch.end.catch(() => {});
    watch.fail(error);
    throw error;
  }
}

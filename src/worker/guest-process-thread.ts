/** The thread on which a child process runs its guests, one after another. */
import { parentPort, Worker } from 'node:worker_threads';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { lossError } from './guest-watch.ts';
import type { WorkerTask } from './guest-worker-messages.ts';
import { runTask } from './task-run.ts';
import { ThreadState } from './thread-state.ts';

export class GuestThread {
  readonly #entry: string;
  readonly #maxHeapBytes: number | undefined;
  #worker: Worker | undefined;
  #stackMegabytes = 0;
  #fail: (error: Error) => void = () => {};

  /**
   * @param entry a file that calls {@link serveGuestThread} where it is no main thread
   * @param maxHeapBytes undefined: V8's
   */
  constructor(entry: string, maxHeapBytes: number | undefined) {
    this.#entry = entry;
    this.#maxHeapBytes = maxHeapBytes;
  }

  /** Starts the thread, where there is none with such a stack. */
  prepare(maxWasmStackBytes?: number): Worker {
    const stackMegabytes = threadStackMegabytes(maxWasmStackBytes);
    if (this.#worker !== undefined && stackMegabytes <= this.#stackMegabytes) return this.#worker;
    // It runs nothing now.
    this.#worker?.removeAllListeners().terminate();
    const maxOldGenerationSizeMb = this.#maxHeapBytes && Math.ceil(this.#maxHeapBytes / 2 ** 20);
    const limits = { stackSizeMb: stackMegabytes, ...(maxOldGenerationSizeMb && { maxOldGenerationSizeMb }) };
    const worker = new Worker(this.#entry, { resourceLimits: limits });
    worker.once('error', (error) => this.#fail(lossError(error)));
    worker.once('exit', () => this.#fail(lossError(new Error('it ended by itself'))));
    this.#worker = worker;
    this.#stackMegabytes = stackMegabytes;
    return worker;
  }

  /** @param fail called where the thread dies, until the next run: the process is of no use then */
  run(task: WorkerTask, fail: (error: Error) => void): void {
    const worker = this.prepare(task.plan.maxWasmStackBytes);
    this.#fail = fail;
    worker.postMessage(task, [task.calls.port]);
  }
}

/** On the thread itself: runs what it is sent. */
export function serveGuestThread(): void {
  const state = new ThreadState();
  parentPort?.on('message', (task: WorkerTask) => runTask(task, state));
}

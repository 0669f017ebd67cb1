/** The thread on which a child process runs its guests, one after another. */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { HEAP_CHECK_MS, heapError, heapLimit, lossError } from './guest-watch.ts';
import type { WorkerTask } from './guest-worker-messages.ts';
import { runTask } from './task-run.ts';
import { ThreadState } from './thread-state.ts';

export class GuestThread {
  readonly #entry: string;
  readonly #maxHeapBytes: number | undefined;
  #worker: Worker | undefined;
  /** Of the thread that there is, for `NativeThread.guardHeap`. */
  #heapFlag = new Int32Array(new SharedArrayBuffer(4));
  #heapTimer: NodeJS.Timeout | undefined;
  #stackMegabytes = 0;
  #fail: (error: Error) => void = () => {};

  /**
   * @param entry a file that calls {@link serveGuestThread} where it is no main thread
   * @param maxHeapBytes undefined: the default
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
    this.#heapFlag = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(this.#entry, {
      workerData: this.#heapFlag,
      resourceLimits: { stackSizeMb: stackMegabytes, ...heapLimit(this.#maxHeapBytes) },
    });
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
    // A thread whose heap is full can tell nothing any more.
    this.#heapTimer ??= setInterval(() => this.#checkHeap(), HEAP_CHECK_MS);
    worker.postMessage(task, [task.calls.port]);
  }

  /** The guest has ended, or the process is to be ended. */
  rest(): void {
    clearInterval(this.#heapTimer);
    this.#heapTimer = undefined;
  }

  #checkHeap(): void {
    if (Atomics.load(this.#heapFlag, 0) !== 0) this.#fail(heapError());
  }
}

/** On the thread itself: runs what it is sent. */
export function serveGuestThread(): void {
  const state = new ThreadState();
  state.guardHeap(workerData as Int32Array);
  parentPort?.on('message', (task: WorkerTask) => runTask(task, state));
}

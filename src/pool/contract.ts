/** What runs guests beside the calling thread, and what of it a caller sees. */
import type { GuestOutcome } from '../engine/guest-plan.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import type { Refusal } from '../nn/index.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';

/** Who watches a run, and how long it may take. */
export interface RunWatch {
  /** Counted from when the guest begins, not from when it was queued. Undefined: no limit. */
  timeoutMs?: number | undefined;
  /** How long it may wait for its turn; then it is ERR_POOL_QUEUE_TIMEOUT. Undefined: for ever. */
  maxQueueMs?: number | undefined;
  /** Ends the guest, or takes it out of the queue; the outcome is ERR_GUEST_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Awaited after the guest's end, still under the time limit: everything it wrote has been taken before. */
  onEnd?: (() => Promise<void>) | undefined;
  onRefused?: ((refusal: Refusal) => void) | undefined;
  /**
   * Told before the run settles where its guest may still be on a thread of this process, with what settles when it is not:
   * descriptors that it was given are not to be closed before.
   */
  onLeftBehind?: ((gone: Promise<void>) => void) | undefined;
}

/** What came of a run. */
export interface GuestReport {
  outcome: GuestOutcome;
  /** Of a guest that was ended from outside: what is known of it. */
  usage: GuestUsage;
  /** How long it waited for its turn. */
  queueMs: number;
  /** When its worker took it up, in milliseconds since the epoch: until then it was started. Undefined: it never began. */
  beganMs?: number | undefined;
}

/** A worker: a thread or a process that runs one guest at a time. */
export interface GuestRunner {
  /**
   * Settles at the deadline or when the signal aborts, whatever the guest does; the runner is lost then, and replaced by
   * whoever owns it.
   * @throws HostError ERR_GUEST_CRASHED where the worker died; ERR_PREOPEN, ERR_STDIO, ERR_NN_… as the run itself
   */
  run(request: WorkerRequest, watch: RunWatch): Promise<GuestReport>;
}

/** The workers of a pool, of which each runs one guest at a time; how many guests at a time is the pool's to see to. */
export interface PoolRunner extends GuestRunner {
  /** Ends all workers; runs that go on end with ERR_POOL_CLOSED. */
  dispose(): void | Promise<void>;
}

/** `thread`: worker threads of this process. `process`: child processes, of which a crash takes one run with it. */
export type Isolation = 'thread' | 'process';

export const ISOLATIONS: readonly Isolation[] = ['thread', 'process'];

/** How many workers there are, of which kind, and how many runs may wait for one. */
export interface WorkerPoolOptions {
  /** Guests that run at a time, from 1 to 1,024. Default: the machine's available parallelism. */
  threads?: number | undefined;
  /**
   * Runs that may wait; one more is ERR_POOL_QUEUE_FULL: the last of the tenant that has most waiting, for a newcomer of
   * another whose priority is no lower. Default: 10,000.
   */
  maxQueue?: number | undefined;
  /** What a worker is. Default: `thread`. */
  isolation?: Isolation | undefined;
  /**
   * Heap of JavaScript of each worker, where objects of wasm GC, exceptions and tables lie, in bytes; at least 16 MiB. A guest
   * that fills it ends with ERR_GUEST_HEAP_LIMIT. Default: 512 MiB.
   */
  maxHeapBytes?: number | undefined;
  /**
   * Runs after which a process is ended and another takes its place, from 1; with `isolation: 'process'` alone. What takes a
   * process over, by a model that leads native code astray, has the guests that come after, too: 1 gives each a process that
   * no other guest was in, for the time and the processor that a start takes. Default: no bound.
   */
  maxRunsPerProcess?: number | undefined;
}

/** Whose turn it is among the runs that wait. */
export interface QueueKey {
  /** Tenants take turns, whatever each has waiting. Default: ''. */
  tenant?: string | undefined;
  /** Higher first, before all turns. Default: 0. */
  priority?: number | undefined;
}

/** Workers and runs of a pool at a moment. */
export interface PoolStats {
  /** What a worker is. */
  isolation: Isolation;
  /** Guests that can run at a time. */
  threads: number;
  /** Runs that have a worker. */
  running: number;
  /** Runs that wait for one. */
  queued: number;
  /** Threads whose guests were ended and that are not gone yet; at `threads` and two more no run begins. */
  leftBehind: number;
  /** Runs whose guest ended by itself, since the pool was made. */
  completed: number;
  /** Runs that ended otherwise, while they waited too, since the pool was made. */
  failed: number;
  /** Workers that were lost to guests and replaced. */
  replaced: number;
}

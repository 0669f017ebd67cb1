/** Many guests, so many at a time: who waits, who is next, and what becomes of them when the pool ends. */

import { availableParallelism } from 'node:os';
import { NO_USAGE } from '../engine/guest-usage.ts';
import { whenAborted } from '../engine/when-aborted.ts';
import { PoolError } from '../errors.ts';
import { MAX_TIMER_MS } from '../worker/longest-timer.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';
import type { GuestReport, PoolRunner, PoolStats, QueueKey, RunWatch, WorkerPoolOptions } from './contract.ts';
import { FairQueue, type QueuePlace } from './fair-queue.ts';

const DEFAULT_MAX_QUEUE = 10_000;

/** Threads that still end, over as many as run guests: with more of them nothing begins. Most end in a few milliseconds. */
const SPARE_LEFT_BEHIND = 2;

/** A run that waits for its turn. */
interface Waiting {
  readonly request: WorkerRequest;
  readonly watch: RunWatch;
  readonly sinceMs: number;
  readonly settle: (report: Promise<GuestReport> | GuestReport) => void;
  readonly refuse: (error: unknown) => void;
  leave?: () => void;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #threads: number;
  readonly #queue: FairQueue<Waiting>;
  readonly #counts = { completed: 0, failed: 0, replaced: 0 };
  readonly #whenIdle: (() => void)[] = [];
  #runner: PoolRunner | undefined;
  #opening: Promise<PoolRunner> | undefined;
  #running = 0;
  #leftBehind = 0;
  #isClosed = false;
  #isAborted = false;

  /** Nothing is started or loaded before the first run. */
  constructor(options: WorkerPoolOptions = {}) {
    this.#options = { ...options };
    this.#threads = options.threads ?? availableParallelism();
    this.#queue = new FairQueue(options.maxQueue ?? DEFAULT_MAX_QUEUE);
  }

  get stats(): PoolStats {
    const { isolation = 'thread' } = this.#options;
    const now = { running: this.#running, queued: this.#queue.size, leftBehind: this.#leftBehind };
    return { isolation, threads: this.#threads, ...now, ...this.#counts };
  }

  /**
   * Runs a guest when its turn has come. A signal that aborts while it waits takes it out of the queue.
   * @throws PoolError ERR_POOL_QUEUE_FULL, ERR_POOL_QUEUE_TIMEOUT, ERR_POOL_CLOSED; what {@link GuestReport}'s runner throws
   */
  async run(request: WorkerRequest, watch: RunWatch & QueueKey): Promise<GuestReport> {
    if (this.#isClosed) throw closed();
    const { signal } = watch;
    if (signal?.aborted) return abortedReport(request, signal.reason, 0);
    if (this.#hasRoom && this.#queue.size === 0) return this.#start(request, watch, performance.now());
    return new Promise((settle, refuse) => {
      const waiting: Waiting = { request, watch, sinceMs: performance.now(), settle, refuse };
      const displaced = this.#queue.makeRoom(watch);
      displaced?.leave?.();
      displaced?.refuse(queueFull(this.#queue.capacity));
      const place = this.#queue.push(waiting, watch);
      if (place === undefined) refuse(queueFull(this.#queue.capacity));
      else this.#watchWaiting(place);
    });
  }

  /** Settles when nothing runs or waits. More may come meanwhile, and is waited for, too. */
  async drain(): Promise<void> {
    if (this.#running === 0 && this.#queue.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Takes no more runs, and settles when those that there are have ended, and the workers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drain();
    await this.#dispose();
  }

  /** Takes no more runs, and ends those that there are, with ERR_POOL_CLOSED. Waits for no thread that cannot be ended. */
  async abort(): Promise<void> {
    this.#isClosed = true;
    this.#isAborted = true;
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      waiting.leave?.();
      this.#counts.failed += 1;
      waiting.refuse(closed());
    }
    await this.#dispose();
    await this.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watchWaiting(place: QueuePlace<Waiting>): void {
    const waiting = place.value;
    const { signal, maxQueueMs = Number.POSITIVE_INFINITY } = waiting.watch;
    const leave = (settle: () => void) => {
      if (!this.#queue.remove(place)) return;
      waiting.leave?.();
      this.#counts.failed += 1;
      settle();
      this.#tellIdle();
    };
    const waitedMs = () => performance.now() - waiting.sinceMs;
    const stopListening = whenAborted(signal, () =>
      leave(() => waiting.settle(abortedReport(waiting.request, signal?.reason, waitedMs()))),
    );
    const timeOut = () => leave(() => waiting.refuse(queueTimeout(maxQueueMs)));
    const timer = maxQueueMs <= MAX_TIMER_MS ? setTimeout(timeOut, maxQueueMs) : undefined;
    waiting.leave = () => {
      stopListening();
      clearTimeout(timer);
    };
  }

  async #start(request: WorkerRequest, watch: RunWatch, sinceMs: number): Promise<GuestReport> {
    const queueMs = performance.now() - sinceMs;
    this.#running += 1;
    try {
      const runner = this.#runner ?? (await this.#open());
      if (this.#isAborted) throw closed();
      const onLeftBehind = (gone: Promise<void>) => {
        void this.#countLeftBehind(gone);
        watch.onLeftBehind?.(gone);
      };
      const report = await runner.run(request, { ...watch, onLeftBehind });
      this.#counts[report.outcome.kind === 'failed' ? 'failed' : 'completed'] += 1;
      // What its runner waited for is a worker's start: the turn was the run's.
      return { ...report, queueMs };
    } catch (error) {
      this.#counts.failed += 1;
      throw error;
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** One that is inside of V8 ends in its own time: with each run one more, they would take all that there is. */
  async #countLeftBehind(gone: Promise<void>): Promise<void> {
    this.#leftBehind += 1;
    await gone;
    this.#leftBehind -= 1;
    this.#next();
  }

  get #hasRoom(): boolean {
    return this.#running < this.#threads && this.#leftBehind < this.#threads + SPARE_LEFT_BEHIND;
  }

  #next(): void {
    while (this.#hasRoom) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) break;
      waiting.leave?.();
      waiting.settle(this.#start(waiting.request, waiting.watch, waiting.sinceMs));
    }
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#running > 0 || this.#queue.size > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async #open(): Promise<PoolRunner> {
    this.#opening ??= this.#createRunner();
    this.#runner = await this.#opening;
    return this.#runner;
  }

  async #createRunner(): Promise<PoolRunner> {
    const threads = this.#threads;
    const { maxHeapBytes, maxRunsPerProcess } = this.#options;
    const onLost = () => {
      this.#counts.replaced += 1;
    };
    if (this.#options.isolation === 'process') {
      const { createProcessRunner } = await import('./process-runner.ts');
      return createProcessRunner({ processes: threads, maxHeapBytes, maxRunsPerProcess, onLost });
    }
    const { ThreadRunner } = await import('./thread-runner.ts');
    return new ThreadRunner({ threads, maxHeapBytes, onLost });
  }

  async #dispose(): Promise<void> {
    const runner = await this.#opening?.catch(() => undefined);
    await runner?.dispose();
  }
}

function closed(): PoolError {
  return new PoolError('ERR_POOL_CLOSED', 'the pool is closed');
}

function queueFull(capacity: number): PoolError {
  return new PoolError('ERR_POOL_QUEUE_FULL', `${capacity} runs wait already, which is as many as may`);
}

function queueTimeout(maxQueueMs: number): PoolError {
  return new PoolError('ERR_POOL_QUEUE_TIMEOUT', `no worker was free for the run within ${maxQueueMs} ms`);
}

/** Of a run that never began. */
function abortedReport({ plan: { invoke } }: WorkerRequest, cause: unknown, queueMs: number): GuestReport {
  const failure = {
    code: 'ERR_GUEST_ABORTED',
    message: 'the run was aborted',
    backtrace: [],
    cause,
  } as const;
  const phase = invoke === undefined ? ({ at: 'invoke' } as const) : ({ at: 'invoke', name: invoke.name } as const);
  return { outcome: { kind: 'failed', failure, phase }, usage: NO_USAGE, queueMs };
}

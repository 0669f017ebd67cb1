/** What runs guests beside the calling thread, for a host or a pool of it. */
import { availableParallelism } from 'node:os';
import { PoolError } from '../errors.ts';
import type { GuestReport, Isolation, PoolStats, QueueKey, RunWatch, WorkerPoolOptions } from '../pool/contract.ts';
import { unknownUsage } from '../worker/known-usage.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';

/** What of a pool is used here. */
interface Workers {
  readonly stats: PoolStats;
  run(request: WorkerRequest, watch: RunWatch & QueueKey): Promise<GuestReport>;
  /** Waits until nothing runs or waits any more. */
  drain(): Promise<void>;
  /** Ends all that runs or waits, and takes no more. */
  abort(): Promise<void>;
  /** Takes no more, and ends the workers when all is done. */
  close(): Promise<void>;
}

/** Workers of one kind, started when a guest first needs one: an embedder of one guest may never do. */
export class LazyWorkers implements Workers {
  readonly #options: WorkerPoolOptions;
  #starting: Promise<Workers> | undefined;
  #workers: Workers | undefined;
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get stats(): PoolStats {
    const { isolation = 'thread', threads = availableParallelism() } = this.#options;
    const none = { running: 0, queued: 0, completed: 0, failed: 0, replaced: 0 };
    return this.#workers?.stats ?? { isolation, threads, ...none };
  }

  async run(request: WorkerRequest, watch: RunWatch & QueueKey): Promise<GuestReport> {
    return (await this.#start()).run(request, watch);
  }

  async drain(): Promise<void> {
    await (await this.#starting)?.drain();
  }

  async abort(): Promise<void> {
    this.#isClosed = true;
    await (await this.#starting)?.abort();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#starting)?.close();
  }

  async #start(): Promise<Workers> {
    if (this.#isClosed) throw new PoolError('ERR_POOL_CLOSED', 'the pool is closed');
    this.#starting ??= createWorkers(this.#options);
    this.#workers = await this.#starting;
    return this.#workers;
  }
}

/** The workers of a host: those of its pool, and the other kind for runs that ask for it. */
export class HostWorkers {
  readonly #options: WorkerPoolOptions;
  readonly #byIsolation = new Map<Isolation, LazyWorkers>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get isolation(): Isolation {
    return this.#options.isolation ?? 'thread';
  }

  of(isolation: Isolation): LazyWorkers {
    const workers = this.#byIsolation.get(isolation) ?? new LazyWorkers({ ...this.#options, isolation });
    this.#byIsolation.set(isolation, workers);
    return workers;
  }

  get stats(): PoolStats {
    return this.of(this.isolation).stats;
  }

  async close(): Promise<void> {
    await Promise.all([this.of('thread').close(), this.of('process').close()]);
  }
}

/** Loads what starts workers. */
async function createWorkers(options: WorkerPoolOptions): Promise<Workers> {
  const { runInWorker } = await import('../worker/worker-run.ts');
  const { threads = availableParallelism() } = options;
  return {
    stats: { isolation: 'thread', threads, running: 0, queued: 0, completed: 0, failed: 0, replaced: 0 },
    async run(request, watch) {
      const run = runInWorker(request, watch);
      try {
        return { outcome: await run.outcome, usage: unknownUsage(), queueMs: 0 };
      } finally {
        await run.terminate();
      }
    },
    drain: async () => {},
    abort: async () => {},
    close: async () => {},
  };
}

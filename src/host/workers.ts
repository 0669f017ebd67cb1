/** What runs guests beside the calling thread, for a host. */
import type { Isolation, PoolStats, WorkerPoolOptions } from '../pool/contract.ts';
import { WorkerPool } from '../pool/worker-pool.ts';

/** The workers of a host: those of its pool, and the other kind for runs that ask for it. They start when first needed. */
export class HostWorkers {
  readonly #options: WorkerPoolOptions;
  readonly #byIsolation = new Map<Isolation, WorkerPool>();
  #closing: Promise<unknown> | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get isolation(): Isolation {
    return this.#options.isolation ?? 'thread';
  }

  of(isolation: Isolation): WorkerPool {
    const pool = this.#byIsolation.get(isolation) ?? new WorkerPool({ ...this.#options, isolation });
    this.#byIsolation.set(isolation, pool);
    return pool;
  }

  get stats(): PoolStats {
    return this.of(this.isolation).stats;
  }

  /** Waits for the runs that there are. Whoever owns this begins no others. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#byIsolation.values()].map((pool) => pool.close()));
    await this.#closing;
  }
}

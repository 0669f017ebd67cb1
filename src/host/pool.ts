import { PoolError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { PoolStats } from '../pool/contract.ts';
import { WorkerPool } from '../pool/worker-pool.ts';
import type { GuestModule } from './guest-module.ts';
import { Host } from './host.ts';
import type { HostRunOptions, PoolOptions } from './host-options.ts';
import { checkPoolOptions } from './option-checks.ts';
import type { CapturesStderr, CapturesStdout, HostRunResult } from './run-result.ts';
import { RunsUnderway } from './runs-underway.ts';

/** As for {@link Host.run}; where a guest runs is the pool's to say. */
export type PoolRunOptions = Omit<HostRunOptions, 'mode'>;

/**
 * Workers of one host for many guests: threads or processes, each of which runs one guest at a time. Runs wait for a
 * worker in turns of their tenants, higher priorities first. A worker that a guest was ended in, or that died, is replaced.
 */
export class Pool {
  readonly #host: Host;
  readonly #options: PoolOptions;
  readonly #workers: WorkerPool;
  readonly #runs = new RunsUnderway();
  #isClosed = false;

  /**
   * Workers start with the first run. Make pools before graphs are registered: see {@link HostOptions.pool}.
   * @param host whose modules, graphs and inference backend the runs share; it is not disposed with the pool
   * @throws OptionError
   */
  constructor(host: Host, options: PoolOptions = {}) {
    if (!(host instanceof Host)) throw invalidOption('host', 'a Host', host);
    checkPoolOptions('options', options);
    this.#host = host;
    this.#options = { ...options };
    const { defaults: _, ...workers } = options;
    this.#workers = new WorkerPool(workers);
    host.expectPool(options);
  }

  /**
   * Runs a module once in a worker of this pool.
   * @throws as {@link Host.run}; PoolError ERR_POOL_QUEUE_FULL where as many runs wait as may, ERR_POOL_QUEUE_TIMEOUT
   *   after `maxQueueMs`, ERR_POOL_CLOSED
   */
  run(
    module: GuestModule,
    options?: PoolRunOptions & CapturesStdout & CapturesStderr,
  ): Promise<HostRunResult<Buffer, Buffer>>;
  run(module: GuestModule, options: PoolRunOptions & CapturesStdout): Promise<HostRunResult<Buffer>>;
  run(
    module: GuestModule,
    options: PoolRunOptions & CapturesStderr,
  ): Promise<HostRunResult<Buffer | undefined, Buffer>>;
  run(module: GuestModule, options?: PoolRunOptions): Promise<HostRunResult>;
  async run(module: GuestModule, options: PoolRunOptions = {}): Promise<HostRunResult> {
    if (this.#isClosed) throw new PoolError('ERR_POOL_CLOSED', 'the pool is closed');
    const { isolation = 'thread', defaults = {} } = this.#options;
    const { mode } = options as HostRunOptions;
    if (mode !== undefined && mode !== isolation)
      throw invalidOption('mode', `none, or ${isolation} as the pool's`, mode);
    return await this.#runs.add(
      this.#host.runIn(module, options, {
        defaults,
        isolation,
        mayUseCallingThread: false,
        workers: () => this.#workers,
      }),
    );
  }

  /** Its workers and runs, as they are now. */
  get stats(): PoolStats {
    return this.#workers.stats;
  }

  /** Settles when no run goes on or waits. New ones may come meanwhile, and are waited for, too. */
  async drain(): Promise<void> {
    await this.#runs.settled();
    await this.#workers.drain();
  }

  /**
   * Ends every run, those that wait and those that go on, with ERR_POOL_CLOSED, and takes no more. Settles when the
   * workers are gone.
   */
  async abort(): Promise<void> {
    this.#isClosed = true;
    await this.#workers.abort();
  }

  /** Takes no more runs, and settles when those that there are have ended and the workers are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#runs.settled();
    await this.#workers.close();
  }

  /** {@link Pool.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

import { AsyncResource } from 'node:async_hooks';
import { nowMs } from '../engine/run-recorder.ts';
import { HostError } from '../errors.ts';
import type { PoolStats } from '../pool/contract.ts';
import { publishPhase } from '../telemetry/channels.ts';
import type { GuestInstance } from './guest-instance.ts';
import { GuestModule, type ModuleInput, readModuleInput } from './guest-module.ts';
import type { HostGraphs } from './host-graphs.ts';
import { HostInference, type ModelStats } from './host-inference.ts';
import type { CompileOptions, HostOptions, HostRunOptions, PoolOptions } from './host-options.ts';
import { type RunContext, runOnHost } from './host-run.ts';
import type { HostInstanceOptions } from './instantiate.ts';
import { ModuleCache, type ModuleStats } from './module-cache.ts';
import { checkCompileOptions, checkHostOptions } from './option-checks.ts';
import type { CapturesStderr, CapturesStdout, HostRunResult } from './run-result.ts';
import { RunsUnderway } from './runs-underway.ts';
import { HostWorkers } from './workers.ts';

const DEFAULT_MAX_MODULE_BYTES = 256 * 2 ** 20;

/**
 * Runs WebAssembly guests (wasm32-wasip1) that may use wasi-nn. A service has one: it keeps what guests share.
 *
 * That is one inference backend, opened when it is first needed, with its named {@link Host.graphs}; compiled modules; and
 * workers for guests that cannot have the calling thread.
 */
export class Host {
  /** Models that guests load by name, where they are granted to them: see `graphs` of {@link Host.run}. */
  readonly graphs: HostGraphs;
  readonly #options: HostOptions;
  readonly #inference: HostInference;
  readonly #modules: ModuleCache;
  readonly #workers: HostWorkers;
  readonly #runs = new RunsUnderway();
  readonly #instances = new Set<GuestInstance>();
  #isDisposed = false;

  /**
   * Opens nothing yet: the inference runtime is looked for when a guest or a graph needs it.
   * @throws OptionError ERR_OPTION_INVALID
   */
  constructor(options: HostOptions = {}) {
    checkHostOptions(options);
    this.#options = { ...options };
    this.#inference = new HostInference(this.#options);
    this.graphs = this.#inference.graphs;
    this.#modules = new ModuleCache(options.maxModuleBytes ?? DEFAULT_MAX_MODULE_BYTES);
    this.#workers = new HostWorkers(options.pool ?? {});
  }

  /**
   * Reads and compiles a module, binary or text. Equal bytes are compiled once, whatever they are called, and stay compiled
   * within `maxModuleBytes`. V8 compiles in threads of its own.
   *
   * @param source the path or `file:` URL of a file, or its bytes, which are copied
   * @param options see {@link CompileOptions}
   * @throws ModuleError ERR_MODULE_NOT_FOUND, ERR_MODULE_COMPILE, ERR_MODULE_LIMIT; OptionError; HostError ERR_RELEASED
   */
  async compile(source: ModuleInput, options: CompileOptions = {}): Promise<GuestModule> {
    this.#requireLive();
    checkCompileOptions(options);
    const { name, bytes } = await readModuleInput(source);
    const module = new GuestModule(await this.#modules.read(options.name ?? name, bytes), this.#modules);
    const { maxMemoryBytes, maxTableElements } = options;
    if (maxMemoryBytes !== undefined || maxTableElements !== undefined) {
      const detail = { module: module.name, byteLength: bytes.byteLength };
      await module.compiledFor({ maxMemoryBytes, maxTableElements }, (startMs) =>
        publishPhase({ name: 'compile', startMs, endMs: nowMs(), detail }),
      );
    }
    return module;
  }

  /**
   * Runs a module once, from instantiation to its end, with an instance of its own. `options.mode` says where, and
   * `usage.mode` of the result where it was; what the guest sees is the same. Trees in memory, other `Fd`s, streams and
   * functions are called on the calling thread in any case.
   *
   * @param module what {@link Host.compile} gave, of this host or another
   * @throws ModuleError ERR_MODULE_LINK, ERR_MODULE_LIMIT, ERR_MODULE_EXPORT; GuestTrapError, with `usage` and what was
   *   captured: ERR_GUEST_TRAP, ERR_GUEST_EXCEPTION, ERR_GUEST_TIMEOUT, ERR_GUEST_ABORTED, ERR_GUEST_OUTPUT_LIMIT,
   *   ERR_GUEST_HEAP_LIMIT, ERR_GUEST_CRASHED; HostError ERR_PREOPEN, ERR_STDIO, ERR_RELEASED; PoolError
   *   ERR_POOL_QUEUE_FULL, ERR_POOL_QUEUE_TIMEOUT, ERR_POOL_CLOSED; BackendError ERR_NN_GRAPH_NOT_FOUND for a graph that is
   *   granted and not registered; OptionError; what a function given for `stdout` or `stderr` threw, once the guest has ended
   */
  run(
    module: GuestModule,
    options?: HostRunOptions & CapturesStdout & CapturesStderr,
  ): Promise<HostRunResult<Buffer, Buffer>>;
  run(module: GuestModule, options: HostRunOptions & CapturesStdout): Promise<HostRunResult<Buffer>>;
  run(
    module: GuestModule,
    options: HostRunOptions & CapturesStderr,
  ): Promise<HostRunResult<Buffer | undefined, Buffer>>;
  run(module: GuestModule, options?: HostRunOptions): Promise<HostRunResult>;
  async run(module: GuestModule, options: HostRunOptions = {}): Promise<HostRunResult> {
    return await this.runIn(module, options, {
      defaults: this.#options.pool?.defaults ?? {},
      isolation: this.#workers.isolation,
      mayUseCallingThread: true,
      workers: (isolation) => this.#workers.of(isolation),
    });
  }

  /** @internal A pool of this host was made. */
  expectPool(options: PoolOptions): void {
    this.#inference.expectPool(options);
  }

  /** @internal With the workers of a host or of a pool. */
  async runIn(
    module: GuestModule,
    options: HostRunOptions,
    where: Omit<RunContext, 'inference' | 'onRefused'>,
  ): Promise<HostRunResult> {
    this.#requireLive();
    const { onRefused } = this.#options;
    const bound = onRefused && AsyncResource.bind(onRefused);
    const context = { ...where, inference: this.#inference, onRefused: this.#inference.telling(bound) };
    return await this.#runs.add(runOnHost(context, module, options));
  }

  /**
   * Makes an instance of a module that stays, and calls its `_initialize` where it has one: for reactors, whose exports are
   * called again and again. It ends with the host, if it was not disposed of before: calls that were asked for are made.
   * While none is made, it does not keep the process running.
   *
   * @throws ModuleError ERR_MODULE_LINK, ERR_MODULE_LIMIT, ERR_MODULE_EXPORT; GuestTrapError for an `_initialize` that fails
   *   or takes too long; HostError ERR_PREOPEN, ERR_STDIO, ERR_RELEASED; BackendError ERR_NN_GRAPH_NOT_FOUND; OptionError
   */
  async instantiate(module: GuestModule, options: HostInstanceOptions = {}): Promise<GuestInstance> {
    this.#requireLive();
    const { instantiateOnHost } = await import('./instantiate.ts');
    const { onRefused, pool } = this.#options;
    const [inference, instances] = [this.#inference, this.#instances];
    const bound = onRefused && AsyncResource.bind(onRefused);
    const shared = { inference, onRefused: inference.telling(bound), maxHeapBytes: pool?.maxHeapBytes, instances };
    const instance = await this.#runs.add(instantiateOnHost(shared, module, options));
    this.#requireLive();
    return instance;
  }

  /** Workers that {@link Host.run} uses, and their runs: not those of a `Pool`, nor those on the calling thread. */
  get stats(): PoolStats {
    return this.#workers.stats;
  }

  /** Compiled models of this process, as they are now. */
  get modelStats(): ModelStats {
    return this.#inference.modelStats;
  }

  /** Compiled modules that are kept, as they are now. */
  get moduleStats(): ModuleStats {
    return this.#modules.stats;
  }

  /**
   * Lets go of everything that is kept. Runs that go on, and calls of instances, keep what they have until they end; no other
   * begins. Workers end when the last of them has, and instances with their last call.
   */
  dispose(): void {
    this.#isDisposed = true;
    this.#modules.close();
    this.#inference.dispose();
    for (const instance of this.#instances) void instance.close();
    void this.#closeWorkers();
  }

  /** {@link Host.dispose}, and waits for all runs, instances and workers to end. */
  async close(): Promise<void> {
    this.dispose();
    await this.#closeWorkers();
  }

  /** {@link Host.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** {@link Host.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeWorkers(): Promise<void> {
    await this.#runs.settled();
    await Promise.all([...this.#instances].map((instance) => instance.close()));
    await this.#workers.close();
  }

  #requireLive(): void {
    if (this.#isDisposed) throw new HostError('ERR_RELEASED', 'this host was disposed');
  }
}

/** What stands behind wasi-nn for the guests of one host. */
import { availableParallelism } from 'node:os';
import { createBackend, streamProperties } from '../engine/default-backends.ts';
import type { NnSupport } from '../engine/guest-run.ts';
import { keepModels, type NnPlan } from '../engine/nn-support.ts';
import type { GuestUsage, RefusedCall } from '../engine/run-report.ts';
import { addonIfLoaded } from '../native/addon.ts';
import type { Backend } from '../nn/backend.ts';
import { type GraphLease, HostGraphs } from './host-graphs.ts';
import type { HostOptions, PoolOptions } from './host-options.ts';
import { explained, warnOfLack } from './refusal-words.ts';

/** Compiled models of this process, whichever host they are of. */
export interface ModelStats {
  /** In use or kept. */
  compiledModels: number;
  /** Loads that found their model compiled, or compiling. */
  hits: number;
  /** Loads for which it was compiled. */
  misses: number;
  /** Of the compiled models, those that nobody uses. */
  keptModels: number;
  /** What the kept ones take, estimated, in bytes. */
  keptBytes: number;
  /** What they may take, in bytes, see `maxModelBytes` of the host's options. */
  maxKeptBytes: number;
  /** Models that were kept, and then given up for others. */
  evictions: number;
  /** Compilations that go on. */
  compiling: number;
  /** Of those, the ones that nobody waits for any more, since their guests were ended. */
  abandonedCompiles: number;
}

const DEFAULT_MAX_MODEL_BYTES = 2 ** 30;

export class HostInference {
  readonly graphs: HostGraphs;
  readonly #options: HostOptions;
  #backend: Backend | undefined;
  #budget: ReturnType<typeof keepModels>;
  #isDisposed = false;
  /** Guests that infer at a time, as far as pools say. */
  #callers = 1;

  constructor(options: HostOptions) {
    this.#options = options;
    this.graphs = new HostGraphs(
      () => this.backend(),
      () => this.#properties,
    );
    if (options.pool !== undefined) this.expectPool(options.pool);
  }

  /** The one backend of this thread, made when it is first needed. @throws HostError for what is missing */
  backend(): Backend {
    this.#backend ??= createBackend(this.#options);
    this.#keepModels();
    return this.#backend;
  }

  /** A pool will run guests: models that are compiled from now on are for that many at a time. */
  expectPool({ threads = availableParallelism() }: PoolOptions): void {
    this.#callers = Math.max(this.#callers, threads);
  }

  /** Whether guests may run in threads that are terminated. Where nothing can compute, every guest may. */
  get isSafeInWorkers(): boolean {
    const { backend = 'auto' } = this.#options;
    if (backend !== 'auto') return backend === 'native';
    try {
      return this.backend().name === 'native';
    } catch {
      return true;
    }
  }

  /** For a guest on this thread. */
  support({ registry }: GraphLease): NnSupport {
    const { allowedGuestProperties } = this.#options;
    const onRefused = this.telling(this.#options.onRefused);
    return { backend: () => this.backend(), registry, properties: this.#properties, allowedGuestProperties, onRefused };
  }

  /** Has somebody told of refusals, with what this host knows of them. */
  telling(onRefused: HostOptions['onRefused']): HostOptions['onRefused'] {
    return onRefused && ((refusal) => onRefused(this.#explained(refusal)));
  }

  /** What the embedder is told of what a guest used. Warns of what is not installed, where nobody else would. */
  told(usage: GuestUsage): GuestUsage {
    const { refused } = usage;
    if (refused === undefined) return usage;
    if (this.#options.onRefused === undefined) warnOfLack(usage);
    return { ...usage, refused: { ...refused, first: refused.first.map((one) => this.#explained(one)) } };
  }

  #explained<Told extends RefusedCall>(refusal: Told): Told {
    return explained(refusal, (name) => this.graphs.get(name) !== undefined);
  }

  /** For a guest in another thread or process. */
  plan({ granted }: GraphLease): NnPlan {
    // Its worker may go with the guest: what it compiled is to be found by the next.
    this.#keepModels();
    const { backend, openvinoDir, allowedGuestProperties } = this.#options;
    const maxModelBytes = this.#maxModelBytes;
    return { backend, openvinoDir, allowedGuestProperties, properties: this.#properties, granted, maxModelBytes };
  }

  get modelStats(): ModelStats {
    const stats = addonIfLoaded()?.openvino.tableStats();
    return {
      compiledModels: stats?.compiledModels ?? 0,
      hits: stats?.hits ?? 0,
      misses: stats?.misses ?? 0,
      keptModels: stats?.keptModels ?? 0,
      keptBytes: stats?.keptBytes ?? 0,
      maxKeptBytes: stats?.budgetBytes ?? 0,
      evictions: stats?.evictions ?? 0,
      compiling: stats?.compiling ?? 0,
      abandonedCompiles: stats?.abandoned ?? 0,
    };
  }

  dispose(): void {
    this.graphs.dispose();
    this.#budget?.release();
    this.#budget = undefined;
    this.#isDisposed = true;
  }

  #keepModels(): void {
    if (!this.#isDisposed && this.#options.backend !== 'openvino-node')
      this.#budget ??= keepModels(this.#maxModelBytes);
  }

  get #maxModelBytes(): number {
    return this.#options.maxModelBytes ?? DEFAULT_MAX_MODEL_BYTES;
  }

  /** What the embedder wants, and where it leaves that open, as many inferences at a time as a pool runs guests. */
  get #properties(): Readonly<Record<string, string>> {
    const { properties = {} } = this.#options;
    if (OF_CONCURRENCY.some((name) => name in properties)) return properties;
    return { ...streamProperties(this.#callers, availableParallelism()), ...properties };
  }
}

/** Whoever sets one of these has thought of it. */
const OF_CONCURRENCY = ['NUM_STREAMS', 'PERFORMANCE_HINT', 'PERFORMANCE_HINT_NUM_REQUESTS', 'INFERENCE_NUM_THREADS'];

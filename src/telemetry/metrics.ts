/**
 * Prometheus metrics of this process' runs, over prom-client.
 *
 * @module wasi-nn-host/metrics
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Counter, Gauge, Histogram, type Metric, register as ownRegister, type Registry } from 'prom-client';
import type { RunReport, RunSpan } from '../engine/run-report.ts';
import { checkNames, invalidOption, isObject, isText, oneOf, optional } from '../options.ts';
import { CHANNELS, type PhaseReport } from './channels.ts';

/** What of a pool is shown: `Pool` and `Host` have it. */
export interface PoolFigures {
  /** Guests that can run at a time. */
  threads: number;
  /** Runs that have a worker. */
  running: number;
  /** Runs that wait for one. */
  queued: number;
  /** Workers that were lost to guests and replaced. */
  replaced: number;
  /** Threads whose runs were ended and which are not gone yet. */
  leftBehind: number;
}

/** What of the compiled models of this process is shown. */
export interface ModelFigures {
  /** In use or kept. */
  compiledModels: number;
  /** That nobody uses. */
  keptModels: number;
  /** What the kept ones take, estimated. */
  keptBytes: number;
  /** Given up for the budget, since the process began. */
  evictions: number;
  /** Models that still compile for guests that were ended. */
  abandonedCompiles: number;
}

/** Where metrics go, what they are called, and what is shown beside runs. */
export interface MetricsOptions {
  /** Default: prom-client's own. */
  register?: Registry | undefined;
  /** Its models, and its workers where no pool is given, are read whenever the metrics are. Default: none. */
  host?: MeasuredHost | undefined;
  /** The pool whose workers are shown, in place of the host's own. */
  pool?: MeasuredPool | undefined;
  /**
   * Labels whose values the embedder chooses, and has to bound: each value is a series of its own in every metric of runs.
   * Default: none.
   */
  labels?: readonly EmbedderLabel[] | undefined;
  /** Before every name. Default: `wasi_nn_host_`. */
  prefix?: string | undefined;
}

/** `module`: the name that a module was compiled under. `tenant`: the key that a run was given. */
export type EmbedderLabel = 'module' | 'tenant';

/** What a `Pool` has that metrics are read from. */
export interface MeasuredPool {
  /** Read whenever the metrics are. */
  readonly stats: PoolFigures;
}

/** What a `Host` has that metrics are read from. */
export interface MeasuredHost extends MeasuredPool {
  /** Read whenever the metrics are. */
  readonly modelStats: ModelFigures;
}

/** Metrics that are being collected. */
export interface MetricsCollection {
  /** Stops listening, and takes the metrics out of the register. */
  stop(): void;
  /** {@link MetricsCollection.stop}, for `using`. */
  [Symbol.dispose](): void;
}

/** Upper bounds in seconds, chosen around what is common: a warm run takes milliseconds, a compilation a tenth of a second. */
const BUCKETS = {
  run: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  queue: [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  compile: [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  instantiate: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
  load: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  compute: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
} as const;

/** From one page of WebAssembly to all that a 32-bit guest can have. */
const MEMORY_BUCKETS = [2 ** 16, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 26, 2 ** 28, 2 ** 30, 2 ** 32];

/**
 * Collects metrics of every run in this process until {@link MetricsCollection.stop}. Labels are of this package's own words
 * (how a run ended, the code of its error, how it was run, the errno of a refused call), never of a guest's.
 *
 * Listening makes each run keep its spans: the histograms of `load` and `compute` and the count of refused calls see the
 * first 1,000 calls of a run, and `calls_left_out_total` tells of the others.
 *
 * @throws OptionError ERR_OPTION_INVALID; what prom-client throws for names that the register has already
 */
export function collectMetrics(options: MetricsOptions = {}): MetricsCollection {
  checkOptions(options);
  const { register = ownRegister, labels = [] } = options;
  const metrics = new RunMetrics(register, options.prefix ?? 'wasi_nn_host_', labels);
  const gauges = figureMetrics(register, options);
  const onRun = (message: unknown) => metrics.observeRun(message as RunReport);
  const onCompile = (message: unknown) => metrics.observeCompile(message as PhaseReport);
  subscribe(CHANNELS.run, onRun);
  subscribe(CHANNELS.compile, onCompile);
  const stop = () => {
    unsubscribe(CHANNELS.run, onRun);
    unsubscribe(CHANNELS.compile, onCompile);
    for (const name of [...metrics.names, ...gauges]) register.removeSingleMetric(name);
  };
  return { stop, [Symbol.dispose]: stop };
}

const LABELS: readonly EmbedderLabel[] = ['module', 'tenant'];

function checkOptions(options: MetricsOptions): void {
  checkNames('options', options, ['register', 'host', 'pool', 'labels', 'prefix']);
  const { register, host, pool, labels, prefix } = options;
  const has = (name: string) => (value: unknown) => isObject(value) && name in value;
  optional('register', register, has('registerMetric'), 'a Registry of prom-client');
  optional('host', host, has('modelStats'), 'a Host');
  optional('pool', pool, has('stats'), 'a Pool');
  optional('prefix', prefix, isText, 'text');
  if (labels !== undefined && !Array.isArray(labels)) throw invalidOption('labels', 'an array of labels', labels);
  for (const [index, label] of (labels ?? []).entries()) oneOf(`labels[${index}]`, label, LABELS);
}

class RunMetrics {
  readonly names: string[] = [];
  readonly #embedderLabels: readonly EmbedderLabel[];
  readonly #run: Histogram;
  readonly #call: Histogram;
  readonly #queue: Histogram;
  readonly #compile: Histogram;
  readonly #instantiate: Histogram;
  readonly #load: Histogram;
  readonly #compute: Histogram;
  readonly #peakMemory: Histogram;
  readonly #runs: Counter;
  readonly #calls: Counter;
  readonly #refused: Counter;
  readonly #leftOut: Counter;
  readonly #outputBytes: Counter;
  readonly #cpuSeconds: Counter;

  constructor(register: Registry, prefix: string, labels: readonly EmbedderLabel[]) {
    this.#embedderLabels = labels;
    const common = (name: string, help: string, own: readonly string[]) => {
      this.names.push(prefix + name);
      return { name: prefix + name, help, labelNames: [...own, ...labels], registers: [register] };
    };
    const histogram = (name: string, help: string, buckets: readonly number[], own: readonly string[] = []) =>
      new Histogram({ ...common(name, help, own), buckets: [...buckets] });
    const counter = (name: string, help: string, own: readonly string[] = []) => new Counter(common(name, help, own));

    this.#run = histogram('run_seconds', 'Wall time of runs, from the call to the end.', BUCKETS.run, [
      'outcome',
      'mode',
    ]);
    this.#call = histogram('call_seconds', 'Wall time of calls of instances that stay.', BUCKETS.run, [
      'outcome',
      'mode',
    ]);
    this.#queue = histogram('queue_seconds', 'How long runs waited for a worker.', BUCKETS.queue, ['mode']);
    this.#compile = new Histogram({
      ...common('module_compile_seconds', 'Compilation of WebAssembly modules.', []),
      labelNames: [],
      buckets: [...BUCKETS.compile],
    });
    this.#instantiate = histogram('instantiate_seconds', 'Instantiation of guests.', BUCKETS.instantiate);
    this.#load = histogram('load_seconds', 'Calls of wasi-nn load that succeeded.', BUCKETS.load, ['cache']);
    this.#compute = histogram('compute_seconds', 'Calls of wasi-nn compute that succeeded.', BUCKETS.compute);
    this.#peakMemory = histogram('guest_peak_memory_bytes', 'Linear memory of guests at its largest.', MEMORY_BUCKETS);
    this.#runs = counter('runs_total', 'Runs that ended.', ['outcome', 'code', 'mode']);
    this.#calls = counter('calls_total', 'Calls of instances that ended.', ['outcome', 'code', 'mode']);
    this.#refused = counter('refused_calls_total', 'Calls of wasi-nn that were refused.', ['call', 'errno']);
    this.#leftOut = counter('calls_left_out_total', 'Calls of wasi-nn beyond those that are looked at.');
    this.#outputBytes = counter('output_bytes_total', 'Bytes that guests wrote to stdout and stderr.');
    this.#cpuSeconds = counter('guest_cpu_seconds_total', 'Processor time of guests that had a thread of their own.');
  }

  observeRun(report: RunReport): void {
    const { outcome, code, usage } = report;
    const mode = report.mode ?? 'none';
    const own = this.#ownLabels(report);
    const isCall = report.call !== undefined;
    const seconds = isCall ? this.#call : this.#run;
    seconds.observe({ outcome, mode, ...own }, (report.endMs - report.startMs) / 1_000);
    if (!isCall) this.#queue.observe({ mode, ...own }, report.queueMs / 1_000);
    const ends = isCall ? this.#calls : this.#runs;
    ends.inc({ outcome, code: code ?? (outcome === 'failed' ? 'other' : 'none'), mode, ...own });
    this.#outputBytes.inc(own, report.outputBytes);
    if (usage === undefined) return;
    // Undefined where the guest was ended from outside, and 0 where it never began.
    if (usage.peakMemoryBytes && !isCall) this.#peakMemory.observe(own, usage.peakMemoryBytes);
    if (usage.cpuMs !== undefined) this.#cpuSeconds.inc(own, usage.cpuMs / 1_000);
    if (usage.leftOut !== undefined) this.#leftOut.inc(own, usage.leftOut.spans);
    for (const span of usage.spans ?? []) this.#observeSpan(span, own);
  }

  observeCompile({ startMs, endMs }: PhaseReport): void {
    this.#compile.observe((endMs - startMs) / 1_000);
  }

  #observeSpan({ name, startMs, endMs, detail }: RunSpan, own: Partial<Record<EmbedderLabel, string>>): void {
    const seconds = (endMs - startMs) / 1_000;
    const errno = detail?.errnoName;
    if (errno !== undefined) this.#refused.inc({ call: name, errno: String(errno), ...own });
    else if (name === 'instantiate') this.#instantiate.observe(own, seconds);
    else if (name === 'compute') this.#compute.observe(own, seconds);
    else if (name === 'load') this.#load.observe({ cache: detail?.isHit === true ? 'hit' : 'miss', ...own }, seconds);
  }

  #ownLabels(source: Readonly<Record<EmbedderLabel, string>>): Partial<Record<EmbedderLabel, string>> {
    return Object.fromEntries(this.#embedderLabels.map((label) => [label, source[label]]));
  }
}

/** Metrics that are read from what has them, whenever somebody asks. */
function figureMetrics(register: Registry, { host, pool = host, prefix = 'wasi_nn_host_' }: MetricsOptions): string[] {
  const names: string[] = [];
  const add = (name: string, help: string, read: () => number, isCounter = false) => {
    names.push(prefix + name);
    const configuration = { name: prefix + name, help, registers: [register] };
    const gauge = (): Metric =>
      new Gauge({
        ...configuration,
        collect() {
          this.set(read());
        },
      });
    const counter = (): Metric =>
      new Counter({
        ...configuration,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    return isCounter ? counter() : gauge();
  };
  if (pool !== undefined) {
    add('pool_workers', 'Workers of the pool.', () => pool.stats.threads);
    add('pool_running', 'Runs that have a worker.', () => pool.stats.running);
    add('pool_queued', 'Runs that wait for a worker.', () => pool.stats.queued);
    add('pool_left_behind', 'Threads of ended runs that are not gone yet.', () => pool.stats.leftBehind);
    add('pool_workers_replaced_total', 'Workers lost to guests and replaced.', () => pool.stats.replaced, true);
  }
  if (host !== undefined) {
    add('models_compiled', 'Compiled models, in use or kept.', () => host.modelStats.compiledModels);
    add('models_kept', 'Compiled models that are kept while nobody uses them.', () => host.modelStats.keptModels);
    add('models_kept_bytes', 'Bytes of the models that are kept.', () => host.modelStats.keptBytes);
    add('models_evicted_total', 'Kept models given up for the budget.', () => host.modelStats.evictions, true);
    const abandoned = 'Models that still compile for guests that were ended.';
    add('abandoned_compiles', abandoned, () => host.modelStats.abandonedCompiles);
  }
  add('resident_memory_bytes', 'Resident memory of this process.', () => process.memoryUsage.rss());
  return names;
}

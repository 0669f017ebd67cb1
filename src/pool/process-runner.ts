/** Runs guests in child processes, each of which runs one at a time and is used again: `isolation: 'process'`. */
import { whenAborted } from '../engine/when-aborted.ts';
import { PoolError } from '../errors.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';
import type { GuestReport, PoolRunner, RunWatch } from './contract.ts';
import { crashed, NotBegun } from './process-attempt.ts';
import { type ChildEnd, GuestChild } from './process-child.ts';
import { ProcessRun } from './process-run.ts';
import { WarmGraphs } from './warm-graphs.ts';

export interface ProcessRunnerOptions {
  /** How many guests run at a time; one more waits for its turn. */
  processes: number;
  /** Heap of JavaScript of each guest's thread, in bytes. Default: 512 MiB. */
  maxHeapBytes?: number | undefined;
  /** Runs after which a child is ended, and another takes its place. Default: no bound. */
  maxRunsPerProcess?: number | undefined;
  /** What children run. Default: the package's own. */
  entry?: string | undefined;
  /** How long a child may take for each step: to start, thrice that; to take a run; to begin it. Default: 5 seconds. */
  patienceMs?: number | undefined;
  /** Told of a child that was lost to a guest, or that died: another takes its place. */
  onLost?: ((end: ChildEnd) => void) | undefined;
}

export interface ProcessRunner extends PoolRunner {
  /** The children that there are. */
  readonly pids: readonly number[];
  /** Settles when as many children take orders as may run guests, and the spare one. */
  warm(): Promise<void>;
  /** Ends all children; runs that go on end with ERR_POOL_CLOSED. Settles when the children are gone. */
  dispose(): Promise<void>;
}

/**
 * A child is started with the first run, and one more than run guests is kept ready: whoever loses one need not wait for
 * the next.
 */
export function createProcessRunner(options: ProcessRunnerOptions): ProcessRunner {
  return new Processes(options);
}

/** A child that dies before it takes a run is no fault of the run: but where one after the other does, something is wrong. */
const MOST_TRIES = 5;

/** The same of one that stands still, which takes so much longer to know. */
const MOST_LATE_TRIES = 2;

const DEFAULT_PATIENCE_MS = 5_000;
const START_STEPS = 3;

interface Waiting {
  give: (child: GuestChild) => void;
  refuse: (error: unknown) => void;
}

class Processes implements ProcessRunner {
  readonly #options: ProcessRunnerOptions;
  readonly #children = new Set<GuestChild>();
  /** Those that take orders and have none. The one that was used last comes last: it is likeliest to know the module. */
  readonly #idle = new Set<GuestChild>();
  readonly #working = new Set<GuestChild>();
  readonly #waiting = new Set<Waiting>();
  readonly #warmGraphs = new WarmGraphs();
  /** In a row. */
  #failedStarts = 0;
  #isDisposed = false;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
  }

  get pids(): readonly number[] {
    return [...this.#children].flatMap(({ pid }) => pid ?? []);
  }

  async warm(): Promise<void> {
    while (this.#children.size <= this.#options.processes) this.#start();
    await Promise.all([...this.#children].map(({ ready, end }) => Promise.race([ready, end])));
  }

  async run(request: WorkerRequest, watch: RunWatch): Promise<GuestReport> {
    const startMs = performance.now();
    const { processes, patienceMs = DEFAULT_PATIENCE_MS } = this.#options;
    const onGraphAsked = this.#warmGraphs.note;
    const run = new ProcessRun(request, watch, { processes, patienceMs, onGraphAsked });
    let lateTries = 0;
    try {
      await run.prepare();
      for (let tries = 1; ; tries++) {
        const child = await this.#take(watch.signal);
        if (child === undefined) return { ...run.abortedReport(), queueMs: performance.now() - startMs };
        const queueMs = performance.now() - startMs;
        try {
          return { ...(await run.on(child)), queueMs };
        } catch (error) {
          if (this.#isDisposed) throw closed();
          if (!(error instanceof NotBegun)) throw error;
          lateTries += error.isLate ? 1 : 0;
          if (tries === MOST_TRIES || lateTries === MOST_LATE_TRIES) throw crashed(error.end);
        } finally {
          this.#giveBack(child);
        }
      }
    } finally {
      run.close();
    }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    for (const { refuse } of this.#waiting) refuse(closed());
    this.#waiting.clear();
    const children = [...this.#children];
    for (const child of children) {
      child.work();
      child.kill();
    }
    await Promise.all(children.map(({ end }) => end));
  }

  /** The next child that is free. Undefined: the signal aborted before. @throws PoolError */
  #take(signal: AbortSignal | undefined): Promise<GuestChild | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isDisposed) return reject(closed());
      if (signal?.aborted) return resolve(undefined);
      const leave = () => {
        this.#waiting.delete(waiting);
        resolve(undefined);
      };
      const settled = whenAborted(signal, leave);
      const waiting: Waiting = {
        give: (child) => {
          settled();
          resolve(child);
        },
        refuse: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
      this.#failedStarts = 0;
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiting of this.#waiting) {
      const child = [...this.#idle].at(-1);
      if (child === undefined || this.#working.size >= this.#options.processes) break;
      this.#waiting.delete(waiting);
      this.#idle.delete(child);
      this.#working.add(child);
      child.work();
      waiting.give(child);
    }
    this.#fill();
  }

  #giveBack(child: GuestChild): void {
    this.#working.delete(child);
    child.rest();
    if (child.runs >= (this.#options.maxRunsPerProcess ?? Number.POSITIVE_INFINITY)) child.retire();
    if (!child.isLost) this.#idle.add(child);
    this.#serve();
    for (const idle of this.#idle) this.#warmGraphs.warm(idle);
  }

  /** Sees that there is a child for each run, and one more. */
  #fill(): void {
    if (this.#isDisposed || this.#failedStarts >= MOST_TRIES) return;
    const wanted = Math.min(this.#working.size + this.#waiting.size, this.#options.processes);
    const usable = () => [...this.#children].filter(({ isLost }) => !isLost).length;
    while (wanted > 0 && usable() <= wanted) this.#start();
  }

  #start(): void {
    const { entry, maxHeapBytes, patienceMs = DEFAULT_PATIENCE_MS } = this.#options;
    const child = new GuestChild({ entry, maxHeapBytes, patienceMs: START_STEPS * patienceMs });
    this.#children.add(child);
    let isReady = false;
    child.ready.then(() => {
      isReady = true;
      this.#failedStarts = 0;
      if (child.isLost) return;
      child.rest();
      this.#idle.add(child);
      this.#warmGraphs.warm(child);
      this.#serve();
    });
    child.end.then((end) => this.#ended(child, end, isReady));
  }

  #ended(child: GuestChild, end: ChildEnd, wasReady: boolean): void {
    this.#children.delete(child);
    this.#idle.delete(child);
    if (this.#isDisposed) return;
    if (!child.isRetired) this.#options.onLost?.(end);
    this.#failedStarts += wasReady ? 0 : 1;
    // Others would fail to start for the same reason, without end: who waits is told, and the next run tries again.
    if (this.#failedStarts >= MOST_TRIES) {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const { refuse } of waiting) refuse(crashed(end));
    }
    this.#serve();
  }
}

function closed(): PoolError {
  return new PoolError('ERR_POOL_CLOSED', 'the pool is closed');
}

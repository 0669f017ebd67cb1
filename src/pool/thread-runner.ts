/** Runs guests in threads of this process, each of which runs one at a time and is used again: `isolation: 'thread'`. */
import { join } from 'node:path';
import { Piscina, queueOptionsSymbol } from 'piscina';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { PoolError } from '../errors.ts';
import { loadAddon, packageRoot } from '../native/addon.ts';
import { GuestWatch, HEAP_CHECK_MS, heapLimit, lossError } from '../worker/guest-watch.ts';
import type { TaskEnd } from '../worker/guest-worker-messages.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';
import type { GuestReport, PoolRunner, RunWatch } from './contract.ts';

/** A thread that nothing was run in for so long is given up; one stays. */
const IDLE_MS = 30_000;

/** A thread that dies before a guest begins is no fault of the guest: but where one after the other does, something is wrong. */
const MOST_TRIES = 4;

/**
 * Where JavaScript's new objects begin. V8's own measure suits programs; a guest's live in its memory. Runs take as long with
 * 8, and a thread takes 2 MB more.
 */
const YOUNG_GENERATION_MEGABYTES = 3;

export interface ThreadRunnerOptions {
  /** How many guests run at a time: the caller's to see to. */
  threads: number;
  /** Heap of JavaScript of each thread, in bytes. Default: 512 MiB. */
  maxHeapBytes?: number | undefined;
  /** What the threads run. Default: the package's own. */
  entry?: string | undefined;
  /** Told of a thread that was lost to a guest: another takes its place. */
  onLost?: (() => void) | undefined;
}

type Balancer = NonNullable<Piscina['options']['loadBalancer']>;

/** One try of one run. */
interface Turn {
  /** Set when it is given to a thread. */
  threadId?: number;
  guest?: GuestWatch;
  readonly onLeftBehind: RunWatch['onLeftBehind'];
  readonly ending: Ending;
}

/** What piscina takes for an AbortSignal, of which one for each run would cost more than all else here. */
class Ending {
  aborted = false;
  #listener: (() => void) | undefined;

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }

  /** Takes the task back, with its thread where it has one. */
  abort(): void {
    this.aborted = true;
    this.#listener?.();
  }
}

/**
 * The first thread starts with the first run. From then on there is one more than run guests: whoever loses one need not wait
 * for the next.
 */
export class ThreadRunner implements PoolRunner {
  readonly #options: ThreadRunnerOptions;
  readonly #piscina: Piscina;
  readonly #turns = new Set<Turn>();
  /** Ids of threads that are ready. */
  #ready = new Set<number>();
  #failedStarts = 0;
  #lastError: unknown;
  #heapTimer: NodeJS.Timeout | undefined;
  #hasRun = false;
  #isDisposed = false;

  constructor(options: ThreadRunnerOptions) {
    this.#options = options;
    keepAddon();
    this.#piscina = new Piscina({
      filename: options.entry ?? join(packageRoot(), 'dist', 'guest-worker.js'),
      minThreads: 1,
      maxThreads: options.threads + 1,
      idleTimeout: IDLE_MS,
      // As quick as waiting in Atomics, and a thread's loop turns between guests: what they leave of native objects is freed.
      atomics: 'disabled',
      recordTiming: false,
      loadBalancer: (task, workers) => this.#choose(task, workers),
      resourceLimits: {
        stackSizeMb: threadStackMegabytes(),
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MEGABYTES,
        ...heapLimit(options.maxHeapBytes),
      },
    });
    this.#piscina.on('workerCreate', ({ id }: { id: number }) => this.#threadReady(id));
    this.#piscina.on('workerDestroy', () => queueMicrotask(() => this.#threadGone()));
    this.#piscina.on('error', (error) => {
      this.#lastError = error;
    });
  }

  /** The threads that there are, for tests that end them. */
  get threads(): Piscina['threads'] {
    return this.#piscina.threads;
  }

  async run(request: WorkerRequest, watch: RunWatch): Promise<GuestReport> {
    for (let tries = 1; ; tries += 1) {
      if (this.#isDisposed) throw closed();
      const report = await this.#try(request, watch, tries < MOST_TRIES);
      if (report !== undefined) return report;
    }
  }

  /** Ends all threads; runs that go on end with ERR_POOL_CLOSED. A thread inside of the runtime is left to its end. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    for (const { guest } of this.#turns) guest?.fail(closed());
    // Piscina would start another thread for one that was left behind and ends when the pool is gone.
    Object.assign(this.#piscina.options, { minThreads: 0 });
    await this.#piscina.destroy();
  }

  /** @returns undefined where the thread was lost before the guest began */
  async #try(request: WorkerRequest, watch: RunWatch, mayTryAgain: boolean): Promise<GuestReport | undefined> {
    const turn: Turn = { onLeftBehind: watch.onLeftBehind, ending: new Ending() };
    let wasLeft = false;
    const onLeft = (interruptToken: number | undefined) => {
      wasLeft = true;
      this.#end(turn, interruptToken);
    };
    const guest = new GuestWatch(request, { ...watch, onLeft });
    turn.guest = guest;
    this.#turns.add(turn);
    this.#heapTimer ??= setTimeout(() => this.#checkHeaps(), HEAP_CHECK_MS).unref();
    try {
      const isFree = this.#give(turn, guest).then(
        (end) => {
          guest.takeEnd(end);
          return false;
        },
        (error: unknown) => this.#lost(turn, error, mayTryAgain, wasLeft),
      );
      if (this.#hasRun || watch.timeoutMs !== undefined || watch.signal !== undefined) this.#keepSpare();
      this.#hasRun = true;
      const isToRunElsewhere = isFree.then((isLost) => (isLost ? undefined : guest.end));
      const end = await Promise.race([guest.end, isToRunElsewhere]);
      // What ended by itself leaves its thread to the next.
      if (!wasLeft) await isFree;
      return end && { ...end, queueMs: 0 };
    } finally {
      this.#turns.delete(turn);
    }
  }

  #give(turn: Turn, guest: GuestWatch): Promise<TaskEnd> {
    const task = Object.assign(guest.task, { [queueOptionsSymbol]: turn });
    return this.#piscina.run(task, { transferList: [...guest.transfer], signal: turn.ending });
  }

  #lost(turn: Turn, error: unknown, mayTryAgain: boolean, wasLeft: boolean): boolean {
    if (wasLeft) return false;
    if ((error as Error).name === 'DataCloneError') {
      // It was never posted.
      delete turn.threadId;
      turn.guest?.fail(error);
      return false;
    }
    this.#options.onLost?.();
    return turn.guest?.lost(error, mayTryAgain) ?? false;
  }

  /** The guest's time is over: its thread ends when it can. */
  #end(turn: Turn, interruptToken: number | undefined): void {
    this.#leaveBehind(turn);
    if (interruptToken !== undefined) interrupt(interruptToken);
    turn.ending.abort();
    if (turn.threadId !== undefined) this.#options.onLost?.();
  }

  /** A thread whose heap is full can tell nothing any more. */
  #checkHeaps(): void {
    for (const { guest } of this.#turns) guest?.checkHeap();
    this.#heapTimer = undefined;
    if (this.#turns.size > 0) this.#heapTimer = setTimeout(() => this.#checkHeaps(), HEAP_CHECK_MS).unref();
  }

  #leaveBehind({ threadId, onLeftBehind }: Turn): void {
    const thread = this.#piscina.threads.find((candidate) => candidate.threadId === threadId);
    if (thread === undefined) return;
    onLeftBehind?.(new Promise((resolve) => thread.once('exit', () => resolve())));
  }

  /** Of those that are free, one that is ready: piscina's own choice would rather be one that is only starting. */
  #choose(task: Parameters<Balancer>[0], workers: Parameters<Balancer>[1]): ReturnType<Balancer> {
    const free = workers.filter(({ currentUsage }) => currentUsage === 0);
    const chosen = free.find(({ id }) => this.#ready.has(id)) ?? free[0] ?? null;
    const turn = task[queueOptionsSymbol] as unknown as Turn | null;
    if (chosen !== null && turn !== null) turn.threadId = chosen.id;
    return chosen;
  }

  #keepSpare(): void {
    const { threads, maxThreads } = this.#piscina;
    if (this.#isDisposed || threads.length > this.#turns.size || threads.length >= maxThreads) return;
    // With no thread free for it, piscina starts one. The signal keeps it out of the queue that others would wait behind.
    this.#piscina.run(undefined, { signal: new Ending() }).catch(() => {});
  }

  #threadReady(id: number): void {
    this.#failedStarts = 0;
    const there = new Set(this.#piscina.threads.map(({ threadId }) => threadId));
    this.#ready = new Set([...this.#ready, id].filter((known) => there.has(known)));
  }

  /** Sees that a run that waits for a thread does not wait for one that died. */
  #threadGone(): void {
    const waiting = [...this.#turns].filter(({ threadId }) => threadId === undefined);
    const isStarting = this.#piscina.threads.some(({ threadId }) => !this.#ready.has(threadId));
    if (waiting.length === 0 || isStarting || this.#isDisposed) return;
    this.#failedStarts += 1;
    if (this.#failedStarts < MOST_TRIES) this.#keepSpare();
    else for (const { guest } of waiting) guest?.fail(lossError(this.#lastError ?? new Error('no thread starts')));
  }
}

/**
 * Loads it on this thread, too: a library that only other threads have loaded goes with the last of them, and what it wants
 * called at the end of the process would be where nothing is any more.
 */
function keepAddon(): void {
  try {
    loadAddon();
  } catch {
    // Guests that need it are told.
  }
}

function interrupt(token: number): void {
  try {
    loadAddon().thread.interrupt(token);
  } catch {
    // This thread cannot load what that one has: it ends when it is back in JavaScript.
  }
}

function closed(): PoolError {
  return new PoolError('ERR_POOL_CLOSED', 'the pool is closed');
}

/** One run of a guest in another thread, as the thread beside it sees it: what it writes and asks, how long it may take. */

import type { MessagePort } from 'node:worker_threads';
import type { GuestFailure, GuestOutcome } from '../engine/guest-plan.ts';
import type { WasiFaultListener } from '../engine/guest-run.ts';
import { nowMs, type RecordedEntry } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import { whenAborted } from '../engine/when-aborted.ts';
import { HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import { Beginning, monotonicMs } from './beginning.ts';
import type { TaskEnd, WorkerMessage, WorkerReport, WorkerTask } from './guest-worker-messages.ts';
import { knownUsage } from './known-usage.ts';
import { MAX_TIMER_MS } from './longest-timer.ts';
import { packProgram } from './thread-state.ts';
import { type WorkerRequest, WorkerServices } from './worker-services.ts';

export interface GuestWatchOptions {
  /** Counted from when the guest begins. Undefined: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the guest; the outcome is ERR_GUEST_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Awaited after the guest's end, still under the time limit: everything it wrote has been taken before. */
  onEnd?: (() => Promise<void>) | undefined;
  onRefused?: ((refusal: Refusal) => void) | undefined;
  onWasiFault?: WasiFaultListener | undefined;
  /**
   * Whether the guest waits until `onRefused` and `onWasiFault` return: what they write then stands where it belongs
   * among the guest's own lines. Default: false.
   */
  reportsInOrder?: boolean | undefined;
  /** Called when the run is settled while the guest may still be running, with its thread's token: nobody hears of it any more. */
  onLeft?: ((interruptToken: number | undefined) => void) | undefined;
}

/** How a guest ended, and what it used. */
export interface GuestEnd {
  outcome: GuestOutcome;
  usage: GuestUsage;
  /** When the guest began, in milliseconds since the epoch; undefined: never. */
  beganMs?: number | undefined;
}

export class GuestWatch {
  readonly task: WorkerTask;
  /** What of the task is to be transferred. */
  readonly transfer: readonly MessagePort[];
  /**
   * Settles at the deadline or when the signal aborts, whatever the thread does: it may be where nothing interrupts it. What
   * the guest wrote until then has been given to whom it is for.
   */
  readonly end: Promise<GuestEnd>;
  readonly #request: WorkerRequest;
  readonly #options: GuestWatchOptions;
  readonly #services: WorkerServices;
  readonly #abort = () => this.leave(wasAborted(this.#options.signal?.reason));
  #stopListening = () => {};
  #settle: { resolve: (end: GuestEnd) => void; reject: (error: unknown) => void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #beginning = new Beginning();
  #isOver = false;
  /** Of a run with a timeline, until its end; a recorder bounds how many there are. */
  readonly #entries: RecordedEntry[] = [];

  /** @throws HostError ERR_PREOPEN, ERR_STDIO for an `Fd` of the embedder that fails at once */
  constructor(request: WorkerRequest, options: GuestWatchOptions) {
    this.#request = request;
    this.#options = options;
    const { reportsInOrder } = options;
    this.#services = new WorkerServices(request, (message) => this.#hear(message), { isOneRun: true, reportsInOrder });
    const { task, reportWindow } = this.#services;
    const { program, preloads } = task.plan;
    const plan = {
      ...task.plan,
      program: packProgram(program),
      preloads: preloads.map(({ name, program: preload }) => ({ name, program: packProgram(preload) })),
    };
    this.task = { ...task, plan, reportWindow, beginning: this.#beginning.shared };
    this.transfer = [task.calls.port];
    this.end = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const { signal, timeoutMs } = options;
    if (signal?.aborted) this.#abort();
    else this.#stopListening = whenAborted(signal, this.#abort);
    if (this.#settle !== undefined && timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) this.#lookAgain(timeoutMs);
  }

  /** Settles the run now, as one that was ended from outside. */
  leave(failure: Omit<GuestFailure, 'backtrace'>): void {
    const settle = this.#close();
    if (settle === undefined) return;
    settle.resolve({ outcome: this.#ended(failure), usage: this.#knownUsage(), beganMs: this.#beganMs });
    if (!this.#isOver) this.#options.onLeft?.(this.#beginning.begun?.interruptToken);
  }

  /**
   * The thread is done, or gone: settles the run with what became of it, unless the guest has told its end.
   * @param mayRunElsewhere whether a guest that has not begun is to be left as it is, for another thread
   * @returns whether it was: this watch is of no more use then, and never settles
   */
  lost(error: unknown, mayRunElsewhere = false): boolean {
    if (this.#settle === undefined) return false;
    this.#services.drain();
    if (this.#isOver) return false;
    const settle = this.#close();
    if (mayRunElsewhere && this.#beginning.begun === undefined) return true;
    settle?.reject(lossError(error));
    return false;
  }

  /** Ends the run where the guest has filled its thread's heap. */
  checkHeap(): void {
    if (!this.#beginning.isHeapFull) return;
    this.fail(heapError());
  }

  /** The guest has ended, as its thread tells by another way: what it posted before is there. */
  takeEnd(end: TaskEnd): void {
    if (this.#settle === undefined) return;
    this.#services.drain();
    this.#hearEnd(end);
  }

  /** Settles the run with an error of the host, as one that was ended from outside. */
  fail(error: unknown): void {
    const settle = this.#close();
    if (settle === undefined) return;
    settle.reject(error);
    if (!this.#isOver) this.#options.onLeft?.(this.#beginning.begun?.interruptToken);
  }

  #hear(message: WorkerMessage): void {
    if (message.type === 'output') this.#services.outputs[message.stream].push(message.bytes);
    else if (message.type === 'entry') this.#entries.push(message.entry);
    else if (message.type === 'refused' || message.type === 'wasi-fault') this.#hearReport(message);
    else if (message.type !== 'started') this.#hearEnd(message);
  }

  #hearEnd(end: TaskEnd): void {
    this.#isOver = true;
    this.#services.takeKept();
    if (end.type === 'error') this.#close()?.reject(rebuilt(end));
    else this.#whenTaken(end);
  }

  #lookAgain(afterMs: number): void {
    this.#timer = setTimeout(() => this.#checkTime(), Math.max(Math.ceil(afterMs), 1));
  }

  /** A guest that had not begun, or later than this timer, has its time yet. */
  #checkTime(): void {
    const { timeoutMs = 0 } = this.#options;
    const { begun } = this.#beginning;
    const leftMs = begun === undefined ? timeoutMs : begun.atMs + timeoutMs - monotonicMs();
    if (begun === undefined || leftMs > 0) this.#lookAgain(leftMs);
    // This thread may have been busy while the guest ended: what it has said of that is heard first.
    else setImmediate(() => this.leave(timedOut(timeoutMs)));
  }

  /** What takes the output may never be done: the time limit and the signal hold on. */
  async #whenTaken({ outcome, usage }: GuestEnd): Promise<void> {
    try {
      const { stdout, stderr } = this.#services.outputs;
      if (stdout.isTaking || stderr.isTaking) await Promise.all([stdout.drained(), stderr.drained()]);
      await this.#options.onEnd?.();
      this.#close()?.resolve({ outcome, usage, beganMs: this.#beganMs });
    } catch (error) {
      this.#close()?.reject(error);
    }
  }

  #hearReport(report: WorkerReport): void {
    try {
      if (report.type === 'refused') this.#options.onRefused?.(report.refusal);
      else this.#options.onWasiFault?.(report.functionName, report.reason);
    } catch (error) {
      // Of the embedder's: the end of the guest, as on the calling thread.
      this.fail(error);
    } finally {
      this.#services.heardReport();
    }
  }

  /** @returns how to settle the run; undefined where it is settled */
  #close() {
    const settle = this.#settle;
    if (settle === undefined) return undefined;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    this.#stopListening();
    try {
      if (!this.#isOver) this.#services.drainLast();
      this.#services.takeKept();
    } finally {
      this.#services.close();
    }
    return settle;
  }

  #ended(failure: Omit<GuestFailure, 'backtrace'>): GuestOutcome {
    const { invoke } = this.#request.plan;
    return {
      kind: 'failed',
      failure: { ...failure, backtrace: [] },
      phase: invoke === undefined ? { at: 'invoke' } : { at: 'invoke', name: invoke.name },
    };
  }

  get #beganMs(): number | undefined {
    const { begun } = this.#beginning;
    return begun && nowMs() - (monotonicMs() - begun.atMs);
  }

  #knownUsage(): GuestUsage {
    const { begun } = this.#beginning;
    const entries = this.#request.plan.record === 'timeline' ? this.#entries : undefined;
    return knownUsage(entries, begun && monotonicMs() - begun.atMs);
  }
}

/** Of a guest whose time is over. */
export function timedOut(timeoutMs: number): Omit<GuestFailure, 'backtrace'> {
  return { code: 'ERR_GUEST_TIMEOUT', message: `the guest ran longer than ${timeoutMs} ms` };
}

/** @param reason as the signal has it */
export function wasAborted(reason: unknown): Omit<GuestFailure, 'backtrace'> {
  return { code: 'ERR_GUEST_ABORTED', message: 'the run was aborted', cause: reason };
}

export function heapError(): HostError {
  return new HostError('ERR_GUEST_HEAP_LIMIT', "the guest's objects took more than the heap of its thread may have");
}

/** With less, V8 ends the whole process while it starts a thread. */
const LEAST_HEAP_MEGABYTES = 16;

/** V8's own measure is a part of the machine's memory, gigabytes for each thread. */
export const DEFAULT_MAX_HEAP_BYTES = 512 * 2 ** 20;

/** How often it is asked whether a guest has filled its heap. */
export const HEAP_CHECK_MS = 20;

/** For `resourceLimits` of a thread. */
export function heapLimit(maxHeapBytes: number = DEFAULT_MAX_HEAP_BYTES): { maxOldGenerationSizeMb: number } {
  return { maxOldGenerationSizeMb: Math.max(Math.ceil(maxHeapBytes / 2 ** 20), LEAST_HEAP_MEGABYTES) };
}

/** @param error what the thread died of, as Node has it */
export function lossError(error: unknown): HostError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new HostError('ERR_GUEST_HEAP_LIMIT', `the guest's thread ran out of heap: ${message}`, { cause: error });
  }
  return new HostError('ERR_GUEST_CRASHED', `the guest's thread died: ${message}`, { cause: error });
}

function rebuilt({ code, message }: Extract<WorkerMessage, { type: 'error' }>): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

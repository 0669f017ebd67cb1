/** One run in a child process, on the host's side: gives what the guest asks for, and settles on time. */

import type { GuestFailure, GuestOutcome } from '../engine/guest-plan.ts';
import { NO_USAGE } from '../engine/guest-usage.ts';
import { nowMs, type RecordedEntry } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import { whenAborted } from '../engine/when-aborted.ts';
import { HostError, PoolError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { OutputName, ProcessMessage, RelayedMessage } from '../worker/guest-process-messages.ts';
import { timedOut, wasAborted } from '../worker/guest-watch.ts';
import { knownUsage } from '../worker/known-usage.ts';
import { type WorkerRequest, WorkerServices } from '../worker/worker-services.ts';
import type { GuestReport, RunWatch } from './contract.ts';
import type { ChildEnd, GuestChild } from './process-child.ts';
import { processRequest } from './process-request.ts';
import { processTask, Stock } from './process-task.ts';

/** Timers of Node hold no more; a guest that runs for 24 days is not watched beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How long a child has to give what its guest wrote before it is killed. */
const FLUSH_MS = 30;

/** Beyond, a child is sent again what it may still have. */
const MOST_KNOWN = 4096;

let lastRun = 0;

/** The child died before the guest could begin: another may run it. */
export class NotBegun extends Error {
  readonly end: ChildEnd;

  constructor(end: ChildEnd) {
    super('the guest has not begun');
    this.end = end;
  }
}

type Report = Omit<GuestReport, 'queueMs'>;

export class ProcessRun {
  readonly #request: WorkerRequest;
  readonly #watch: RunWatch;
  readonly #services: WorkerServices;
  readonly #stock: Stock;

  /**
   * @param processes how many children share what may be kept
   * @throws HostError ERR_PREOPEN, ERR_STDIO; ERR_OPTION_INVALID for what cannot be given to a process
   */
  constructor(request: WorkerRequest, watch: RunWatch, processes: number) {
    this.#request = processRequest(request, processes);
    this.#watch = watch;
    this.#stock = new Stock(this.#request);
    this.#services = new WorkerServices(this.#request);
  }

  /** To be awaited before it is given to a child. @throws BackendError ERR_NN_GRAPH_NOT_FOUND for graphs whose files changed */
  prepare(): Promise<void> {
    return this.#stock.load();
  }

  /**
   * Settles at the deadline or when the signal aborts, whatever the child does; the child is killed then.
   * @throws NotBegun; PoolError ERR_GUEST_CRASHED; HostError as the run itself
   */
  async on(child: GuestChild): Promise<Report> {
    const { signal } = this.#watch;
    if (signal?.aborted) return this.abortedReport();
    const attempt = new Attempt(child, this.#request, this.#watch, this.#services, this.#stock);
    const abort = () => attempt.end(wasAborted(signal?.reason));
    const stopListening = whenAborted(signal, abort);
    try {
      return await attempt.report();
    } finally {
      stopListening();
    }
  }

  /** Of a run that was aborted before it had a child. */
  abortedReport(): Report {
    return { outcome: outcomeOf(wasAborted(this.#watch.signal?.reason), this.#request), usage: NO_USAGE };
  }

  /** Gives the rest of what the guest wrote, and closes what it left open. */
  close(): void {
    this.#services.close();
  }
}

type Failure = Omit<GuestFailure, 'backtrace'>;

function outcomeOf(failure: Failure, { plan: { invoke } }: WorkerRequest): GuestOutcome {
  return {
    kind: 'failed',
    failure: { ...failure, backtrace: [] },
    phase: { at: 'invoke', ...(invoke && { name: invoke.name }) },
  };
}

/** A run on one child. */
class Attempt {
  readonly #number = ++lastRun;
  readonly #child: GuestChild;
  readonly #request: WorkerRequest;
  readonly #watch: RunWatch;
  readonly #services: WorkerServices;
  readonly #stock: Stock;
  readonly #settled: Promise<Report>;
  #resolve: (report: Report) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isAccepted = false;
  #begunMs: number | undefined;
  #beganMs: number | undefined;
  /** Of a run with a timeline; a recorder bounds how many there are. */
  readonly #entries: RecordedEntry[] = [];
  /** Whether the guest is no more on its thread. */
  #hasEnded = false;
  /** Where it is being ended from outside: settles it. */
  #settleNow: (() => void) | undefined;

  constructor(child: GuestChild, request: WorkerRequest, watch: RunWatch, services: WorkerServices, stock: Stock) {
    this.#child = child;
    this.#request = request;
    this.#watch = watch;
    this.#services = services;
    this.#stock = stock;
    this.#settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  async report(): Promise<Report> {
    try {
      this.#child.listen({ hear: (message) => this.#hearSafely(message), lost: (end) => this.#lost(end) });
      this.#send();
      return await this.#settled;
    } finally {
      clearTimeout(this.#timer);
      this.#child.listen(undefined);
      if (!this.#hasEnded) this.#child.kill();
    }
  }

  #send(): void {
    const { modules, graphs } = this.#child.known;
    for (const known of [modules, graphs]) if (known.size > MOST_KNOWN) known.clear();
    const supplies = this.#stock.supplies(
      this.#stock.modules.filter((key) => !modules.has(key)),
      this.#stock.graphs.filter((id) => !graphs.has(id)),
    );
    this.#child.send({ type: 'run', run: this.#number, task: processTask(this.#services.task), supplies });
    for (const key of this.#stock.modules) modules.add(key);
    for (const id of this.#stock.graphs) graphs.add(id);
  }

  /** A child whose native code was taken over may say anything. */
  #hearSafely(message: ProcessMessage): void {
    try {
      if (message.type !== 'ready' && message.run === this.#number) this.#hear(message);
    } catch (error) {
      const words = 'the process of the guest said what no guest has it say';
      this.#reject(new PoolError('ERR_GUEST_CRASHED', words, { cause: error }));
    }
  }

  #hear(message: Exclude<ProcessMessage, { type: 'ready' }>): void {
    switch (message.type) {
      case 'accepted':
        this.#isAccepted = true;
        break;
      case 'need':
        this.#child.send({
          type: 'supply',
          run: this.#number,
          supplies: this.#stock.supplies(message.modules, message.graphs),
        });
        break;
      case 'output':
        for (const { stream, bytes } of message.pieces) this.#services.outputs[stream].push(ownBytes(bytes));
        this.#acknowledge('stdout', message.pieces);
        this.#acknowledge('stderr', message.pieces);
        break;
      case 'call':
        void this.#answer(message);
        break;
      case 'relay':
        this.#hearGuest(message.message);
        break;
      case 'failed':
        this.#hasEnded = true;
        this.#reject(rebuilt(message));
        // Its thread may be gone.
        this.#child.kill();
        break;
      case 'flushed':
        this.#settleNow?.();
    }
  }

  #hearGuest(message: RelayedMessage): void {
    if (message.type === 'started') this.#begin(message.atMs);
    else if (message.type === 'refused') this.#tellRefusal(message.refusal);
    else if (message.type === 'entry') this.#entries.push(message.entry);
    else if (message.type === 'ended') {
      this.#hasEnded = true;
      // What takes the output may never be done: the time limit and the signal hold on.
      this.#whenTaken().then(
        () => this.#resolve({ outcome: message.outcome, usage: message.usage, beganMs: this.#beganMs }),
        this.#reject,
      );
    } else if (message.type === 'error') {
      this.#hasEnded = true;
      this.#reject(rebuilt(message));
    }
  }

  #tellRefusal(refusal: Refusal): void {
    try {
      this.#watch.onRefused?.(refusal);
    } catch (error) {
      // Of the embedder's.
      this.#reject(error);
    }
  }

  #begin(atMs: number): void {
    this.#begunMs = performance.now();
    // By the child's clock, as the times of its phases; one that was taken over may say anything.
    this.#beganMs = Math.min(Number(atMs) || nowMs(), nowMs());
    const { timeoutMs } = this.#watch;
    if (timeoutMs === undefined || timeoutMs > MAX_TIMER_MS) return;
    this.#timer = setTimeout(() => this.end(timedOut(timeoutMs)), timeoutMs);
  }

  async #whenTaken(): Promise<void> {
    const { stdout, stderr } = this.#services.outputs;
    await Promise.all([stdout.drained(), stderr.drained()]);
    await this.#watch.onEnd?.();
  }

  /** Counts what was taken, so that the guest may go on. */
  async #acknowledge(stream: OutputName, pieces: readonly { stream: OutputName }[]): Promise<void> {
    const count = pieces.filter((piece) => piece.stream === stream).length;
    if (count === 0) return;
    const queue = this.#services.outputs[stream];
    await queue.drained();
    this.#child.send({ type: 'taken', run: this.#number, stream, pieces: count, errno: errnoOf(queue.window) });
  }

  async #answer({ call, target, method, args }: Extract<ProcessMessage, { type: 'call' }>): Promise<void> {
    const answer = async () => this.#services.answer({ target, method, args });
    const reply = await answer().then(
      (value) => ({ value }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : typeof error }),
    );
    try {
      this.#child.send({ type: 'answer', run: this.#number, call, reply });
    } catch {
      const error = 'the answer cannot pass to a process';
      this.#child.send({ type: 'answer', run: this.#number, call, reply: { error } });
    }
  }

  /** Ends the guest from outside, with what it had written. */
  end(failure: Failure): void {
    const usage = this.#knownUsage();
    const report = { outcome: outcomeOf(failure, this.#request), usage, beganMs: this.#beganMs };
    if (this.#hasEnded || !this.#isAccepted) {
      this.#resolve(report);
      return;
    }
    const timer = setTimeout(() => this.#resolve(report), FLUSH_MS);
    this.#settleNow = () => {
      clearTimeout(timer);
      this.#resolve(report);
    };
    this.#child.send({ type: 'flush', run: this.#number });
  }

  #knownUsage(): GuestUsage {
    const begunMs = this.#begunMs;
    const entries = this.#request.plan.record === 'timeline' ? this.#entries : undefined;
    return knownUsage(entries, begunMs && performance.now() - begunMs);
  }

  #lost(end: ChildEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#settleNow !== undefined) this.#settleNow();
    else this.#reject(this.#isAccepted ? crashed(end) : new NotBegun(end));
  }
}

/** @param end of a process that was not to end */
export function crashed({ exitCode, signal, error }: ChildEnd): PoolError {
  const how = error?.message ?? (signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`);
  return new PoolError('ERR_GUEST_CRASHED', `the process of the guest ${how}`, { cause: error });
}

function rebuilt({ code, message }: { code?: HostError['code'] | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

/** What comes in one message shares memory, which is not to pass to who gets a piece of it. @throws TypeError */
function ownBytes(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('these are no bytes');
  return new Uint8Array(bytes);
}

/** Of an output that has failed. */
function errnoOf({ shared }: { shared: SharedArrayBuffer }): number {
  return Atomics.load(new Int32Array(shared), 1);
}

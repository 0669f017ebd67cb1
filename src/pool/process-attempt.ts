/** One run on one child: hears what the child says of it, and gives what the guest asks for. */
import type { GuestFailure, GuestOutcome } from '../engine/guest-plan.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import { HostError, PoolError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { OutputName, ProcessMessage, RelayedMessage } from '../worker/guest-process-messages.ts';
import { timedOut } from '../worker/guest-watch.ts';
import { MAX_TIMER_MS } from '../worker/longest-timer.ts';
import { MOST_SENT_BYTES, PIECE_OVERHEAD_BYTES } from '../worker/remote-stdio.ts';
import type { WorkerRequest, WorkerServices } from '../worker/worker-services.ts';
import type { GuestReport, RunWatch } from './contract.ts';
import type { ChildEnd, GuestChild } from './process-child.ts';
import { ReceivedEntries } from './process-entries.ts';
import { processTask, type Stock } from './process-task.ts';

/** How long a child has to give what its guest wrote before it is killed. */
const FLUSH_MS = 30;

/** Beyond, a child is sent again what it may still have. */
const MOST_KNOWN = 4096;

/** For each mebibyte of modules that it has to compile, a child has so much longer. */
const PATIENCE_MS_PER_MEBIBYTE = 1_000;

/** A process that is killed is gone at once, but where the system itself waits for something in it. */
const LONGEST_DYING_MS = 2_000;

/** Answers that a guest has not read, of which it waits for each. */
const MOST_UNREAD_BYTES = 32 * 2 ** 20;

/** More than a guest may have open. */
const MOST_OPEN = 2 ** 20;

let lastRun = 0;

/** The child died, or stood still, before the guest could begin: another may run it. */
export class NotBegun extends Error {
  readonly end: ChildEnd;
  /** Whether it stood still. */
  readonly isLate: boolean;

  constructor(end: ChildEnd, isLate: boolean) {
    super('the guest has not begun');
    this.end = end;
    this.isLate = isLate;
  }
}

export type Report = Omit<GuestReport, 'queueMs'>;

export type Failure = Omit<GuestFailure, 'backtrace'>;

export function failedOutcome(failure: Failure, { plan: { invoke } }: WorkerRequest): GuestOutcome {
  return {
    kind: 'failed',
    failure: { ...failure, backtrace: [] },
    phase: { at: 'invoke', ...(invoke && { name: invoke.name }) },
  };
}

/** What a run is, on whichever child. */
export interface AttemptedRun {
  request: WorkerRequest;
  watch: RunWatch;
  services: WorkerServices;
  stock: Stock;
  /** How long a child may take to accept the run, and then to begin it. */
  patienceMs: number;
  /** Told of a graph that the guest asked for and the child did not have. */
  onGraphAsked: (id: number, nn: NnPlan) => void;
}

/** A child goes through them in this order, once. */
type Stage = 'sent' | 'accepted' | 'started' | 'ended';

type SaidOfRun = Exclude<ProcessMessage, { type: 'ready' }>;

export class Attempt {
  readonly #number = ++lastRun;
  readonly #child: GuestChild;
  readonly #run: AttemptedRun;
  readonly #settled: Promise<Report>;
  #resolve: (report: Report) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #stage: Stage = 'sent';
  #timer: NodeJS.Timeout | undefined;
  #begunMs: number | undefined;
  /** By the child's clock, in milliseconds since the epoch. */
  #beganMs: number | undefined;
  readonly #entries: ReceivedEntries;
  /** What the child has asked for: it asks once. */
  readonly #needed = new Set<string | number>();
  readonly #underwayBytes: Record<OutputName, number> = { stdout: 0, stderr: 0 };
  #isAnswering = false;
  /** Whether the report is settled. */
  #isOver = false;
  #openCount = 0;
  /** Killed for standing still; its end is waited for, since it may have begun before. */
  #isLate = false;
  /** Where it is being ended from outside: settles it. */
  #settleNow: (() => void) | undefined;

  constructor(child: GuestChild, run: AttemptedRun) {
    this.#child = child;
    this.#run = run;
    this.#entries = new ReceivedEntries(run.request.plan.record);
    this.#settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** @throws NotBegun; PoolError ERR_GUEST_CRASHED; HostError as the run itself */
  async report(): Promise<Report> {
    try {
      this.#child.listen({
        hear: (message, headBytes) => this.#hear(message, headBytes),
        distrust: (error) => this.#distrust(error),
        lost: (end) => this.#lost(end),
      });
      this.#send();
      return await this.#settled;
    } finally {
      this.#isOver = true;
      clearTimeout(this.#timer);
      if (this.#stage !== 'ended') this.#child.kill();
      this.#child.listen(undefined);
    }
  }

  #send(): void {
    const { stock, services, patienceMs } = this.#run;
    const { modules } = this.#child.known;
    if (modules.size > MOST_KNOWN) modules.clear();
    const missing = stock.modules.filter((key) => !modules.has(key));
    const supplies = stock.supplies(missing, []);
    this.#child.runs++;
    this.#child.send({ type: 'run', run: this.#number, task: processTask(services.task), supplies });
    for (const key of missing) modules.add(key);
    this.#watchStage(patienceMs + PATIENCE_MS_PER_MEBIBYTE * Math.floor(stock.moduleBytes / 2 ** 20));
  }

  /** Has the child killed where it gets no further in this time; with each step it has so long again. */
  #watchStage(mostMs: number): void {
    const stage = this.#stage;
    const look = () => {
      if (this.#isOver) return;
      if (this.#stage === stage) this.#giveUp();
      else if (this.#stage === 'accepted') this.#watchStage(mostMs);
    };
    // This process may have been busy for so long: what the child has said is heard first.
    this.#timer = setTimeout(() => setImmediate(look), mostMs);
  }

  /** What it says until it is dead counts: a guest that has begun is not run again. */
  #giveUp(): void {
    this.#isLate = true;
    this.#timer = setTimeout(() => this.#reject(crashed(STOOD_STILL)), LONGEST_DYING_MS);
    this.#child.kill();
  }

  /** @throws Error for what no child of ours says at this time */
  #hear(message: SaidOfRun | { type: 'ready' }, headBytes: number): void {
    demand(message.type !== 'ready' && message.run === this.#number && this.#stage !== 'ended', message.type);
    switch (message.type) {
      case 'accepted':
        demand(this.#stage === 'sent', message.type);
        this.#stage = 'accepted';
        break;
      case 'need':
        this.#supply(message.modules, message.graphs);
        break;
      case 'output':
        demand(this.#stage === 'started', message.type);
        this.#takeOutput('stdout', message.pieces);
        this.#takeOutput('stderr', message.pieces);
        break;
      case 'call':
        demand(this.#stage === 'started' && !this.#isAnswering, message.type);
        this.#answer(message);
        break;
      case 'relay':
        this.#hearGuest(message.message, headBytes);
        break;
      case 'failed':
        this.#stage = 'ended';
        this.#reject(rebuilt(message));
        // Its thread may be gone.
        this.#child.kill();
        break;
      case 'flushed':
        demand(this.#settleNow !== undefined, message.type);
        this.#settleNow?.();
    }
    if (this.#child.unreadBytes > MOST_UNREAD_BYTES) throw new Error('it does not read what it asks for');
  }

  #hearGuest(message: RelayedMessage, headBytes: number): void {
    const { postRefusals } = this.#run.request;
    const { type } = message;
    demand(this.#stage === (type === 'started' ? 'accepted' : 'started') || isErrorBefore(type, this.#stage), type);
    switch (type) {
      case 'started':
        this.#stage = 'started';
        // A child that was taken over may say anything.
        this.#beganMs = Math.min(message.atMs, nowMs());
        this.#startTimer();
        break;
      case 'refused':
        demand(postRefusals, type);
        this.#tellRefusal(message.refusal);
        break;
      case 'entries':
        this.#entries.add(message.entries, headBytes);
        break;
      case 'ended':
        this.#entries.check(message.usage);
        this.#stage = 'ended';
        // What takes the output may never be done: the time limit and the signal hold on.
        this.#whenTaken().then(() => {
          const usage = this.#entries.complete(message.usage);
          this.#resolve(this.#ownReport({ outcome: message.outcome, usage }));
        }, this.#reject);
        break;
      case 'error':
        this.#stage = 'ended';
        this.#reject(rebuilt(message));
    }
  }

  #supply(modules: readonly string[], graphs: readonly number[]): void {
    const { stock, onGraphAsked, request } = this.#run;
    demand(this.#stage === (graphs.length > 0 ? 'started' : 'sent'), 'need');
    demand(
      modules.every((key) => stock.modules.includes(key)) && graphs.every((id) => stock.graphs.includes(id)),
      'need',
    );
    for (const what of [...modules, ...graphs]) {
      demand(!this.#needed.has(what), 'need');
      this.#needed.add(what);
    }
    this.#child.send({ type: 'supply', run: this.#number, supplies: stock.supplies(modules, graphs) });
    for (const id of graphs) {
      this.#child.known.graphs.add(id);
      if (request.nn !== undefined) onGraphAsked(id, request.nn);
    }
  }

  #tellRefusal(refusal: Refusal): void {
    try {
      this.#run.watch.onRefused?.(refusal);
    } catch (error) {
      // Of the embedder's.
      this.#reject(error);
    }
  }

  #startTimer(): void {
    this.#begunMs = performance.now();
    clearTimeout(this.#timer);
    const { timeoutMs } = this.#run.watch;
    if (timeoutMs === undefined || timeoutMs > MAX_TIMER_MS) return;
    // This process may have been busy while the guest ended: what it has said of that is heard first.
    this.#timer = setTimeout(() => setImmediate(() => this.#isOver || this.end(timedOut(timeoutMs))), timeoutMs);
  }

  #ownReport({ outcome, usage }: Pick<Report, 'outcome' | 'usage'>): Report {
    return { outcome, usage, beganMs: this.#beganMs };
  }

  async #whenTaken(): Promise<void> {
    const { stdout, stderr } = this.#run.services.outputs;
    await Promise.all([stdout.drained(), stderr.drained()]);
    await this.#run.watch.onEnd?.();
  }

  #takeOutput(stream: OutputName, all: readonly { stream: OutputName; bytes: Uint8Array }[]): void {
    const pieces = all.filter((piece) => piece.stream === stream);
    if (pieces.length === 0) return;
    const { request, services } = this.#run;
    demand(request.stdio[stream].kind === 'write' && pieces.every(({ bytes }) => bytes.byteLength > 0), 'output');
    const byteLength = pieces.reduce((total, { bytes }) => total + bytes.byteLength + PIECE_OVERHEAD_BYTES, 0);
    this.#underwayBytes[stream] += byteLength;
    if (this.#underwayBytes[stream] > MOST_SENT_BYTES) throw new Error('it does not wait for its output');
    for (const { bytes } of pieces) services.outputs[stream].push(bytes);
    void this.#acknowledge(stream, pieces.length, byteLength);
  }

  /** Says what was taken, so that the guest may go on. */
  async #acknowledge(stream: OutputName, pieces: number, byteLength: number): Promise<void> {
    const queue = this.#run.services.outputs[stream];
    await queue.drained();
    this.#underwayBytes[stream] -= byteLength;
    this.#child.send({ type: 'taken', run: this.#number, stream, pieces, errno: errnoOf(queue.window) });
  }

  async #answer({ call, target, method, args }: Extract<ProcessMessage, { type: 'call' }>): Promise<void> {
    this.#isAnswering = true;
    const answer = async () => {
      if (method === 'open' && ++this.#openCount > MOST_OPEN) throw new Error('it has too much open');
      return this.#run.services.answer({ target, method, args });
    };
    const reply = await answer().then(
      (value) => ({ value }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : typeof error }),
    );
    if (method === 'close') this.#openCount--;
    this.#isAnswering = false;
    try {
      this.#child.send({ type: 'answer', run: this.#number, call, reply });
    } catch {
      const error = 'the answer cannot pass to a process';
      this.#child.send({ type: 'answer', run: this.#number, call, reply: { error } });
    }
  }

  /** Ends the guest from outside, with what it had written. */
  end(failure: Failure): void {
    const outcome = failedOutcome(failure, this.#run.request);
    const report = this.#ownReport({ outcome, usage: this.#knownUsage() });
    if (this.#stage === 'ended' || this.#stage === 'sent') {
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
    return this.#entries.known(begunMs && performance.now() - begunMs);
  }

  /** Of a guest that it has told the end of, its report stands. */
  #distrust(cause: unknown): void {
    if (this.#stage === 'ended') return;
    this.#reject(
      new PoolError('ERR_GUEST_CRASHED', 'the process of the guest said what no guest has it say', { cause }),
    );
  }

  #lost(end: ChildEnd): void {
    if (this.#stage === 'ended') return;
    const told = this.#isLate ? STOOD_STILL : end;
    if (this.#settleNow !== undefined) this.#settleNow();
    else this.#reject(this.#stage === 'sent' ? new NotBegun(told, this.#isLate) : crashed(told));
    this.#stage = 'ended';
  }
}

const STOOD_STILL: ChildEnd = { exitCode: null, signal: null, error: new Error('stood still before the guest began') };

/** @throws Error */
function demand(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`it says '${what}' where no child of ours does`);
}

/** The run may fail before the guest begins. */
function isErrorBefore(type: RelayedMessage['type'], stage: Stage): boolean {
  return type === 'error' && stage === 'accepted';
}

/** @param end of a process that was not to end */
export function crashed({ exitCode, signal, error }: ChildEnd): PoolError {
  const how = error?.message ?? (signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`);
  return new PoolError('ERR_GUEST_CRASHED', `the process of the guest ${how}`, { cause: error });
}

function rebuilt({ code, message }: { code?: HostError['code'] | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

/** Of an output that has failed. */
function errnoOf({ shared }: { shared: SharedArrayBuffer }): number {
  return Atomics.load(new Int32Array(shared), 1);
}

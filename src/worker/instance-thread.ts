/** A guest that stays in a thread of its own, as the thread beside it holds it. */

import { join } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { GuestFailure } from '../engine/guest-plan.ts';
import type { WasiFaultListener } from '../engine/guest-run.ts';
import { threadStackMegabytes } from '../engine/guest-stack.ts';
import { unknownUsage } from '../engine/guest-usage.ts';
import type { LiveAnswer } from '../engine/live-guest.ts';
import { whenAborted } from '../engine/when-aborted.ts';
import { HostError } from '../errors.ts';
import { loadAddon, packageRoot } from '../native/addon.ts';
import type { Refusal } from '../nn/index.ts';
import { HEAP_CHECK_MS, heapError, heapLimit, lossError, timedOut, wasAborted } from './guest-watch.ts';
import type { WorkerMessage, WorkerReport, WorkerTask } from './guest-worker-messages.ts';
import type { InstanceCommand, InstanceReply, InstanceTask } from './instance-messages.ts';
import { MAX_TIMER_MS } from './longest-timer.ts';
import { packProgram } from './thread-state.ts';
import { type WorkerRequest, WorkerServices } from './worker-services.ts';

/** How long a call may take, and who may end it. */
export interface CallWatch {
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface InstanceThreadOptions {
  /** Awaited after each call, still under its limits: everything that the guest wrote has been taken before. */
  onAnswer?: (() => Promise<void>) | undefined;
  onRefused?: ((refusal: Refusal) => void) | undefined;
  onWasiFault?: WasiFaultListener | undefined;
  /** Heap of JavaScript of the thread, in bytes. Default: 512 MiB. */
  maxHeapBytes?: number | undefined;
}

/** What became of the thread, as it is to be thrown. */
interface Loss {
  error: unknown;
}

type Settle = (reply: InstanceReply | Loss) => void;

export class InstanceThread {
  readonly #services: WorkerServices;
  readonly #commands: MessagePort;
  readonly #worker: Worker;
  readonly #options: InstanceThreadOptions;
  readonly #heapFlag = new Int32Array(new SharedArrayBuffer(4));
  #interruptToken: number | undefined;
  /** Of the command that is underway. */
  #settle: Settle | undefined;
  #loss: Loss | undefined;
  /** Of a thread that was lost. */
  #gone: Promise<void> | undefined;

  /** @throws HostError ERR_PREOPEN, ERR_STDIO for an `Fd` of the embedder that fails at once */
  constructor(request: WorkerRequest, options: InstanceThreadOptions) {
    this.#options = options;
    this.#services = new WorkerServices(request, (message) => this.#hear(message));
    const { port1, port2 } = new MessageChannel();
    this.#commands = port1;
    port1.on('message', (reply: InstanceReply) => this.#take(reply));
    const task = workerTask(this.#services);
    try {
      this.#worker = new Worker(join(packageRoot(), 'dist', 'instance-worker.js'), {
        workerData: { task, commands: port2, heapFlag: this.#heapFlag.buffer } satisfies InstanceTask,
        transferList: [task.calls.port, port2],
        resourceLimits: {
          stackSizeMb: threadStackMegabytes(task.plan.maxWasmStackBytes),
          ...heapLimit(options.maxHeapBytes),
        },
      });
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#worker.once('error', (error) => this.#lose(lossError(error)));
    this.#worker.once('exit', (code) => this.#lose(lossError(new Error(`it ended with code ${code}`))));
    this.idle();
  }

  /** Lets the process end while no command is underway. */
  idle(): void {
    this.#worker.unref();
    this.#commands.unref();
    this.#services.keepsProcess = false;
  }

  /**
   * Has the guest do something, and waits for it. When the time is over or the signal aborts, the guest has ended, whatever
   * its thread does.
   * @throws HostError ERR_GUEST_CRASHED, ERR_GUEST_HEAP_LIMIT where the thread died
   */
  async ask(command: InstanceCommand, { timeoutMs, signal }: CallWatch = {}): Promise<InstanceReply> {
    if (this.#loss !== undefined) throw this.#loss.error;
    this.#worker.ref();
    this.#commands.ref();
    this.#services.keepsProcess = true;
    let timer: NodeJS.Timeout | undefined;
    let stopListening = () => {};
    const heapTimer = setInterval(() => this.#checkHeap(), HEAP_CHECK_MS);
    try {
      const reply = await new Promise<InstanceReply | Loss>((resolve) => {
        this.#settle = resolve;
        this.#commands.postMessage(command);
        const abort = () => this.#leave(wasAborted(signal?.reason));
        if (signal?.aborted) abort();
        else stopListening = whenAborted(signal, abort);
        if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) {
          timer = setTimeout(() => this.#timeOut(timeoutMs), timeoutMs);
        }
      });
      if ('error' in reply) throw reply.error;
      return reply;
    } finally {
      this.#settle = undefined;
      clearTimeout(timer);
      clearInterval(heapTimer);
      stopListening();
      this.idle();
    }
  }

  /**
   * Ends the thread, whatever the guest does. What it wrote before has been given to whom it is for. Settles when the thread
   * is gone: until then it may write to descriptors that it was given.
   */
  async end(): Promise<void> {
    this.#lose(new HostError('ERR_RELEASED', 'the instance was disposed'));
    this.#worker.ref();
    await this.#gone;
  }

  #hear(message: WorkerMessage): void {
    if (message.type === 'output') this.#services.outputs[message.stream].push(message.bytes);
    else if (message.type === 'started') this.#interruptToken = message.interruptToken;
    else if (message.type === 'refused' || message.type === 'wasi-fault') this.#hearReport(message);
  }

  /** What the embedder's function throws is the end of the guest, as on the calling thread. */
  #hearReport(report: WorkerReport): void {
    try {
      if (report.type === 'refused') this.#options.onRefused?.(report.refusal);
      else this.#options.onWasiFault?.(report.functionName, report.reason);
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#services.heardReport();
    }
  }

  /** What takes the output may never be done: the limits of the command hold on. */
  async #take(reply: InstanceReply): Promise<void> {
    const settle = this.#settle;
    if (settle === undefined) return;
    // What the guest wrote came by another port, and is there: it was posted before.
    this.#services.drain();
    const end = await this.#whenTaken(reply);
    if (this.#settle !== settle) return;
    this.#settle = undefined;
    settle(end);
  }

  async #whenTaken(reply: InstanceReply): Promise<InstanceReply | Loss> {
    try {
      const { stdout, stderr } = this.#services.outputs;
      await Promise.all([stdout.drained(), stderr.drained()]);
      if (reply.type === 'answer') await this.#options.onAnswer?.();
      return reply;
    } catch (error) {
      return { error };
    }
  }

  /** This thread may have been busy while the guest answered: that counts. */
  #timeOut(timeoutMs: number): void {
    const received = receiveMessageOnPort(this.#commands) as { message: InstanceReply } | undefined;
    if (received === undefined) this.#leave(timedOut(timeoutMs));
    else void this.#take(received.message);
  }

  /** A thread whose heap is full can tell nothing any more. */
  #checkHeap(): void {
    if (Atomics.load(this.#heapFlag, 0) !== 0) this.#lose(heapError());
  }

  #leave(failure: Omit<GuestFailure, 'backtrace'>): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    const phase = { at: 'invoke' } as const;
    const ending = { kind: 'failed', failure: { ...failure, backtrace: [] }, phase } as const;
    const answer: LiveAnswer = { results: undefined, ending, usage: unknownUsage() };
    this.#lose(new HostError('ERR_RELEASED', 'the instance has ended'));
    settle({ type: 'answer', answer });
  }

  #lose(error: unknown): void {
    if (this.#loss !== undefined) return;
    const loss = { error };
    this.#loss = loss;
    this.#close();
    interrupt(this.#interruptToken);
    this.#gone = this.#worker.terminate().then(() => {});
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(loss);
  }

  #close(): void {
    this.#commands.removeAllListeners('message');
    this.#commands.close();
    this.#services.drainLast();
    this.#services.close();
  }
}

function workerTask({ task: served, reportWindow }: WorkerServices): WorkerTask {
  const { program, preloads } = served.plan;
  const plan = {
    ...served.plan,
    program: packProgram(program),
    preloads: preloads.map(({ name, program: preload }) => ({ name, program: packProgram(preload) })),
  };
  return { ...served, plan, reportWindow };
}

/** Ends what native code does in that thread, which is about to be terminated. */
function interrupt(token: number | undefined): void {
  if (token === undefined) return;
  try {
    loadAddon().thread.interrupt(token);
  } catch {
    // Without the addon there is nothing of it in there.
  }
}

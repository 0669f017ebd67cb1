/** What stays on this thread while a guest runs in another, and what the other is given in its place. */

import type { GuestPlan } from '../engine/guest-plan.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import type { GuestInput } from '../stdio/guest-streams.ts';
import type { StreamReader } from '../stdio/stream-source.ts';
import { ERRNO } from '../wasi/errno.ts';
import type { OutputSink } from '../wasi/index.ts';
import { DescriptorServer } from './descriptor-server.ts';
import type { WorkerMessage, WorkerPreopen, WorkerSink, WorkerSource, WorkerTask } from './guest-worker-messages.ts';
import { OutputQueue } from './output-queue.ts';
import { ReportWindow } from './report-window.ts';
import { CallAnswerer, type ThreadCall } from './thread-call.ts';

/** What is to be run. */
export interface WorkerRequest {
  plan: GuestPlan;
  nn: NnPlan | undefined;
  /** Whether refused wasi-nn calls are sent back. */
  postRefusals: boolean;
  /** Where a function that is written to returns a promise, the guest waits while much is underway. */
  stdio: { stdin: GuestInput; stdout: OutputSink; stderr: OutputSink };
}

export interface ServiceOptions {
  /** Whether outputs that are for the end may wait until it: {@link WorkerServices.takeKept} is to be called then. */
  isOneRun?: boolean | undefined;
  /** Whether the guest waits until each of its reports is heard. */
  reportsInOrder?: boolean | undefined;
}

/** A {@link WorkerTask} with its modules as the embedder's thread has them. */
type ServedTask = Omit<WorkerTask, 'plan' | 'reportWindow'> & {
  plan: Omit<GuestPlan, 'preopens'> & Pick<WorkerTask['plan'], 'preopens'>;
};

/** The number by which the guest's thread calls its standard input. */
const STDIN_TARGET = -1;

export class WorkerServices {
  readonly outputs: Record<'stdout' | 'stderr', OutputQueue>;
  readonly #reports: ReportWindow;
  readonly task: ServedTask;
  readonly #descriptors: DescriptorServer;
  readonly #calls: CallAnswerer<WorkerMessage>;
  readonly #reader: StreamReader | undefined;

  /**
   * @param hear gets what the guest's thread says of itself
   * @throws HostError ERR_PREOPEN, ERR_STDIO for an `Fd` of the embedder that fails at once
   */
  constructor(
    request: WorkerRequest,
    hear?: (message: WorkerMessage) => void,
    { isOneRun = false, reportsInOrder = false }: ServiceOptions = {},
  ) {
    const { stdin, stdout, stderr } = request.stdio;
    this.#reports = ReportWindow.create(reportsInOrder);
    this.#descriptors = new DescriptorServer(request.plan.maxMemoryFileBytes);
    this.#calls = new CallAnswerer((call) => this.answer(call), hear);
    this.#reader = stdin.kind === 'stream' ? stdin.reader : undefined;
    this.outputs = { stdout: queueOf(stdout, isOneRun), stderr: queueOf(stderr, isOneRun) };
    try {
      this.task = this.#taskOf(request);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Hears at once what the guest's thread has said until now. */
  drain(): void {
    this.#calls.drain();
  }

  /** The same of a guest that is about to be ended: one that never stops to write, or to be refused, gets no further. */
  drainLast(): void {
    this.outputs.stdout.window.shut();
    this.outputs.stderr.window.shut();
    this.#reports.shut();
    this.#calls.drain();
  }

  /** For the guest's thread where it is one of this process. */
  get reportWindow(): SharedArrayBuffer {
    return this.#reports.shared;
  }

  /** One of its reports was heard. */
  heardReport(): void {
    this.#reports.heard();
  }

  /** Whether what the guest asks and says keeps the process running, as it does from the beginning. */
  set keepsProcess(isKept: boolean) {
    if (isKept) this.#calls.ref();
    else this.#calls.unref();
  }

  /** Takes what the guest wrote and nobody waited for: it has ended, or is to end. */
  takeKept(): void {
    this.outputs.stdout.takeKept();
    this.outputs.stderr.takeKept();
  }

  /** The guest is gone: gives what it wrote before, and closes what it left open. */
  close(): void {
    this.#calls.close();
    this.outputs.stdout.giveRest();
    this.outputs.stderr.giveRest();
    this.#descriptors.closeAll();
  }

  #taskOf({ plan, stdio, ...rest }: WorkerRequest): ServedTask {
    return {
      ...rest,
      plan: { ...plan, preopens: plan.preopens.map((preopen) => this.#preopen(preopen)) },
      stdio: {
        stdin: this.#source(stdio.stdin),
        stdout: this.#sink('stdout', stdio.stdout),
        stderr: this.#sink('stderr', stdio.stderr),
      },
      calls: this.#calls.forCaller,
    };
  }

  /** Answers a call of the guest, at once or by a promise. @throws what code of the embedder throws */
  answer(call: ThreadCall): unknown {
    if (call.target !== STDIN_TARGET || this.#reader === undefined) return this.#descriptors.answer(call);
    const amount = call.args[0] as number;
    if (call.method === 'wait') return this.#reader.wait(amount);
    // What it failed with is the reader's to keep; the guest gets no more than that it has.
    return this.#reader.read(amount).catch(() => ERRNO.io);
  }

  #preopen(preopen: GuestPlan['preopens'][number]): WorkerPreopen {
    if (preopen.kind === 'descriptor') throw new TypeError('a descriptor cannot pass to another thread');
    if (preopen.kind !== 'shim') return preopen;
    const { guestPath, fd, readOnly } = preopen;
    const handle = this.#descriptors.serve(fd, { code: 'ERR_PREOPEN', name: guestPath }, readOnly);
    return { kind: 'remote', guestPath, handle };
  }

  #source(from: GuestInput): WorkerSource {
    if (from.kind === 'stream') return { kind: 'stream', target: STDIN_TARGET };
    if (from.kind === 'descriptor') throw new TypeError('a descriptor cannot pass to another thread');
    if (from.kind !== 'shim') return from;
    return { kind: 'remote', handle: this.#descriptors.serve(from.fd, { code: 'ERR_STDIO', name: 'stdin' }) };
  }

  #sink(name: 'stdout' | 'stderr', to: OutputSink): WorkerSink {
    if (to.kind === 'write') return { kind: 'post', window: this.outputs[name].window.shared };
    if (to.kind === 'descriptor') throw new TypeError('a descriptor cannot pass to another thread');
    if (to.kind !== 'shim') return to;
    return { kind: 'remote', handle: this.#descriptors.serve(to.fd, { code: 'ERR_STDIO', name }) };
  }
}

function queueOf(sink: OutputSink, isOneRun: boolean): OutputQueue {
  if (sink.kind !== 'write') return new OutputQueue(() => {});
  return new OutputQueue(sink.write, isOneRun && sink.isForTheEnd);
}

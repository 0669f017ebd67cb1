/** Runs a guest in a worker thread, which can be left when its time is over, and may have a deeper stack. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { HostError } from '../errors.ts';
import { packageRoot } from '../native/addon.ts';
import type { Refusal } from '../nn/index.ts';
import { ERRNO } from '../wasi/errno.ts';
import type { OutputSink } from '../wasi/index.ts';
import { DescriptorServer } from './descriptor-server.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import type { WasiFaultListener } from './guest-run.ts';
import { threadStackMegabytes } from './guest-stack.ts';
import type { GuestInput } from './guest-streams.ts';
import type { WorkerMessage, WorkerPreopen, WorkerReport, WorkerSink, WorkerTask } from './guest-worker-messages.ts';
import type { NnPlan } from './nn-support.ts';
import { OutputQueue } from './output-queue.ts';
import type { StreamReader } from './stream-source.ts';
import { CallAnswerer, type ThreadCall } from './thread-call.ts';

/** What is to be run, with what stays on this thread. */
export interface WorkerRequest {
  plan: GuestPlan;
  nn: NnPlan | undefined;
  /** Whether refused wasi-nn calls are sent back. */
  postRefusals: boolean;
  /** Where a function that is written to returns a promise, the guest waits while much is underway. */
  stdio: { stdin: GuestInput; stdout: OutputSink; stderr: OutputSink };
}

export interface WorkerRunOptions {
  /** Counted from when the guest begins. Undefined: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the guest; `outcome` is rejected with ERR_GUEST_ABORTED. */
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
}

export interface WorkerRun {
  outcome: Promise<GuestOutcome>;
  /**
   * Ends the thread, where a guest may still be running, and delivers what it wrote before. A thread inside of the runtime
   * cannot be interrupted: it is left to its end, and nothing of it is heard any more.
   */
  terminate(): Promise<void>;
}

/** Timers of Node hold no more; a guest that runs for 24 days is not watched beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A thread that can be interrupted ends in a few milliseconds. */
const GRACE_MS = 30;

/**
 * Starts the worker. `outcome` settles at the deadline whatever the thread does: it may be inside of the runtime, where
 * nothing interrupts it.
 */
export function runInWorker(request: WorkerRequest, options: WorkerRunOptions): WorkerRun {
  const { timeoutMs, signal } = options;
  const heard = options.reportsInOrder ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
  const beside = new Beside(request);
  const task = { ...beside.task, heardReports: heard?.buffer };
  const worker = new Worker(join(packageRoot(), 'dist', 'guest-worker.js'), {
    workerData: task,
    transferList: [task.calls.port],
    resourceLimits: { stackSizeMb: threadStackMegabytes(task.plan.maxWasmStackBytes) },
  });
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  const outcome = new Promise<GuestOutcome>((resolve, reject) => {
    const timeOut = () => resolve(timedOut(request));
    abort = () => reject(new HostError('ERR_GUEST_ABORTED', 'the run was aborted', { cause: signal?.reason }));
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'output') beside.outputs[message.stream].push(message.bytes);
      else if (message.type === 'refused' || message.type === 'wasi-fault') hear(message, options, heard);
      else if (message.type === 'ended') resolve(whenTaken(beside, options).then(() => message.outcome));
      else if (message.type === 'error') reject(rebuilt(message));
      else if (timeoutMs === 0) timeOut();
      else if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) timer = setTimeout(timeOut, timeoutMs);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the guest's thread ended with code ${code}`)));
  });
  return {
    outcome: outcome.finally(() => {
      clearTimeout(timer);
      if (abort !== undefined) signal?.removeEventListener('abort', abort);
    }),
    terminate: async () => {
      await Promise.race([worker.terminate(), delay(GRACE_MS, undefined, { ref: false })]);
      worker.removeAllListeners('message');
      beside.close();
    },
  };
}

async function whenTaken({ outputs }: Beside, { onEnd }: WorkerRunOptions): Promise<void> {
  await Promise.all([outputs.stdout.drained(), outputs.stderr.drained()]);
  await onEnd?.();
}

/** The number by which the guest's thread calls its standard input. */
const STDIN_TARGET = -1;

/** What stays on this thread while a guest runs in another, and what the other is given in its place. */
class Beside {
  readonly outputs: Record<'stdout' | 'stderr', OutputQueue>;
  readonly task: Omit<WorkerTask, 'heardReports'>;
  readonly #descriptors = new DescriptorServer();
  readonly #calls = new CallAnswerer((call) => this.#answer(call));
  readonly #reader: StreamReader | undefined;

  constructor({ plan, stdio, ...rest }: WorkerRequest) {
    const { stdin, stdout, stderr } = stdio;
    this.outputs = { stdout: queueOf(stdout), stderr: queueOf(stderr) };
    this.#reader = stdin.kind === 'stream' ? stdin.reader : undefined;
    this.task = {
      ...rest,
      plan: { ...plan, preopens: plan.preopens.map((preopen) => this.#preopen(preopen)) },
      stdio: {
        stdin: stdin.kind === 'stream' ? { kind: 'stream', target: STDIN_TARGET } : this.#portable(stdin),
        stdout: this.#sink(stdout, this.outputs.stdout),
        stderr: this.#sink(stderr, this.outputs.stderr),
      },
      calls: this.#calls.forCaller,
    };
  }

  /** The guest is gone: gives what it wrote before, and closes what it left open. */
  close(): void {
    this.#calls.close();
    this.outputs.stdout.giveRest();
    this.outputs.stderr.giveRest();
    this.#descriptors.closeAll();
  }

  #answer(call: ThreadCall): unknown {
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
    return { kind: 'remote', guestPath, handle: this.#descriptors.serve(fd, { preopenName: guestPath, readOnly }) };
  }

  #sink(sink: OutputSink, { window }: OutputQueue): WorkerSink {
    return sink.kind === 'write' ? { kind: 'post', window: window.shared } : this.#portable(sink);
  }

  #portable<Kind extends Exclude<GuestInput, { kind: 'stream' }> | Exclude<OutputSink, { kind: 'write' }>>(
    stream: Kind,
  ) {
    if (stream.kind === 'descriptor') throw new TypeError('a descriptor cannot pass to another thread');
    if (stream.kind !== 'shim') return stream as Exclude<Kind, { kind: 'shim' | 'descriptor' }>;
    return { kind: 'remote' as const, handle: this.#descriptors.serve(stream.fd) };
  }
}

function queueOf(sink: OutputSink): OutputQueue {
  return new OutputQueue(sink.kind === 'write' ? sink.write : () => {});
}

function hear(report: WorkerReport, options: WorkerRunOptions, heard: Int32Array | undefined): void {
  try {
    if (report.type === 'refused') options.onRefused?.(report.refusal);
    else options.onWasiFault?.(report.functionName, report.reason);
  } finally {
    if (heard !== undefined) {
      Atomics.add(heard, 0, 1);
      Atomics.notify(heard, 0);
    }
  }
}

function timedOut({ plan: { invoke } }: WorkerRequest): GuestOutcome {
  return {
    kind: 'failed',
    failure: { code: 'ERR_GUEST_TIMEOUT', message: 'wasm trap: interrupt', backtrace: [] },
    phase: invoke === undefined ? { at: 'invoke' } : { at: 'invoke', name: invoke.name },
  };
}

function rebuilt({ code, message }: Extract<WorkerMessage, { type: 'error' }>): Error {
  return code === undefined ? new Error(message) : new HostError(code, message);
}

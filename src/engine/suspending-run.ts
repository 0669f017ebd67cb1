/**
 * One run of one guest that is suspended while it waits, on a thread that does other work meanwhile. What it comes to is
 * what {@link runGuest} would tell.
 */
import { GuestTrapError } from '../errors.ts';
import { NN_WAITING_CALLS } from '../nn/abi/functions.ts';
import type { InputSource, OutputSink } from '../wasi/index.ts';
import { Waits } from '../wasi/suspending.ts';
import { type ByteReader, StreamInput, StreamOutput } from '../wasi/suspending-stdio.ts';
import { raiseFrameLimit } from './backtrace.ts';
import { GuestCallOrder } from './guest-calls.ts';
import { endingOf } from './guest-ending.ts';
import {
  GuestImports,
  type GuestStdio,
  type NnSupport,
  type RecordOptions,
  type WasiFaultListener,
} from './guest-imports.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import { type GuestRun, notePhases } from './guest-run.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';
import type { ExportedFunction } from './instantiation.ts';
import { nowMs } from './run-recorder.ts';
import type { GuestUsage } from './run-report.ts';
import { promising, suspending } from './suspending-engine.ts';
import { readyStack } from './suspending-stack.ts';
import { guestTurns } from './suspending-turns.ts';

export { canSuspend } from './suspending-engine.ts';

/** As {@link GuestStdio}; where `write` answers a promise, the guest waits for it. */
export interface SuspendingStdio {
  stdin: InputSource | { kind: 'stream'; reader: ByteReader };
  stdout: OutputSink;
  stderr: OutputSink;
}

export interface SuspendingRunOptions {
  onWasiFault?: WasiFaultListener | undefined;
  /** Default: counts alone. */
  record?: RecordOptions | undefined;
  /** Ends a guest that waits, for its turn or for anything else; the outcome is ERR_GUEST_ABORTED. One that runs goes on. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a guest to its end, in turns with others.
 * @param nn undefined: the guest has no wasi-nn to import
 * @throws TypeError where {@link canSuspend} says no; HostError ERR_PREOPEN for a directory that cannot be given; what code
 *   of the embedder threw inside the guest
 */
export async function runGuestSuspending(
  plan: GuestPlan,
  stdio: SuspendingStdio,
  nn: NnSupport | undefined,
  options: SuspendingRunOptions = {},
): Promise<GuestRun> {
  const run = new SuspendingRun(plan, stdio, nn, options);
  try {
    const outcome = await run.outcome();
    return { outcome, usage: run.usage(), dispose: () => run.dispose() };
  } catch (error) {
    run.dispose();
    throw error;
  }
}

/** Streams of the embedder make this guest wait, and nobody else. */
function guestStdio({ stdin, stdout, stderr }: SuspendingStdio, waits: Waits): GuestStdio {
  const output = (sink: OutputSink): OutputSink =>
    sink.kind === 'write' ? { kind: 'descriptor', descriptor: new StreamOutput(sink.write, waits) } : sink;
  return {
    stdin: stdin.kind === 'stream' ? { kind: 'descriptor', descriptor: new StreamInput(stdin.reader, waits) } : stdin,
    stdout: output(stdout),
    stderr: output(stderr),
  };
}

class SuspendingRun {
  readonly #plan: GuestPlan;
  readonly #imports: GuestImports;
  readonly #waits = new Waits();
  readonly #signal: AbortSignal | undefined;
  readonly #startMs = nowMs();
  #wasAborted = false;
  /** Ends the wait that is going on. */
  #wake: (() => void) | undefined;
  #hasTurn = false;
  #lowerFrameLimit: () => void = () => {};

  constructor(
    plan: GuestPlan,
    stdio: SuspendingStdio,
    nn: NnSupport | undefined,
    { onWasiFault, record, signal }: SuspendingRunOptions,
  ) {
    this.#plan = plan;
    this.#signal = signal;
    const adapt = (module: string, name: string, call: ExportedFunction) => this.#adapt(module, name, call);
    const waits = this.#waits;
    this.#imports = new GuestImports(plan, guestStdio(stdio, waits), { nn, onWasiFault, record, adapt, waits });
  }

  dispose(): void {
    this.#waits.stop();
    this.#imports.dispose();
  }

  /** Of processor time nothing is known: guests share the thread. */
  usage(): GuestUsage {
    return this.#imports.usage(undefined);
  }

  async outcome(): Promise<GuestOutcome> {
    const order = new GuestCallOrder(this.#plan, this.#imports);
    const onAbort = () => this.#wake?.();
    this.#signal?.addEventListener('abort', onAbort);
    try {
      await this.#takeTurn();
      return { kind: 'returned', results: await this.#call(order) };
    } catch (error) {
      if (!this.#wasAborted) return endingOf(error, this.#imports.exit, this.#plan, order.phase);
      const aborted = { code: 'ERR_GUEST_ABORTED', message: ABORTED, backtrace: [] } as const;
      return { kind: 'failed', failure: { ...aborted, cause: this.#signal?.reason }, phase: order.phase };
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
      notePhases(this.#imports.recorder, this.#startMs, order.instantiatedAtMs);
      this.#leaveTurn();
    }
  }

  async #call(order: GuestCallOrder): Promise<readonly string[]> {
    this.#imports.hasRoom = roomForCalls();
    const calls = order.run();
    // Instances are made on the stack of this thread; what is called has one of its own.
    const next = (returned: unknown) => withGuestStack(this.#plan.maxWasmStackBytes, () => calls.next(returned));
    let step = next(undefined);
    while (step.done !== true) {
      const { call, args } = step.value;
      readyStack();
      step = next(await promising(call)(...args));
    }
    return step.value;
  }

  /** Only what may wait is imported so that it suspends: such a call costs more. */
  #adapt(module: string, name: string, call: ExportedFunction): ExportedFunction | WebAssembly.ImportValue {
    const isNn = module === NN_MODULE;
    if (!(isNn ? NN_WAITING_CALLS : this.#waits.calls).has(name) && !YIELDS.has(name)) return call;
    return suspending((...args) => {
      this.#requireGoingOn();
      const answered = call(...args);
      if (answered instanceof Promise) return this.#suspended(isNn ? answered : this.#timed(answered));
      return guestTurns.isOver ? this.#suspended(Promise.resolve(answered)) : answered;
    });
  }

  async #timed(answered: Promise<unknown>): Promise<unknown> {
    const startMs = nowMs();
    try {
      return await answered;
    } finally {
      this.#imports.recorder.note('wait', startMs, nowMs());
    }
  }

  /** What the guest goes on with. A promise that it is suspended by; what that rejects with is thrown into the guest. */
  async #suspended(answered: Promise<unknown>): Promise<unknown> {
    this.#leaveTurn();
    const answer = await this.#unlessAborted(
      answered.then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      ),
    );
    await this.#takeTurn();
    return answer();
  }

  async #takeTurn(): Promise<void> {
    this.#requireGoingOn();
    const turn = guestTurns.next();
    try {
      await this.#unlessAborted(turn);
    } catch (error) {
      void turn.then(() => guestTurns.end());
      throw error;
    }
    this.#hasTurn = true;
    this.#lowerFrameLimit = raiseFrameLimit(this.#plan.maxBacktraceFrames);
  }

  #leaveTurn(): void {
    if (!this.#hasTurn) return;
    this.#hasTurn = false;
    this.#lowerFrameLimit();
    guestTurns.end();
  }

  #requireGoingOn(): void {
    if (this.#signal?.aborted) throw this.#abort();
  }

  /** Rejects, when the guest is to end, with what it cannot catch. */
  #unlessAborted<Value>(awaited: Promise<Value>): Promise<Value> {
    if (this.#signal === undefined) return awaited;
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        reject(this.#abort());
      };
      const settle = (how: () => void) => {
        if (this.#wake === undefined) return;
        this.#wake = undefined;
        how();
      };
      awaited.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  #abort(): unknown {
    this.#wasAborted = true;
    this.#waits.stop();
    try {
      return this.#imports.exit.fail(new GuestTrapError('ERR_GUEST_ABORTED', ABORTED));
    } catch (trap) {
      return trap;
    }
  }
}

const NN_MODULE = 'wasi_ephemeral_nn';

/** Calls that wait for nothing, by which a guest lets others have a turn. */
const YIELDS: ReadonlySet<string> = new Set(['sched_yield']);

const ABORTED = 'the run was aborted';

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
import type { GuestOutcome, GuestPhase, GuestPlan } from './guest-plan.ts';
import { type GuestRun, notePhases } from './guest-run.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';
import { NO_USAGE } from './guest-usage.ts';
import type { ExportedFunction } from './instantiation.ts';
import { nowMs } from './run-recorder.ts';
import { promising, suspending } from './suspending-engine.ts';
import { type GuestRoom, guestRoom } from './suspending-room.ts';
import { readyStack } from './suspending-stack.ts';
import { guestTurns } from './suspending-turns.ts';
import { whenAborted } from './when-aborted.ts';

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
  /** Whom it shares a bound with on how many are under way. Default: all others of this thread. */
  room?: GuestRoom | undefined;
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
    return { ...(await run.result()), dispose: () => run.dispose() };
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
  readonly #stdio: SuspendingStdio;
  readonly #nn: NnSupport | undefined;
  readonly #options: SuspendingRunOptions;
  readonly #waits = new Waits();
  readonly #room: GuestRoom;
  /** Made when it is the guest's turn for the first time: it takes memory and descriptors. */
  #imports: GuestImports | undefined;
  #wasAborted = false;
  /** Ends the wait that is going on. */
  #wake: (() => void) | undefined;
  #hasTurn = false;
  #lowerFrameLimit: () => void = () => {};
  #leaveRoom: () => void = () => {};

  constructor(plan: GuestPlan, stdio: SuspendingStdio, nn: NnSupport | undefined, options: SuspendingRunOptions) {
    this.#plan = plan;
    this.#stdio = stdio;
    this.#nn = nn;
    this.#options = options;
    this.#room = options.room ?? guestRoom;
  }

  /** To be called when the guest has ended, and goes on nowhere. */
  dispose(): void {
    this.#waits.stop();
    this.#imports?.dispose(true);
  }

  async result(): Promise<Pick<GuestRun, 'outcome' | 'usage'>> {
    const { signal } = this.#options;
    const onAbort = () => this.#wake?.();
    const stopListening = whenAborted(signal, onAbort);
    const queuedMs = nowMs();
    try {
      if (!(await this.#begins())) return { outcome: this.#aborted({ at: 'instantiate' }), usage: NO_USAGE };
      const startMs = nowMs();
      const imports = this.#createImports();
      this.#imports = imports;
      imports.recorder.note('queue', queuedMs, startMs);
      const outcome = await this.#outcome(imports, startMs);
      // Of processor time nothing is known: guests share the thread.
      return { outcome, usage: imports.usage(undefined) };
    } finally {
      stopListening();
      this.#leaveTurn();
      this.#leaveRoom();
    }
  }

  /** Whether the guest's turn came before somebody wanted its end. */
  async #begins(): Promise<boolean> {
    try {
      const entering = this.#room.enter(this.#plan);
      const weight = await this.#unlessAborted(entering, (entered) => this.#room.leave(entered));
      this.#leaveRoom = () => this.#room.leave(weight);
      await this.#takeTurn();
      return true;
    } catch (error) {
      if (!this.#wasAborted) throw error;
      return false;
    }
  }

  #createImports(): GuestImports {
    const waits = this.#waits;
    const { onWasiFault, record } = this.#options;
    const adapt = (module: string, name: string, call: ExportedFunction) => this.#adapt(module, name, call);
    const options = { nn: this.#nn, onWasiFault, record, adapt, waits };
    return new GuestImports(this.#plan, guestStdio(this.#stdio, waits), options);
  }

  async #outcome(imports: GuestImports, startMs: number): Promise<GuestOutcome> {
    const order = new GuestCallOrder(this.#plan, imports);
    imports.hasRoom = roomForCalls();
    try {
      return { kind: 'returned', results: await this.#call(order) };
    } catch (error) {
      return this.#wasAborted ? this.#aborted(order.phase) : endingOf(error, imports.exit, this.#plan, order.phase);
    } finally {
      notePhases(imports.recorder, startMs, order.instantiatedAtMs);
    }
  }

  #aborted(phase: GuestPhase): GuestOutcome {
    const cause: unknown = this.#options.signal?.reason;
    return { kind: 'failed', failure: { code: 'ERR_GUEST_ABORTED', message: ABORTED, backtrace: [], cause }, phase };
  }

  async #call(order: GuestCallOrder): Promise<readonly string[]> {
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
      this.#imports?.recorder.note('wait', startMs, nowMs());
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
    await this.#unlessAborted(guestTurns.next(), () => guestTurns.end());
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
    if (this.#options.signal?.aborted) throw this.#abort();
  }

  /**
   * Rejects, when the guest is to end, with what it cannot catch.
   * @param giveBack told of what came too late
   */
  #unlessAborted<Value>(awaited: Promise<Value>, giveBack: (value: Value) => void = () => {}): Promise<Value> {
    const { signal } = this.#options;
    if (signal === undefined) return awaited;
    return new Promise((resolve, reject) => {
      let isOver = false;
      this.#wake = () => {
        this.#wake = undefined;
        isOver = true;
        reject(this.#abort());
      };
      if (signal.aborted) this.#wake();
      awaited.then(
        (value) => {
          if (isOver) return giveBack(value);
          this.#wake = undefined;
          resolve(value);
        },
        (error: unknown) => {
          if (isOver) return;
          this.#wake = undefined;
          reject(error);
        },
      );
    });
  }

  #abort(): unknown {
    this.#wasAborted = true;
    this.#waits.stop();
    const error = new GuestTrapError('ERR_GUEST_ABORTED', ABORTED);
    try {
      return this.#imports?.exit.fail(error) ?? error;
    } catch (trap) {
      return trap;
    }
  }
}

const NN_MODULE = 'wasi_ephemeral_nn';

/** Calls that wait for nothing, by which a guest lets others have a turn. */
const YIELDS: ReadonlySet<string> = new Set(['sched_yield']);

const ABORTED = 'the run was aborted';

/** A guest whose instance stays: its exports are called again and again, on the thread that it was made on. */
import { withWasmFrames } from './backtrace.ts';
import { GuestCallOrder } from './guest-calls.ts';
import { endingOf } from './guest-ending.ts';
import { GuestImports, type GuestStdio, type NnSupport } from './guest-imports.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import type { GuestRunOptions } from './guest-run.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';
import { exportedFunction } from './instantiation.ts';
import type { FunctionType } from './module-binary.ts';
import { nowMs } from './run-recorder.ts';
import type { GuestUsage } from './run-report.ts';
import { threadCpuMs } from './thread-time.ts';

/** What passes between a guest and its host as it is: `bigint` for i64, `number` for i32, f32 and f64. */
export type WasmValue = number | bigint;

/** What one call came to. `usage` is of all calls until then, instantiation included, but for its spans, which are its own. */
export interface LiveAnswer {
  /** Undefined where the guest has ended: see {@link LiveAnswer.ending}. */
  results: readonly WasmValue[] | undefined;
  ending: GuestOutcome | undefined;
  usage: GuestUsage;
  /** Of what made it in a thread: when that took it up, in milliseconds since the epoch. */
  beganMs?: number | undefined;
}

export class LiveGuest {
  readonly #plan: GuestPlan;
  readonly #imports: GuestImports;
  readonly #order: GuestCallOrder;
  #instance: WebAssembly.Instance | undefined;
  #cpuMs: number | undefined;
  #isDisposed = false;
  #isRunning = false;

  /**
   * @param nn undefined: the guest has no wasi-nn to import
   * @throws HostError ERR_PREOPEN for a directory that cannot be given
   */
  constructor(
    plan: GuestPlan,
    stdio: GuestStdio,
    nn: NnSupport | undefined,
    { onWasiFault, record }: GuestRunOptions = {},
  ) {
    this.#plan = plan;
    this.#imports = new GuestImports(plan, stdio, { nn, onWasiFault, record });
    this.#order = new GuestCallOrder(plan, this.#imports);
  }

  /** Makes the instance and initializes it. @throws what code of the embedder threw inside the guest */
  start(): LiveAnswer {
    const startMs = nowMs();
    return this.#entered(() => {
      const calls = this.#order.instantiate();
      let step = calls.next();
      while (step.done !== true) {
        const { call, args } = step.value;
        step = calls.next(call(...args));
      }
      this.#instance = step.value;
      this.#imports.recorder.note('instantiate', startMs, nowMs());
      return [];
    });
  }

  /**
   * Calls an export.
   * @param args of the types of its parameters
   * @throws TypeError where it has no such export, or has ended; what code of the embedder threw inside the guest
   */
  call(name: string, args: readonly WasmValue[]): LiveAnswer {
    const instance = this.#requireInstance();
    const called = exportedFunction(this.#plan.program, instance, name);
    if (called === undefined) throw new TypeError(`no export ${name}`);
    this.#order.phase = { at: 'invoke', name };
    return this.#entered(() =>
      this.#imports.recorder.time('guest', () => resultValues(called.type, called.call(...args)), { call: name }),
    );
  }

  /** Bytes of its memory; 0 where the module exports none. */
  get memoryByteLength(): number {
    return this.#imports.memory?.buffer.byteLength ?? 0;
  }

  /** A copy of a part of its memory; undefined where that leaves it. */
  read(offset: number, byteLength: number): Uint8Array<ArrayBuffer> | undefined {
    const { memory } = this.#imports;
    if (memory === undefined || offset + byteLength > memory.buffer.byteLength) return undefined;
    const copy = new Uint8Array(byteLength);
    copy.set(new Uint8Array(memory.buffer, offset, byteLength));
    return copy;
  }

  /** Copies bytes into its memory. Answers whether they fit; nothing is written where not. */
  write(offset: number, bytes: Uint8Array): boolean {
    const { memory } = this.#imports;
    if (memory === undefined || offset + bytes.byteLength > memory.buffer.byteLength) return false;
    new Uint8Array(memory.buffer, offset, bytes.byteLength).set(bytes);
    return true;
  }

  /** Closes what the guest left open and releases its graphs. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#instance = undefined;
    // Code of an embedder that a call has led to may dispose of it: the guest goes on then until it returns.
    this.#imports.dispose(!this.#isRunning);
  }

  #entered(call: () => readonly WasmValue[]): LiveAnswer {
    const { maxBacktraceFrames, maxWasmStackBytes } = this.#plan;
    const before = threadCpuMs();
    const guarded = () => withWasmFrames(maxBacktraceFrames, () => this.#outcomeOf(call));
    const { results, ending } = withGuestStack(maxWasmStackBytes, guarded);
    const after = threadCpuMs();
    if (before !== undefined && after !== undefined) this.#cpuMs = (this.#cpuMs ?? 0) + (after - before);
    const usage = this.#imports.usage(this.#cpuMs);
    this.#imports.recorder.forgetSpans();
    return { results, ending, usage };
  }

  #outcomeOf(call: () => readonly WasmValue[]): Omit<LiveAnswer, 'usage'> {
    this.#imports.hasRoom = roomForCalls();
    this.#isRunning = true;
    try {
      return { results: call(), ending: undefined };
    } catch (error) {
      // After a trap nobody knows what state the guest's data is in.
      this.#instance = undefined;
      return { results: undefined, ending: endingOf(error, this.#imports.exit, this.#plan, this.#order.phase) };
    } finally {
      this.#isRunning = false;
    }
  }

  #requireInstance(): WebAssembly.Instance {
    if (this.#instance === undefined) throw new TypeError('the guest has ended');
    return this.#instance;
  }
}

/** What JavaScript got: a value, an array of several, or undefined. */
function resultValues({ results }: FunctionType, returned: unknown): readonly WasmValue[] {
  if (results.length === 0) return [];
  return (results.length === 1 ? [returned] : returned) as WasmValue[];
}

/** A guest whose instance stays, for an embedder who calls its exports again and again. */
import type { CompiledModule } from '../engine/compile.ts';
import type { GuestOutcome } from '../engine/guest-plan.ts';
import { NO_USAGE, unknownUsage, usageSince } from '../engine/guest-usage.ts';
import type { LiveAnswer, WasmValue } from '../engine/live-guest.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage, RunMode } from '../engine/run-report.ts';
import { GuestTrapError, HostError, ModuleError, OptionError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { CapturedStreams, GuestStreams } from '../stdio/guest-streams.ts';
import { type CallOptions, callArguments } from './call-arguments.ts';
import { RunAccount, withoutSpans } from './run-account.ts';

export type { CallOptions, WasmValue };

/** What one call came to. */
export interface GuestCallResult {
  /** `bigint` for i64, `number` for i32, f32 and f64. */
  results: readonly WasmValue[];
  /** Set where the guest ended itself during the call (`proc_exit`): it cannot be called any more. */
  exitCode: number | undefined;
  /** What the guest wrote to standard output during the call, where that is captured. The caller's to keep. */
  stdout: Buffer | undefined;
  /** The same of standard error. */
  stderr: Buffer | undefined;
  /** Whether a captured stream had more than `maxCaptureBytes` in this call. */
  truncated: boolean;
  /** Of all calls until now, instantiation included. */
  usage: GuestUsage;
}

/** What an instance has of its host. */
export interface InstanceContext {
  /** What the embedder is told of what the guest used. */
  told(usage: GuestUsage): GuestUsage;
  onDisposed(): void;
}

/** Where an instance lives. Asked for one thing at a time. */
export interface InstancePlace {
  readonly mode: RunMode;
  readonly streams: GuestStreams;
  start(options: CallOptions): Promise<LiveAnswer>;
  call(name: string, args: readonly WasmValue[], options: CallOptions): Promise<LiveAnswer>;
  memoryByteLength(): Promise<number>;
  read(offset: number, byteLength: number): Promise<Uint8Array | undefined>;
  write(offset: number, bytes: Uint8Array): Promise<boolean>;
  dispose(): Promise<void>;
}

/**
 * One instance of a module, made by `Host.instantiate`. Calls queue, one after another. What the guest opens, loads and keeps
 * in its memory lives on from call to call, graphs and execution contexts of wasi-nn too, until {@link GuestInstance.dispose}.
 *
 * A trap, an exit, an abort or a timeout ends it, since nobody knows then what state its data is in: its thread and memory are
 * given back at once.
 */
export class GuestInstance {
  /** The guest's linear memory. */
  readonly memory: InstanceMemory;
  readonly #name: string;
  readonly #program: CompiledModule;
  readonly #place: InstancePlace;
  /** Of all calls until now. */
  #usage = NO_USAGE;
  /** Of whatever was asked last. */
  #last: Promise<unknown> = Promise.resolve();
  #ended: HostError | undefined;
  #isClosing = false;
  #isDisposed = false;
  readonly #context: InstanceContext;
  #disposal: Promise<void> | undefined;

  /** @internal Made by `Host.instantiate`. */
  constructor(name: string, program: CompiledModule, place: InstancePlace, context: InstanceContext) {
    this.#name = name;
    this.#program = program;
    this.#place = place;
    this.#context = context;
    this.memory = new InstanceMemory((ask) => this.#next(() => ask(place)));
  }

  /** @internal Makes the instance and calls its `_initialize`. */
  async start(options: CallOptions): Promise<void> {
    try {
      await this.#told('_initialize', () => this.#place.start(options));
    } catch (error) {
      await this.dispose();
      throw error;
    }
    if (this.#ended !== undefined) {
      await this.dispose();
      throw this.#ended;
    }
  }

  /** Names of the functions that can be called. */
  get exports(): readonly string[] {
    return this.#program.shape.exports.filter(({ kind }) => kind === 'func').map(({ name }) => name);
  }

  /**
   * Calls an export.
   *
   * @param name of the function, see {@link GuestInstance.exports}
   * @param args of its parameters' types: `number` for i32 (signed or unsigned), f32 and f64, `bigint` for i64; after them
   *   `{ timeoutMs, signal }`, which count from when the call's turn has come, and end the instance
   * @throws OptionError for arguments that do not fit; ModuleError ERR_MODULE_EXPORT where there is no such function, or one
   *   whose types cannot be passed; GuestTrapError, with what was captured: ERR_GUEST_TRAP, ERR_GUEST_EXCEPTION,
   *   ERR_GUEST_TIMEOUT, ERR_GUEST_ABORTED, ERR_GUEST_OUTPUT_LIMIT; HostError ERR_GUEST_CRASHED, ERR_GUEST_HEAP_LIMIT;
   *   ERR_RELEASED where the instance has ended before, with the reason
   */
  async call(name: string, ...args: readonly (WasmValue | CallOptions)[]): Promise<GuestCallResult> {
    const entry = this.#program.shape.exports.find((one) => one.name === name && one.kind === 'func');
    if (entry === undefined) throw new ModuleError('ERR_MODULE_EXPORT', `no func export named \`${name}\` found`);
    const { values, options } = callArguments(name, entry.type ?? { params: [], results: [] }, args);
    return this.#told(name, () => this.#place.call(name, values, options));
  }

  /**
   * Ends the guest, one that is being called too, and gives back what it holds. Further calls are ERR_RELEASED. Settles when
   * that is done.
   */
  dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#ended ??= new HostError('ERR_RELEASED', 'the instance was disposed');
    return this.#release();
  }

  /** @internal Disposes of it after the calls that were asked for before. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#last;
    await this.dispose();
  }

  /** {@link GuestInstance.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Whether it can be called no more. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  #next<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#isClosing) return Promise.reject(new HostError('ERR_RELEASED', 'the host was disposed'));
    const turn = this.#last.then(async () => {
      if (this.#ended !== undefined) throw this.#ended;
      try {
        return await action();
      } catch (error) {
        if (this.#isDisposed && this.#ended !== undefined) throw this.#ended;
        // What is not about the call itself is about the thread, or the embedder's streams: the guest is lost.
        if (!(error instanceof OptionError)) this.#end(error instanceof Error ? error.message : String(error), error);
        throw error;
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Calls, when its turn has come, and tells those who listen. */
  async #told(call: string, ask: () => Promise<LiveAnswer>): Promise<GuestCallResult> {
    const { streams, mode } = this.#place;
    const account = new RunAccount({ module: this.#name, call });
    account.mode = mode;
    let outputBytes = 0;
    try {
      const result = await this.#next(async () => {
        const queueMs = account.noteQueue();
        const before = streams.outputBytes;
        const askedMs = nowMs();
        const known = await ask().catch((error: unknown) => this.#lostAnswer(error));
        const answer = { ...known, usage: this.#context.told(known.usage) };
        account.noteStart(askedMs, answer.beganMs);
        outputBytes = streams.outputBytes - before;
        const usage = usageSince(this.#usage, answer.usage);
        account.end(answer.ending ?? { kind: 'returned', results: [] }, usage, queueMs, mode);
        this.#usage = withoutSpans(answer.usage);
        return this.#resultOf(answer);
      });
      account.publish(outputBytes);
      return result;
    } catch (error) {
      account.publish(outputBytes, error);
      throw error;
    }
  }

  /** A thread that died took no part of what the guest wrote before. @throws what is of no guest */
  #lostAnswer(error: unknown): LiveAnswer {
    if (!(error instanceof HostError)) throw error;
    const { code, message, cause } = error;
    if (code !== 'ERR_GUEST_CRASHED' && code !== 'ERR_GUEST_HEAP_LIMIT') throw error;
    const failure = { code, message, cause, backtrace: [] };
    const usage = unknownUsage();
    return { results: undefined, ending: { kind: 'failed', failure, phase: { at: 'invoke' } }, usage };
  }

  #resultOf({ results, ending }: LiveAnswer): GuestCallResult {
    const output = this.#place.streams.takeCaptured();
    const usage = this.#usage;
    if (ending === undefined) return { results: results ?? [], exitCode: undefined, ...output, usage };
    if (ending.kind === 'exited') {
      this.#end(`it exited with code ${ending.exitCode}`);
      return { results: [], exitCode: ending.exitCode, ...output, usage };
    }
    throw this.#failed(ending, output);
  }

  #failed(ending: GuestOutcome, { stdout, stderr }: CapturedStreams): HostError {
    if (ending.kind !== 'failed') throw new TypeError(`no failure: ${ending.kind}`);
    const { code, message, backtrace, cause } = ending.failure;
    const error = code.startsWith('ERR_MODULE_')
      ? new ModuleError(code, message)
      : new GuestTrapError(code, message, { backtrace, cause, stdout, stderr });
    this.#end(message, error);
    return error;
  }

  #end(reason: string, cause?: unknown): void {
    this.#ended ??= new HostError('ERR_RELEASED', `the instance has ended: ${reason}`, { cause });
    // Nobody need dispose of it. What cannot be given back is told who does.
    this.#release().catch(() => {});
  }

  #release(): Promise<void> {
    this.#disposal ??= this.#place.dispose().finally(() => this.#context.onDisposed());
    return this.#disposal;
  }
}

/** The linear memory of an instance, by copies: it may grow, and lies in another thread. */
export class InstanceMemory {
  readonly #ask: <Result>(ask: (place: InstancePlace) => Promise<Result>) => Promise<Result>;

  /** @internal */
  constructor(ask: <Result>(ask: (place: InstancePlace) => Promise<Result>) => Promise<Result>) {
    this.#ask = ask;
  }

  /**
   * Its size now, in bytes; 0 where the module has none that is visible.
   * @throws HostError ERR_RELEASED
   */
  byteLength(): Promise<number> {
    return this.#ask((place) => place.memoryByteLength());
  }

  /**
   * Bytes of the memory, after the calls that were made before. They are a copy, which is the caller's.
   * @param offset of the first, in bytes from the beginning of the memory
   * @param byteLength how many
   * @throws OptionError where the range leaves the memory; HostError ERR_RELEASED
   */
  async read(offset: number, byteLength: number): Promise<Uint8Array> {
    checkRange(offset, byteLength);
    return this.#ask(async (place) => {
      const bytes = await place.read(offset, byteLength);
      if (bytes === undefined) throw await outside(place, offset, byteLength);
      return bytes;
    });
  }

  /**
   * Copies bytes into the memory, after the calls that were made before.
   * @param offset where the first goes, in bytes from the beginning of the memory
   * @param bytes must not change before the promise is settled
   * @throws OptionError where the range leaves the memory, and nothing is written; HostError ERR_RELEASED
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (!(bytes instanceof Uint8Array)) throw invalidOption('bytes', 'a Uint8Array', bytes);
    checkRange(offset, bytes.byteLength);
    return this.#ask(async (place) => {
      if (!(await place.write(offset, bytes))) throw await outside(place, offset, bytes.byteLength);
    });
  }
}

function checkRange(offset: number, byteLength: number): void {
  for (const [name, value] of Object.entries({ offset, byteLength })) {
    if (!Number.isSafeInteger(value) || value < 0) throw invalidOption(name, 'a whole number of bytes', value);
  }
}

async function outside(place: InstancePlace, offset: number, byteLength: number): Promise<HostError> {
  const most = await place.memoryByteLength();
  return invalidOption('offset', `${byteLength} bytes within the memory of ${most}`, offset);
}

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, GuestTrapError, HostError, ModuleError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { InputSource, OutputSink } from '../wasi/index.ts';
import { type CompiledModule, compileModule, type ModuleSource, readModuleFile, readModuleSource } from './compile.ts';
import { DEFAULT_BACKTRACE_FRAMES, type GuestFailure, type GuestOutcome, type GuestPlan } from './guest-plan.ts';
import { type NnSupport, runGuest } from './guest-run.ts';
import {
  checkHostOptions,
  checkRunOptions,
  DEFAULT_CAPTURE_BYTES,
  type HostOptions,
  type HostRunOptions,
  type HostSink,
  toPreopen,
} from './host-options.ts';
import type { ModuleLimits } from './module-rewrite.ts';
import { createNnSupport, type NnPlan, type OwnedNnSupport } from './nn-support.ts';

/** What came of one run. */
export interface HostRunResult {
  /** What the guest gave to `proc_exit`, as it gave it; 0 when it returned. */
  exitCode: number;
  /** Where it was to be captured. */
  stdout?: Buffer;
  stderr?: Buffer;
  /** Whether a captured stream had more than `maxCaptureBytes`. */
  truncated: boolean;
  /** What the function that was invoked returned, as text. */
  results: readonly string[];
}

/** A module that was read and found valid. It may be run any number of times, with other limits too. */
export class GuestModule {
  readonly #source: ModuleSource;
  readonly #compiled = new Map<string, CompiledModule>();

  /** @internal Made by {@link Host.compile}. */
  constructor(source: ModuleSource) {
    this.#source = source;
    this.compiledFor({});
  }

  /** The path that it was read from, or the name that it was given. */
  get name(): string {
    return this.#source.name;
  }

  /** @internal Compiled once for each pair of limits. @throws ModuleError ERR_MODULE_COMPILE, ERR_MODULE_LIMIT */
  compiledFor(limits: ModuleLimits): CompiledModule {
    const key = `${limits.maxMemoryBytes},${limits.maxTableElements}`;
    const compiled = this.#compiled.get(key) ?? compileModule(this.#source, limits);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

/**
 * Runs WebAssembly guests (wasm32-wasip1) that may use wasi-nn.
 *
 * One host keeps one inference backend, opened when a guest first needs it, and its named graphs.
 */
export class Host {
  readonly #options: HostOptions;
  #nn: OwnedNnSupport | undefined;
  #isDisposed = false;

  /** @throws OptionError */
  constructor(options: HostOptions = {}) {
    checkHostOptions(options);
    this.#options = { ...options };
  }

  /**
   * Reads and compiles a module, binary or text.
   * @param source the path or `file:` URL of a file, or its bytes, which are copied
   * @param options.name for messages and argv[0]; default: the path, or `module`
   * @throws ModuleError ERR_MODULE_NOT_FOUND, ERR_MODULE_COMPILE; OptionError
   */
  async compile(source: string | URL | Uint8Array, options: { name?: string } = {}): Promise<GuestModule> {
    if (source instanceof Uint8Array) {
      return new GuestModule(await readModuleSource(options.name ?? 'module', source.slice()));
    }
    if (typeof source !== 'string' && !(source instanceof URL)) {
      throw invalidOption('source', 'a path, a file: URL or bytes', source);
    }
    const path = source instanceof URL ? fileURLToPath(source) : source;
    return new GuestModule(await readModuleSource(options.name ?? path, readModuleFile(path)));
  }

  /**
   * Runs a module once, from instantiation to its end. Without `timeoutMs` the calling thread does nothing else meanwhile.
   *
   * @throws ModuleError ERR_MODULE_LINK, ERR_MODULE_LIMIT, ERR_MODULE_EXPORT; GuestTrapError ERR_GUEST_TRAP,
   *   ERR_GUEST_EXCEPTION, ERR_GUEST_TIMEOUT; HostError ERR_PREOPEN; BackendError for a named graph that cannot be
   *   compiled; OptionError; what a function given for `stdout` or `stderr` threw, once the guest has ended
   */
  async run(module: GuestModule, options: HostRunOptions = {}): Promise<HostRunResult> {
    if (this.#isDisposed) throw new HostError('ERR_RELEASED', 'this host was disposed');
    if (!(module instanceof GuestModule)) throw invalidOption('module', 'what compile() gave', module);
    checkRunOptions(options);
    const plan = guestPlan(module, options);
    const streams = new Streams(options);
    const outcome =
      options.timeoutMs === undefined
        ? this.#runHere(plan, options, streams)
        : await this.#runWatched(plan, options, streams, options.timeoutMs);
    return resultOf(outcome, streams);
  }

  /** Releases the named graphs. Runs that go on keep what they have. */
  dispose(): void {
    this.#isDisposed = true;
    this.#nn?.dispose();
    this.#nn = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #runHere(plan: GuestPlan, options: HostRunOptions, streams: Streams): GuestOutcome {
    const sinks = { stdout: streams.stdout.sink, stderr: streams.stderr.sink };
    const { outcome, dispose } = runGuest(
      plan,
      { stdin: inputSource(options.stdin), ...sinks },
      this.#support(options),
    );
    dispose();
    return outcome;
  }

  #support({ wasiNn = true }: HostRunOptions): NnSupport | undefined {
    if (!wasiNn) return undefined;
    this.#nn ??= createNnSupport(this.#nnPlan(), this.#options.onRefused);
    return this.#nn;
  }

  #nnPlan(): NnPlan {
    const { onRefused: _, ...plan } = this.#options;
    return plan;
  }

  async #runWatched(
    plan: GuestPlan,
    { stdin, wasiNn = true }: HostRunOptions,
    { stdout, stderr }: Streams,
    timeoutMs: number,
  ): Promise<GuestOutcome> {
    if (plan.preopens.some(({ kind }) => kind === 'shim')) {
      throw invalidOption('preopens', 'directories of the host together with timeoutMs', 'a directory in memory');
    }
    const { onRefused } = this.#options;
    const { runInWorker } = await import('./worker-run.ts');
    const run = runInWorker(
      {
        plan,
        nn: wasiNn ? this.#nnPlan() : undefined,
        postRefusals: onRefused !== undefined,
        stdio: { stdin: inputSource(stdin), stdout: stdout.posted, stderr: stderr.posted },
      },
      {
        timeoutMs,
        onRefused,
        onOutput: (stream, bytes) => (stream === 'stdout' ? stdout : stderr).take(bytes),
      },
    );
    try {
      return await run.outcome;
    } finally {
      await run.terminate();
    }
  }
}

function guestPlan(module: GuestModule, options: HostRunOptions): GuestPlan {
  const { invoke, maxMemoryBytes, maxTableElements } = options;
  const limits = { maxMemoryBytes, maxTableElements };
  return {
    program: module.compiledFor(limits),
    preloads: [],
    args: [options.argv0 ?? basename(module.name), ...(options.args ?? [])],
    env: Object.entries(options.env ?? {}),
    preopens: (options.preopens ?? []).map(toPreopen),
    wasi: { preview1: true, unstable: true },
    invoke: invoke && { name: invoke.name, args: invoke.args ?? [] },
    limits,
    unknownImports: 'refuse',
    maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
  };
}

function inputSource(stdin: HostRunOptions['stdin'] = 'null'): Exclude<InputSource, { kind: 'shim' }> {
  if (stdin === 'null') return { kind: 'null' };
  if (stdin === 'inherit') return { kind: 'fd', fd: 0 };
  return { kind: 'bytes', bytes: stdin instanceof Uint8Array ? stdin : new TextEncoder().encode(stdin.text) };
}

/** Where one stream of a guest goes, and what was captured of it. */
class Stream {
  readonly #fd: number;
  readonly #to: HostSink;
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;
  truncated = false;
  /** What the embedder's function threw; it gets nothing after. */
  failure: { error: unknown } | undefined;

  constructor(fd: number, to: HostSink = 'capture', maxBytes: number = DEFAULT_CAPTURE_BYTES) {
    this.#fd = fd;
    this.#to = to;
    this.#maxBytes = maxBytes;
  }

  get sink(): OutputSink {
    const { posted } = this;
    return posted.kind === 'post' ? { kind: 'write', write: (bytes) => this.#takeHere(bytes) } : posted;
  }

  /** As a worker thread has it: what it cannot do itself is sent back. */
  get posted(): { kind: 'null' } | { kind: 'fd'; fd: number } | { kind: 'post' } {
    if (this.#to === 'null') return { kind: 'null' };
    return this.#to === 'inherit' ? { kind: 'fd', fd: this.#fd } : { kind: 'post' };
  }

  /** @throws what the embedder's function threw, which makes the guest's write fail */
  #takeHere(bytes: Uint8Array): void {
    this.take(bytes);
    if (this.failure !== undefined) throw this.failure.error;
  }

  take(bytes: Uint8Array): void {
    if (typeof this.#to === 'function') {
      this.#give(this.#to, bytes);
      return;
    }
    const kept = bytes.subarray(0, this.#maxBytes - this.#byteLength);
    if (kept.byteLength < bytes.byteLength) this.truncated = true;
    if (kept.byteLength === 0) return;
    this.#chunks.push(kept);
    this.#byteLength += kept.byteLength;
  }

  #give(to: (bytes: Uint8Array) => void, bytes: Uint8Array): void {
    if (this.failure !== undefined) return;
    try {
      to(bytes);
    } catch (error) {
      this.failure = { error };
    }
  }

  get captured(): Buffer | undefined {
    return this.#to === 'capture' ? Buffer.concat(this.#chunks) : undefined;
  }
}

class Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;

  constructor({ stdout, stderr, maxCaptureBytes }: HostRunOptions) {
    this.stdout = new Stream(1, stdout, maxCaptureBytes);
    this.stderr = new Stream(2, stderr, maxCaptureBytes);
  }
}

function resultOf(outcome: GuestOutcome, { stdout, stderr }: Streams): HostRunResult {
  const thrown = stdout.failure ?? stderr.failure;
  if (thrown !== undefined) throw thrown.error;
  const captured = {
    ...(stdout.captured && { stdout: stdout.captured }),
    ...(stderr.captured && { stderr: stderr.captured }),
  };
  if (outcome.kind === 'failed') throw failureError(outcome.failure, captured);
  return {
    exitCode: outcome.kind === 'exited' ? outcome.exitCode : 0,
    ...captured,
    truncated: stdout.truncated || stderr.truncated,
    results: outcome.kind === 'returned' ? outcome.results : [],
  };
}

const OF_THE_GUEST: readonly ErrorCode[] = ['ERR_GUEST_TRAP', 'ERR_GUEST_EXCEPTION', 'ERR_GUEST_TIMEOUT'];

function failureError(failure: GuestFailure, captured: { stdout?: Buffer; stderr?: Buffer }): HostError {
  const { code, message, backtrace } = failure;
  if (!OF_THE_GUEST.includes(code)) return new ModuleError(code, message);
  return new GuestTrapError(code, message, { backtrace, ...captured });
}

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CompiledModule,
  compileModule,
  type ModuleSource,
  readModuleFile,
  readModuleSource,
} from '../engine/compile.ts';
import {
  DEFAULT_BACKTRACE_FRAMES,
  type GuestFailure,
  type GuestOutcome,
  type GuestPlan,
} from '../engine/guest-plan.ts';
import { type NnSupport, runGuest } from '../engine/guest-run.ts';
import type { ModuleLimits } from '../engine/module-rewrite.ts';
import { createNnSupport, type NnPlan, type OwnedNnSupport } from '../engine/nn-support.ts';
import { type ErrorCode, GuestTrapError, HostError, ModuleError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import { GuestStreams } from '../stdio/guest-streams.ts';
import type { HostOptions, HostRunOptions } from './host-options.ts';
import { checkHostOptions, checkRunOptions, toPreopen } from './option-checks.ts';

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
    if (typeof source !== 'string' && !(source instanceof URL && source.protocol === 'file:')) {
      throw invalidOption('source', 'a path, a file: URL or bytes', source);
    }
    const path = source instanceof URL ? fileURLToPath(source) : source;
    return new GuestModule(await readModuleSource(options.name ?? path, readModuleFile(path)));
  }

  /**
   * Runs a module once, from instantiation to its end. The calling thread does nothing else meanwhile, unless the guest
   * has a thread of its own: with `timeoutMs`, `signal`, or a stream for one of its standard streams. Trees in memory and
   * other `Fd`s are called on the calling thread in any case.
   *
   * @throws ModuleError ERR_MODULE_LINK, ERR_MODULE_LIMIT, ERR_MODULE_EXPORT; GuestTrapError ERR_GUEST_TRAP,
   *   ERR_GUEST_EXCEPTION, ERR_GUEST_TIMEOUT, ERR_GUEST_ABORTED; HostError ERR_PREOPEN, ERR_STDIO; BackendError for a named
   *   graph that cannot be compiled; OptionError; what a function given for `stdout` or `stderr` threw, once the guest has
   *   ended
   */
  async run(module: GuestModule, options: HostRunOptions = {}): Promise<HostRunResult> {
    if (this.#isDisposed) throw new HostError('ERR_RELEASED', 'this host was disposed');
    if (!(module instanceof GuestModule)) throw invalidOption('module', 'what compile() gave', module);
    checkRunOptions(options);
    const { signal, timeoutMs } = options;
    if (signal?.aborted) throw new GuestTrapError('ERR_GUEST_ABORTED', 'the run was aborted', { cause: signal.reason });
    const plan = guestPlan(module, options);
    const streams = await GuestStreams.open(options);
    try {
      const isWatched = timeoutMs !== undefined || signal !== undefined || streams.needThread;
      const outcome = isWatched
        ? await this.#runWatched(plan, options, streams)
        : await this.#runHere(plan, options, streams);
      return resultOf(outcome, streams);
    } finally {
      await streams.release();
    }
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

  async #runHere(plan: GuestPlan, options: HostRunOptions, streams: GuestStreams): Promise<GuestOutcome> {
    const { stdin, stdout, stderr } = streams;
    if (stdin.kind === 'stream') throw new TypeError('this thread cannot wait for a stream');
    const stdio = { stdin, stdout: stdout.sink, stderr: stderr.sink };
    const { outcome, dispose } = runGuest(plan, stdio, this.#support(options));
    dispose();
    await streams.flush();
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
    { wasiNn = true, timeoutMs, signal }: HostRunOptions,
    streams: GuestStreams,
  ): Promise<GuestOutcome> {
    const { onRefused } = this.#options;
    const { runInWorker } = await import('../worker/worker-run.ts');
    const { stdin, stdout, stderr } = streams;
    const run = runInWorker(
      {
        plan,
        nn: wasiNn ? this.#nnPlan() : undefined,
        postRefusals: onRefused !== undefined,
        stdio: { stdin, stdout: stdout.sink, stderr: stderr.sink },
      },
      { timeoutMs, signal, onRefused, onEnd: () => streams.flush() },
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
    maxMemoryFileBytes: options.maxMemoryFileBytes,
    unknownImports: 'refuse',
    maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
  };
}

function resultOf(outcome: GuestOutcome, streams: GuestStreams): HostRunResult {
  const { failure, stdout, stderr } = streams;
  if (failure !== undefined) throw failure.error;
  // Each look puts all its chunks together.
  const { captured: out } = stdout;
  const { captured: err } = stderr;
  const captured = { ...(out && { stdout: out }), ...(err && { stderr: err }) };
  if (outcome.kind === 'failed') throw failureError(outcome.failure, captured);
  return {
    exitCode: outcome.kind === 'exited' ? outcome.exitCode : 0,
    ...captured,
    truncated: (stdout.truncated || stderr.truncated) ?? false,
    results: outcome.kind === 'returned' ? outcome.results : [],
  };
}

const OF_THE_GUEST: readonly ErrorCode[] = [
  'ERR_GUEST_TRAP',
  'ERR_GUEST_EXCEPTION',
  'ERR_GUEST_TIMEOUT',
  'ERR_GUEST_ABORTED',
];

function failureError(failure: GuestFailure, captured: { stdout?: Buffer; stderr?: Buffer }): HostError {
  const { code, message, backtrace, cause } = failure;
  if (!OF_THE_GUEST.includes(code)) return new ModuleError(code, message);
  return new GuestTrapError(code, message, { backtrace, cause, ...captured });
}

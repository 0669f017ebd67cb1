/** One run for an embedder: what it asked for, where that runs, and what came of it. */
import { basename } from 'node:path';
import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../engine/guest-plan.ts';
import { runGuest } from '../engine/guest-run.ts';
import type { RunMode } from '../engine/run-report.ts';
import { GuestTrapError, HostError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { GuestReport, Isolation, RunWatch } from '../pool/contract.ts';
import { GuestStreams } from '../stdio/guest-streams.ts';
import { GuestModule } from './guest-module.ts';
import type { GraphLease } from './host-graphs.ts';
import type { HostInference } from './host-inference.ts';
import type { HostRunOptions, RunLimits } from './host-options.ts';
import { checkRunOptions, toPreopen } from './option-checks.ts';
import { NO_USAGE, RunAccount } from './run-report.ts';
import { capturedOf, type HostRunResult, resultOf } from './run-result.ts';
import type { LazyWorkers } from './workers.ts';

/** What a run is done with: a host's own, or a pool's. */
export interface RunContext {
  inference: HostInference;
  onRefused: RunWatch['onRefused'];
  /** Limits of runs that have none of their own. */
  defaults: RunLimits;
  /** Of the workers for a run that needs one and says no more. */
  isolation: Isolation;
  /** Whether a guest may have the calling thread. */
  mayUseCallingThread: boolean;
  workers(isolation: Isolation): LazyWorkers;
}

/** @throws as `Host.run` */
export async function runOnHost(
  context: RunContext,
  module: GuestModule,
  given: HostRunOptions,
): Promise<HostRunResult> {
  if (!(module instanceof GuestModule)) throw invalidOption('module', 'what compile() gave', module);
  checkRunOptions(given);
  const options = withDefaults(given, context.defaults);
  throwIfAborted(options.signal);
  const lease = context.inference.graphs.lease(options.graphs ?? []);
  const account = new RunAccount(module.name, options.tenant ?? '');
  let streams: GuestStreams | undefined;
  try {
    streams = await GuestStreams.open(options);
    const result = await new HostRun(context, module, options, lease, streams, account).result();
    account.publish(streams.outputBytes);
    return result;
  } catch (error) {
    account.publish(streams?.outputBytes ?? 0, error);
    throw error;
  } finally {
    lease.release();
    await streams?.release();
  }
}

function withDefaults(options: HostRunOptions, defaults: RunLimits): HostRunOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new GuestTrapError('ERR_GUEST_ABORTED', 'the run was aborted', { cause: signal.reason });
}

class HostRun {
  readonly #context: RunContext;
  readonly #module: GuestModule;
  readonly #options: HostRunOptions;
  readonly #lease: GraphLease;
  readonly #streams: GuestStreams;
  readonly #account: RunAccount;

  constructor(
    context: RunContext,
    module: GuestModule,
    options: HostRunOptions,
    lease: GraphLease,
    streams: GuestStreams,
    account: RunAccount,
  ) {
    this.#context = context;
    this.#module = module;
    this.#options = options;
    this.#lease = lease;
    this.#streams = streams;
    this.#account = account;
  }

  async result(): Promise<HostRunResult> {
    const mode = this.#mode();
    this.#account.mode = mode;
    const plan = await this.#plan();
    const { outcome, usage, queueMs } = await this.#report(mode, plan);
    return resultOf(outcome, this.#streams, this.#account.end(outcome, usage, queueMs, mode));
  }

  #report(mode: RunMode, plan: GuestPlan): Promise<GuestReport> {
    if (mode === 'calling-thread') return this.#runHere(plan);
    return this.#runInWorker(mode === 'process' ? 'process' : 'thread', plan);
  }

  /** @throws OptionError for a mode that cannot do what was asked */
  #mode(): RunMode {
    const { mode = 'auto', timeoutMs, signal } = this.#options;
    const { isolation, mayUseCallingThread } = this.#context;
    const isWatched = timeoutMs !== undefined || signal !== undefined;
    if (mode === 'suspending') throw invalidOption('mode', 'one that this Node has: it cannot suspend guests', mode);
    if (mode === 'calling-thread') {
      if (isWatched) throw invalidOption('mode', 'auto, thread or process with timeoutMs or signal', mode);
      if (this.#streams.needThread) throw invalidOption('mode', 'auto, thread or process with a stream', mode);
      return mode;
    }
    if (mode !== 'auto') return mode;
    if (isolation === 'process' || !mayUseCallingThread || isWatched || this.#streams.needThread) return isolation;
    return this.#usesInference && !this.#context.inference.isSafeInWorkers ? 'calling-thread' : isolation;
  }

  get #usesInference(): boolean {
    return this.#options.wasiNn !== false && this.#module.usesWasiNn;
  }

  async #plan(): Promise<GuestPlan> {
    const { invoke, maxMemoryBytes, maxTableElements, ...options } = this.#options;
    const limits = { maxMemoryBytes, maxTableElements };
    const program = await this.#module.compiledFor(limits, (startMs) => this.#account.note('compile', startMs));
    return {
      program,
      preloads: [],
      args: [options.argv0 ?? basename(this.#module.name), ...(options.args ?? [])],
      env: Object.entries(options.env ?? {}),
      preopens: (options.preopens ?? []).map(toPreopen),
      wasi: { preview1: true, unstable: true },
      invoke: invoke && { name: invoke.name, args: invoke.args ?? [] },
      limits,
      maxMemoryFileBytes: options.maxMemoryFileBytes,
      maxOutputBytes: options.maxOutputBytes,
      unknownImports: 'refuse',
      maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
    };
  }

  async #runHere(plan: GuestPlan): Promise<GuestReport> {
    const { stdin, stdout, stderr } = this.#streams;
    if (stdin.kind === 'stream') throw new TypeError('this thread cannot wait for a stream');
    const stdio = { stdin, stdout: stdout.sink, stderr: stderr.sink };
    const support = this.#options.wasiNn === false ? undefined : this.#context.inference.support(this.#lease);
    const { outcome, dispose } = runGuest(plan, stdio, support);
    dispose();
    await this.#streams.flush();
    return { outcome, usage: NO_USAGE, queueMs: 0 };
  }

  async #runInWorker(isolation: Isolation, plan: GuestPlan): Promise<GuestReport> {
    const { stdin, stdout, stderr } = this.#streams;
    const { timeoutMs, signal, tenant, priority, wasiNn } = this.#options;
    const { inference, onRefused } = this.#context;
    const workers = this.#context.workers(isolation);
    throwIfAborted(signal);
    try {
      return await workers.run(
        {
          plan,
          nn: wasiNn === false ? undefined : inference.plan(this.#lease),
          postRefusals: onRefused !== undefined,
          stdio: { stdin, stdout: stdout.sink, stderr: stderr.sink },
        },
        { timeoutMs, signal, tenant, priority, onRefused, onEnd: () => this.#streams.flush() },
      );
    } catch (error) {
      throw this.#withOutput(error, isolation);
    }
  }

  /** A worker that died took no part of what the guest wrote before. */
  #withOutput(error: unknown, mode: RunMode): unknown {
    if (!(error instanceof HostError && error.code === 'ERR_GUEST_CRASHED')) return error;
    const failure = { code: 'ERR_GUEST_CRASHED', message: error.message, backtrace: [] } as const;
    const usage = this.#account.end({ kind: 'failed', failure, phase: { at: 'invoke' } }, NO_USAGE, 0, mode);
    return new GuestTrapError(error.code, error.message, { cause: error.cause, ...capturedOf(this.#streams), usage });
  }
}

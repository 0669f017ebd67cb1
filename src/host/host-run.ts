/** One run for an embedder: what it asked for, where that runs, and what came of it. */
import type { GuestPlan } from '../engine/guest-plan.ts';
import { type GuestRun, type NnSupport, runGuest } from '../engine/guest-run.ts';
import { unknownUsage } from '../engine/guest-usage.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { RunMode } from '../engine/run-report.ts';
import { canSuspend, runGuestSuspending } from '../engine/suspending-run.ts';
import { GuestTrapError, HostError, type OptionError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { GuestReport, Isolation, RunWatch } from '../pool/contract.ts';
import type { WorkerPool } from '../pool/worker-pool.ts';
import { GuestStreams } from '../stdio/guest-streams.ts';
import { levelOfSubscribers } from '../telemetry/channels.ts';
import { GuestModule } from './guest-module.ts';
import { guestPlanOf } from './guest-plan-of.ts';
import type { GraphLease } from './host-graphs.ts';
import type { HostInference } from './host-inference.ts';
import type { HostRunOptions, RunLimits } from './host-options.ts';
import { checkRunOptions } from './option-checks.ts';
import { RunAccount } from './run-account.ts';
import { type HostRunResult, resultOf } from './run-result.ts';

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
  workers(isolation: Isolation): WorkerPool;
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
  const account = new RunAccount({ module: module.name, tenant: options.tenant, timeline: options.timeline });
  let streams: GuestStreams | undefined;
  let run: HostRun | undefined;
  try {
    streams = await GuestStreams.open(options);
    run = new HostRun(context, module, options, lease, streams, account);
    const result = await run.result();
    account.publish(streams.outputBytes);
    return result;
  } catch (error) {
    account.publish(streams?.outputBytes ?? 0, error);
    throw error;
  } finally {
    lease.release();
    await streams?.release(run?.gone);
  }
}

function withDefaults(options: HostRunOptions, defaults: RunLimits): HostRunOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new GuestTrapError('ERR_GUEST_ABORTED', 'the run was aborted', { cause: signal.reason });
}

function cannotEnd(limit: string, mode: RunMode): OptionError {
  return invalidOption('mode', `auto, thread or process with ${limit}`, mode);
}

class HostRun {
  readonly #context: RunContext;
  readonly #module: GuestModule;
  readonly #options: HostRunOptions;
  readonly #lease: GraphLease;
  readonly #streams: GuestStreams;
  readonly #account: RunAccount;
  /** Of a guest that was left behind: settles when it is gone. */
  gone: Promise<void> | undefined;

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
    const told = this.#context.inference.told(usage);
    return resultOf(outcome, this.#streams, this.#account.end(outcome, told, queueMs, mode));
  }

  #report(mode: RunMode, plan: GuestPlan): Promise<GuestReport> {
    if (mode === 'calling-thread') return this.#runHere(plan);
    if (mode === 'suspending') return this.#runSuspending(plan);
    return this.#runInWorker(mode === 'process' ? 'process' : 'thread', plan);
  }

  /** @throws OptionError for a mode that cannot do what was asked */
  #mode(): RunMode {
    const { mode = 'auto' } = this.#options;
    if (mode === 'auto') return this.#autoMode();
    if (mode === 'suspending') {
      if (!canSuspend()) throw invalidOption('mode', 'one that this Node has: it cannot suspend guests', mode);
      if (this.#options.timeoutMs !== undefined) throw cannotEnd('timeoutMs', mode);
    }
    if (mode === 'calling-thread') {
      if (this.#options.timeoutMs !== undefined || this.#options.signal !== undefined) {
        throw cannotEnd('timeoutMs or signal', mode);
      }
      if (this.#streams.needThread)
        throw invalidOption('mode', 'auto, suspending, thread or process with a stream', mode);
    }
    return mode;
  }

  #autoMode(): RunMode {
    const { timeoutMs, signal } = this.#options;
    const { isolation, mayUseCallingThread } = this.#context;
    const mustEnd = timeoutMs !== undefined || signal !== undefined;
    if (isolation === 'process' || !mayUseCallingThread || mustEnd) return isolation;
    // V8 ends the process when the heap of this thread is full; one of ours is ended before.
    if (this.#module.makesObjects && this.#context.inference.isSafeInWorkers) return isolation;
    if (canSuspend()) return 'suspending';
    if (this.#streams.needThread) return isolation;
    const usesInference = this.#options.wasiNn !== false && this.#module.usesWasiNn;
    return usesInference && !this.#context.inference.isSafeInWorkers ? 'calling-thread' : isolation;
  }

  async #plan(): Promise<GuestPlan> {
    const { timeline, maxMemoryBytes, maxTableElements } = this.#options;
    const limits = { maxMemoryBytes, maxTableElements };
    const program = await this.#module.compiledFor(limits, (startMs) => this.#account.note('compile', startMs));
    const record = timeline ? 'timeline' : levelOfSubscribers();
    return { ...guestPlanOf(program, this.#module.name, this.#options), record };
  }

  get #support(): NnSupport | undefined {
    return this.#options.wasiNn === false ? undefined : this.#context.inference.support(this.#lease);
  }

  async #runHere(plan: GuestPlan): Promise<GuestReport> {
    const { stdin, stdout, stderr } = this.#streams;
    if (stdin.kind === 'stream') throw new TypeError('this thread cannot wait for a stream');
    return await this.#finish(runGuest(plan, { stdin, stdout: stdout.sink, stderr: stderr.sink }, this.#support));
  }

  async #runSuspending(plan: GuestPlan): Promise<GuestReport> {
    const { stdin, stdout, stderr } = this.#streams;
    const stdio = { stdin, stdout: stdout.sink, stderr: stderr.sink };
    const { signal } = this.#options;
    return await this.#finish(await runGuestSuspending(plan, stdio, this.#support, { signal }));
  }

  async #finish({ outcome, usage, dispose }: GuestRun): Promise<GuestReport> {
    dispose();
    await this.#streams.flush();
    return { outcome, usage, queueMs: usage.phases.queue?.wallMs ?? 0 };
  }

  async #runInWorker(isolation: Isolation, plan: GuestPlan): Promise<GuestReport> {
    const { stdin, stdout, stderr } = this.#streams;
    const { timeoutMs, maxQueueMs, signal, tenant, priority, wasiNn } = this.#options;
    const { inference, onRefused } = this.#context;
    const workers = this.#context.workers(isolation);
    throwIfAborted(signal);
    const startMs = nowMs();
    try {
      const report = await workers.run(
        {
          plan,
          nn: wasiNn === false ? undefined : inference.plan(this.#lease),
          postRefusals: onRefused !== undefined,
          stdio: { stdin, stdout: stdout.sink, stderr: stderr.sink },
        },
        {
          ...{ timeoutMs, maxQueueMs, signal, tenant, priority, onRefused },
          onEnd: () => this.#streams.flush(),
          onLeftBehind: (gone) => {
            this.gone = gone;
          },
        },
      );
      this.#account.note('queue', startMs, startMs + report.queueMs);
      this.#account.noteStart(startMs + report.queueMs, report.beganMs);
      return report;
    } catch (error) {
      throw this.#withOutput(error, isolation);
    }
  }

  /** A worker that died took no part of what the guest wrote before. */
  #withOutput(error: unknown, mode: RunMode): unknown {
    if (!(error instanceof HostError)) return error;
    const { code, message } = error;
    if (code !== 'ERR_GUEST_CRASHED' && code !== 'ERR_GUEST_HEAP_LIMIT') return error;
    const failure = { code, message, backtrace: [] };
    const usage = this.#account.end({ kind: 'failed', failure, phase: { at: 'invoke' } }, unknownUsage(), 0, mode);
    const { stdout, stderr } = this.#streams.captured;
    return new GuestTrapError(code, message, { cause: error.cause, stdout, stderr, usage });
  }
}

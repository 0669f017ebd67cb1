/** The account of one run, or of one call of an instance: for its result, for its error, and for whoever listens. */
import type { GuestOutcome } from '../engine/guest-plan.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage, RunMode, RunReport, RunSpan, RunUsage, SpanName } from '../engine/run-report.ts';
import { HostError, printable } from '../errors.ts';
import { publishRun, publishRunStart } from '../telemetry/channels.ts';

let lastId = 0;

/** Of which run an account is. */
export interface RunAccountOptions {
  module: string;
  tenant?: string | undefined;
  /** Of an instance that stays: the export that is called. */
  call?: string | undefined;
  /** Whether its caller is given the spans, too: those who listen are in any case. Default: false. */
  timeline?: boolean | undefined;
}

export class RunAccount {
  readonly #id = ++lastId;
  readonly #options: RunAccountOptions;
  readonly #startMs = nowMs();
  readonly #hostSpans: RunSpan[] = [];
  #mode: RunMode | undefined;
  #outcome: GuestOutcome | undefined;
  #usage: RunUsage | undefined;

  constructor(options: RunAccountOptions) {
    this.#options = options;
    publishRunStart({ id: this.#id, ...this.#names, startMs: this.#startMs });
  }

  get #names() {
    const { module, tenant = '', call } = this.#options;
    return { module, tenant, ...(call !== undefined && { call }) };
  }

  set mode(mode: RunMode) {
    this.#mode = mode;
  }

  /** Notes what the host itself took for the run. */
  note(name: SpanName, startMs: number, endMs: number = nowMs(), detail?: RunSpan['detail']): void {
    this.#hostSpans.push({ name, startMs, endMs, ...(detail && { detail }) });
  }

  /** Notes what it took from a moment on until the guest began. @param beganMs undefined: it never did */
  noteStart(fromMs: number, beganMs: number | undefined): void {
    if (beganMs !== undefined) this.note('start', fromMs, Math.max(fromMs, beganMs), { of: 'the worker' });
  }

  /** Notes that the run waited until now for its turn. @returns for how long, in milliseconds */
  noteQueue(): number {
    const endMs = nowMs();
    this.note('queue', this.#startMs, endMs);
    return endMs - this.#startMs;
  }

  /** The guest has ended. @returns what its caller is told */
  end(outcome: GuestOutcome, usage: GuestUsage, queueMs: number, mode: RunMode): RunUsage {
    this.#outcome = outcome;
    const phases: Partial<Record<SpanName, { count: number; wallMs: number }>> = { ...usage.phases };
    for (const { name, startMs, endMs } of this.#hostSpans) {
      const { count, wallMs } = phases[name] ?? { count: 0, wallMs: 0 };
      phases[name] = { count: count + 1, wallMs: wallMs + endMs - startMs };
    }
    const spans = usage.spans && [...this.#hostSpans, ...usage.spans];
    const wallMs = nowMs() - this.#startMs;
    this.#usage = { ...usage, phases, ...(spans && { spans }), mode, wallMs, queueMs };
    return this.#options.timeline ? this.#usage : withoutSpans(this.#usage);
  }

  /** Tells whoever listens. @param error what `run` throws */
  publish(outputBytes: number, error?: unknown): void {
    const outcome = error === undefined ? this.#outcome : undefined;
    publishRun({
      id: this.#id,
      ...this.#names,
      mode: this.#mode,
      startMs: this.#startMs,
      endMs: nowMs(),
      queueMs: this.#usage?.queueMs ?? 0,
      outcome: outcome === undefined ? 'failed' : outcome.kind,
      exitCode: outcome?.kind === 'exited' ? outcome.exitCode : outcome?.kind === 'returned' ? 0 : undefined,
      code: error instanceof HostError ? error.code : undefined,
      message: error === undefined ? undefined : printable(error instanceof Error ? error.message : String(error)),
      outputBytes,
      usage: this.#usage,
    } satisfies RunReport);
  }
}

/** Nobody who did not ask for them is to keep, log or send them: there may be a thousand, kept for those who listen. */
export function withoutSpans<Usage extends GuestUsage>(usage: Usage): Usage {
  const { spans: _, leftOut: __, ...rest } = usage;
  return rest as Usage;
}

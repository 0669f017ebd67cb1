/** The account of one run: for its result, for its error, and for whoever listens. */
import type { GuestOutcome } from '../engine/guest-plan.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage, RunMode, RunReport, RunSpan, RunUsage, SpanName } from '../engine/run-report.ts';
import { HostError, printable } from '../errors.ts';
import { publishRun, publishRunStart } from '../telemetry/channels.ts';

let lastId = 0;

export class RunAccount {
  readonly #id = ++lastId;
  readonly #module: string;
  readonly #tenant: string;
  readonly #startMs = nowMs();
  readonly #hostSpans: RunSpan[] = [];
  #mode: RunMode | undefined;
  #outcome: GuestOutcome | undefined;
  #usage: RunUsage | undefined;

  constructor(module: string, tenant: string) {
    this.#module = module;
    this.#tenant = tenant;
    publishRunStart({ id: this.#id, module, tenant, startMs: this.#startMs });
  }

  set mode(mode: RunMode) {
    this.#mode = mode;
  }

  /** Notes what the host itself took for the run. */
  note(name: SpanName, startMs: number, endMs = nowMs()): void {
    this.#hostSpans.push({ name, startMs, endMs });
  }

  /** The guest has ended. */
  end(outcome: GuestOutcome, usage: GuestUsage, queueMs: number, mode: RunMode): RunUsage {
    this.#outcome = outcome;
    const phases: Partial<Record<SpanName, { count: number; wallMs: number }>> = { ...usage.phases };
    for (const { name, startMs, endMs } of this.#hostSpans) phases[name] ??= { count: 1, wallMs: endMs - startMs };
    const spans = usage.spans && [...this.#hostSpans, ...usage.spans];
    const wallMs = nowMs() - this.#startMs;
    this.#usage = { ...usage, phases, ...(spans && { spans }), mode, wallMs, queueMs };
    return this.#usage;
  }

  /** Tells whoever listens. @param error what `run` throws */
  publish(outputBytes: number, error?: unknown): void {
    const outcome = error === undefined ? this.#outcome : undefined;
    publishRun({
      id: this.#id,
      module: this.#module,
      tenant: this.#tenant,
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

/** `--timeline`: loaded for runs that have one. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { GuestOutcome } from '../engine/guest-plan.ts';
import { NO_USAGE } from '../engine/guest-usage.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage, RunMode, RunSpan, SpanName } from '../engine/run-report.ts';
import { isHostError, OptionError, systemReason } from '../errors.ts';
import { invalidOption } from '../options.ts';
import { renderTimeline, type TimelineFormat } from '../telemetry/timeline.ts';

export interface EndedRun {
  outcome: GuestOutcome;
  usage: GuestUsage;
  mode: RunMode;
  /** The inference runtime and its version, where the guest used one. */
  runtime: string | undefined;
}

/** The timeline of one run of the command line, from the start of its process. */
export class RunTimeline {
  readonly #path: string;
  readonly #format: TimelineFormat;
  readonly #module: string;
  readonly #spans: RunSpan[] = [];

  /** Makes the file, so that a run does not end before it shows that there can be none. @throws OptionError */
  constructor(path: string, module: string) {
    const [, suffix] = /\.(json|html)$/i.exec(path) ?? [];
    if (suffix === undefined) throw invalidOption('--timeline', 'a name that ends in .json or .html', path);
    this.#path = path;
    this.#format = suffix.toLowerCase() as TimelineFormat;
    this.#module = module;
    this.#attempt(() => closeSync(openSync(path, 'w')));
    this.note('start', performance.timeOrigin, nowMs(), { of: 'Node and the command line' });
  }

  note(name: SpanName, startMs: number, endMs: number, detail?: RunSpan['detail']): void {
    this.#spans.push({ name, startMs, endMs, ...(detail && { detail }) });
  }

  /** @throws OptionError when it cannot be written */
  async write({ outcome, usage, mode, runtime }: EndedRun): Promise<void> {
    const failure = outcome.kind === 'failed' ? outcome.failure : undefined;
    await this.#write({
      mode,
      runtime,
      exitCode: outcome.kind === 'exited' ? outcome.exitCode : failure ? undefined : 0,
      code: failure?.code,
      message: failure?.message,
      usage: withSpans(usage, this.#spans),
    });
  }

  /** Of a run that the host could not begin. @throws OptionError when it cannot be written */
  async writeError(error: unknown): Promise<void> {
    await this.#write({
      code: isHostError(error) ? error.code : undefined,
      message: error instanceof Error ? error.message : String(error),
      usage: withSpans(NO_USAGE, this.#spans),
    });
  }

  async #write(run: Omit<Parameters<typeof renderTimeline>[0], 'module'>): Promise<void> {
    const times = { startMs: performance.timeOrigin, endMs: nowMs() };
    const text = await renderTimeline({ module: this.#module, ...times, ...run }, this.#format);
    this.#attempt(() => writeFileSync(this.#path, text));
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw new OptionError(`--timeline: ${this.#path} cannot be written: ${systemReason(error)}`, { cause: error });
    }
  }
}

function withSpans(usage: GuestUsage, spans: readonly RunSpan[]): GuestUsage {
  const phases = { ...usage.phases };
  for (const { name, startMs, endMs } of spans) {
    const { count, wallMs } = phases[name] ?? { count: 0, wallMs: 0 };
    phases[name] = { count: count + 1, wallMs: wallMs + endMs - startMs };
  }
  return { ...usage, phases, spans: [...spans, ...(usage.spans ?? [])] };
}

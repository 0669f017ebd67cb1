/** Writes the timeline of a run. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { nowMs } from '../engine/run-recorder.ts';
import type { RunReport, RunUsage } from '../engine/run-report.ts';
import { packageRoot } from '../native/addon.ts';
import { invalidOption, isObject, isText } from '../options.ts';
import { traceFile } from './trace-event.ts';

/**
 * `json`: Chrome's trace event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. `html`: a page that
 * stands for itself and loads nothing.
 */
export type TimelineFormat = 'json' | 'html';

const TIMELINE_FORMATS: readonly TimelineFormat[] = ['json', 'html'];

/** What a timeline is drawn of: a run's name and usage, and what is known beside. A {@link RunReport} has all of it. */
export type TimelineSource = Pick<RunReport, 'module' | 'usage'> & {
  [Key in 'mode' | 'startMs' | 'endMs' | 'exitCode' | 'code' | 'message']?: RunReport[Key] | undefined;
} & {
  /** The inference runtime and its version. */
  runtime?: string | undefined;
};

/**
 * The timeline of a run as text. Names that a guest or a model chose are made printable, and cannot become markup.
 * @param source of a run with `timeline: true`; of others there is less to show
 * @throws OptionError ERR_OPTION_INVALID
 *
 * @example
 * const { exitCode, usage } = await host.run(module, { timeline: true });
 * const page = await renderTimeline({ module: module.name, exitCode, usage }, 'html');
 */
export async function renderTimeline(source: TimelineSource, format: TimelineFormat): Promise<string> {
  if (!isObject(source) || !isText(source.module)) throw invalidOption('source', '{ module, usage, … }', source);
  if (!TIMELINE_FORMATS.includes(format))
    throw invalidOption('format', `one of ${TIMELINE_FORMATS.join(', ')}`, format);
  const report = completed(source);
  const environment = environmentOf(source.runtime);
  if (format === 'json') return `${JSON.stringify(traceFile(report, environment))}\n`;
  return (await import('./timeline-page.ts')).timelinePage(report, environment);
}

/** What a result or an error does not tell follows from the spans: when it began, and how it ended. */
function completed({ module, usage, mode, exitCode, code, message, ...times }: TimelineSource): RunReport {
  const spans = usage?.spans ?? [];
  const firstMs = spans.reduce((least, { startMs }) => Math.min(least, startMs), Number.POSITIVE_INFINITY);
  const lastMs = spans.reduce((most, { endMs }) => Math.max(most, endMs), 0);
  const startMs = times.startMs ?? (spans.length === 0 ? nowMs() : firstMs);
  const hasFailed = code !== undefined || message !== undefined;
  return {
    id: 0,
    module,
    tenant: '',
    mode: mode ?? (usage as Partial<RunUsage> | undefined)?.mode,
    startMs,
    endMs: times.endMs ?? Math.max(startMs + (wallMsOf(usage) ?? 0), lastMs),
    queueMs: 0,
    outcome: hasFailed ? 'failed' : exitCode === undefined || exitCode === 0 ? 'returned' : 'exited',
    exitCode,
    code,
    message,
    outputBytes: 0,
    usage,
  };
}

/** Of a run, from its call on; the first span begins some tenths of a millisecond later. */
function wallMsOf(usage: TimelineSource['usage']): number | undefined {
  return (usage as Partial<RunUsage> | undefined)?.wallMs;
}

function environmentOf(runtime: string | undefined): Record<string, string> {
  const processor = cpus()[0]?.model.trim();
  const count = availableParallelism();
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return {
    host: `wasi-nn-host ${version}`,
    ...(runtime !== undefined && { runtime }),
    node: `Node ${process.versions.node}`,
    platform: `${process.platform} ${process.arch}`,
    processors: `${count} ${count === 1 ? 'processor' : 'processors'}${processor ? ` (${processor})` : ''}`,
  };
}

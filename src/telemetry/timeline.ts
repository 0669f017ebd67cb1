/** Writes the timeline of a run. */
import { availableParallelism, cpus } from 'node:os';
import type { RunReport } from '../engine/run-report.ts';
import { traceFile } from './trace-event.ts';

export const TIMELINE_FORMATS = ['json', 'html'] as const;

/**
 * `json`: Chrome's trace event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. `html`: a page that
 * stands for itself and loads nothing.
 */
export type TimelineFormat = (typeof TIMELINE_FORMATS)[number];

/**
 * The timeline of a run as text. Names that a guest or a model chose are made printable, and cannot become markup.
 * @param report of a run with `timeline: true`; of others there is less to show
 */
export async function renderTimeline(report: RunReport, format: TimelineFormat): Promise<string> {
  const environment = environmentOf();
  if (format === 'json') return `${JSON.stringify(traceFile(report, environment))}\n`;
  return (await import('./timeline-page.ts')).timelinePage(report, environment);
}

function environmentOf(): Record<string, string> {
  const processor = cpus()[0]?.model.trim();
  const count = availableParallelism();
  return {
    node: `Node ${process.versions.node}`,
    platform: `${process.platform} ${process.arch}`,
    processors: `${count} ${count === 1 ? 'processor' : 'processors'}${processor ? ` (${processor})` : ''}`,
  };
}

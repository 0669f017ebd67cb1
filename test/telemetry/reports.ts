/** Reports of runs as a host makes them, for what reads them. */
import type { GuestUsage, RunReport, RunSpan } from '../../src/engine/run-report.ts';

/** Some moment; all times of a report are near it. */
export const START_MS = 1_750_000_000_000;

export function usageOf(spans: readonly RunSpan[], more: Partial<GuestUsage> = {}): GuestUsage {
  return {
    cpuMs: 7,
    peakMemoryBytes: 131_072,
    bytesRead: 10,
    bytesWritten: 20,
    phases: {},
    loads: { hits: 0, misses: 0 },
    spans,
    ...more,
  };
}

/** A span of a run that began at {@link START_MS}. */
export function span(name: RunSpan['name'], fromMs: number, toMs: number, more: Partial<RunSpan> = {}): RunSpan {
  return { name, startMs: START_MS + fromMs, endMs: START_MS + toMs, ...more };
}

export function reportOf(more: Partial<RunReport> = {}): RunReport {
  return {
    id: 1,
    module: 'guest.wasm',
    tenant: '',
    mode: 'thread',
    startMs: START_MS,
    endMs: START_MS + 100,
    queueMs: 4,
    outcome: 'returned',
    exitCode: 0,
    code: undefined,
    message: undefined,
    outputBytes: 20,
    usage: usageOf([
      span('queue', 0, 4),
      span('instantiate', 5, 10),
      span('load', 20, 50, { detail: { byteLength: 1_000, isHit: false } }),
      span('compute', 60, 80),
      span('guest', 10, 99),
    ]),
    ...more,
  };
}

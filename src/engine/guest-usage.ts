/** What guests used that nobody measured, and what one used meanwhile. */
import type { GuestUsage, PhaseUsage, SpanName } from './run-report.ts';

/** Of a guest that never began. */
export const NO_USAGE: GuestUsage = {
  cpuMs: undefined,
  peakMemoryBytes: 0,
  bytesRead: 0,
  bytesWritten: 0,
  phases: {},
  loads: { hits: 0, misses: 0 },
};

/** Of a guest that nobody could ask. */
export function unknownUsage(phases: GuestUsage['phases'] = {}): GuestUsage {
  const unknown = { cpuMs: undefined, peakMemoryBytes: undefined, bytesRead: undefined, bytesWritten: undefined };
  return { ...unknown, phases, loads: undefined };
}

/** What a guest used from one measurement to the next, whose spans and peaks are its own. */
export function usageSince(before: GuestUsage, now: GuestUsage): GuestUsage {
  const phases: Partial<Record<SpanName, PhaseUsage>> = {};
  for (const [name, { count, wallMs }] of Object.entries(now.phases) as [SpanName, PhaseUsage][]) {
    const earlier = before.phases[name] ?? { count: 0, wallMs: 0 };
    if (count > earlier.count) phases[name] = { count: count - earlier.count, wallMs: wallMs - earlier.wallMs };
  }
  return {
    ...now,
    cpuMs: difference(before.cpuMs ?? 0, now.cpuMs),
    bytesRead: difference(before.bytesRead, now.bytesRead),
    bytesWritten: difference(before.bytesWritten, now.bytesWritten),
    phases,
    refused: refusedSince(before.refused, now.refused),
    loads: before.loads &&
      now.loads && { hits: now.loads.hits - before.loads.hits, misses: now.loads.misses - before.loads.misses },
  };
}

function refusedSince(before: GuestUsage['refused'], now: GuestUsage['refused']): GuestUsage['refused'] {
  const count = (now?.count ?? 0) - (before?.count ?? 0);
  return now && count > 0 ? { count, first: now.first.slice(before?.first.length ?? 0) } : undefined;
}

function difference(before: number | undefined, now: number | undefined): number | undefined {
  return before === undefined || now === undefined ? undefined : now - before;
}

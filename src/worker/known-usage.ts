/** What is told of a guest's use where it could not be measured. */
import type { GuestUsage } from '../engine/run-report.ts';

/** Of a guest that nobody could ask. */
export function unknownUsage(phases: GuestUsage['phases'] = {}): GuestUsage {
  return { cpuMs: undefined, peakMemoryBytes: 0, bytesRead: 0, bytesWritten: 0, phases, loads: { hits: 0, misses: 0 } };
}

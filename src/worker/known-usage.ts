/** What is told of a guest's use where it could not be measured. */
import { type RecordedEntry, RunRecorder } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';

/** Of a guest that nobody could ask. */
export function unknownUsage(phases: GuestUsage['phases'] = {}): GuestUsage {
  return { cpuMs: undefined, peakMemoryBytes: 0, bytesRead: 0, bytesWritten: 0, phases, loads: { hits: 0, misses: 0 } };
}

/** Of a guest with a timeline, from what its recorder told while it ran. */
export function followedUsage(entries: readonly RecordedEntry[], phases: GuestUsage['phases'] = {}): GuestUsage {
  const recorder = new RunRecorder({ level: 'timeline', guestBytes: () => 0 });
  for (const entry of entries) recorder.add(entry);
  const usage = recorder.usage({ cpuMs: undefined, bytesRead: 0, bytesWritten: 0 });
  return { ...usage, phases: { ...phases, ...usage.phases } };
}

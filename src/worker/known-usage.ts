/** What is known of a guest that was ended from outside. */
import { NO_USAGE, unknownUsage } from '../engine/guest-usage.ts';
import { type RecordedEntry, RunRecorder } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';

/**
 * @param entries what its recorder told while it ran, in a run with a timeline; undefined in others
 * @param guestMs since it began; undefined: it had not begun
 */
export function knownUsage(entries: readonly RecordedEntry[] | undefined, guestMs: number | undefined): GuestUsage {
  if (guestMs === undefined) return NO_USAGE;
  const phases = { guest: { count: 1, wallMs: guestMs } };
  return entries === undefined ? unknownUsage(phases) : followedUsage(entries, phases);
}

function followedUsage(entries: readonly RecordedEntry[], phases: GuestUsage['phases']): GuestUsage {
  const recorder = new RunRecorder({ level: 'timeline', guestBytes: () => 0 });
  for (const entry of entries) recorder.add(entry);
  const usage = recorder.usage({ cpuMs: undefined, bytesRead: undefined, bytesWritten: undefined });
  const isSampled = entries.some((entry) => 'sample' in entry);
  return { ...usage, ...(!isSampled && { peakMemoryBytes: undefined }), phases: { ...phases, ...usage.phases } };
}

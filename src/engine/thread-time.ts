import { loadAddon } from '../native/addon.ts';

interface WithThreadUsage {
  /** Since Node 23.9. Microseconds. */
  threadCpuUsage?: () => { user: number; system: number };
}

/** Processor time of the calling thread in milliseconds, or undefined where nothing tells. */
export function threadCpuMs(): number | undefined {
  const native = nativeCpuTime();
  if (native !== undefined) return native();
  const usage = (process as WithThreadUsage).threadCpuUsage?.();
  return usage && (usage.user + usage.system) / 1e3;
}

function nativeCpuTime(): (() => number) | undefined {
  try {
    return (loadAddon().thread as { cpuTimeMs?: () => number } | undefined)?.cpuTimeMs;
  } catch {
    return undefined;
  }
}

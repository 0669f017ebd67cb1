/** What a reader of Chrome's trace event format expects of a file. */

/** What is wrong with a file; empty when nothing is. It is read as text, as others read it. */
export function traceFaults(file: object): string[] {
  const parsed = JSON.parse(JSON.stringify(file)) as { traceEvents?: unknown; displayTimeUnit?: unknown };
  if (!Array.isArray(parsed.traceEvents)) return ['traceEvents is no array'];
  const events = parsed.traceEvents as Record<string, unknown>[];
  const faults = parsed.displayTimeUnit === 'ms' ? [] : ['displayTimeUnit is no unit'];
  return [...faults, ...events.flatMap(eventFaults), ...unnamedThreads(events), ...overlaps(events)];
}

function eventFaults(event: Record<string, unknown>): string[] {
  const { ph, name, pid, tid, ts, dur, args } = event;
  const faults: string[] = [];
  const expect = (isRight: boolean, what: string) => {
    if (!isRight) faults.push(`${what}: ${JSON.stringify(event)}`);
  };
  expect(typeof name === 'string' && name !== '', 'a name');
  expect(Number.isSafeInteger(pid) && Number.isSafeInteger(tid), 'a process and a thread');
  expect(typeof args === 'object' && args !== null && !Array.isArray(args), 'arguments');
  expect(ph === 'X' || ph === 'C' || ph === 'M', 'a phase of the format');
  if (ph !== 'M') expect(Number.isFinite(ts), 'a time');
  if (ph === 'X') expect(Number.isFinite(dur) && Number(dur) >= 0, 'a duration');
  if (ph === 'C') expect(Object.values(args as object).every(Number.isFinite), 'numbers to count');
  return faults;
}

function unnamedThreads(events: readonly Record<string, unknown>[]): string[] {
  const named = new Set(events.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid));
  const used = new Set(events.filter(({ ph }) => ph === 'X').map(({ tid }) => tid));
  return [...used].filter((tid) => !named.has(tid)).map((tid) => `thread ${tid} has no name`);
}

/** Complete events of one thread have to nest: readers drop or misplace what does not. */
function overlaps(events: readonly Record<string, unknown>[]): string[] {
  const faults: string[] = [];
  const slices = events.filter(({ ph }) => ph === 'X') as { tid: number; ts: number; dur: number; name: string }[];
  for (const tid of new Set(slices.map((slice) => slice.tid))) {
    const open: number[] = [];
    const ofThread = slices
      .filter((slice) => slice.tid === tid)
      .sort((a, b) => nanoseconds(a.ts) - nanoseconds(b.ts) || b.dur - a.dur);
    for (const { ts, dur, name } of ofThread) {
      while (open.length > 0 && (open.at(-1) as number) <= nanoseconds(ts)) open.pop();
      const end = nanoseconds(ts + dur);
      if (open.length > 0 && end > (open.at(-1) as number)) faults.push(`${name} leaves the slice around it`);
      open.push(end);
    }
  }
  return faults;
}

/** Whole nanoseconds are what readers keep. */
const nanoseconds = (us: number) => Math.round(us * 1_000);

/**
 * A timeline as a file of Chrome's trace event format, which Perfetto and chrome://tracing open.
 *
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import type { RunReport } from '../engine/run-report.ts';
import { printable } from '../errors.ts';
import { layOut, type Slice } from './timeline-layout.ts';

type Arguments = Readonly<Record<string, string | number | boolean>>;

/** Times in microseconds. */
export type TraceEvent =
  | { ph: 'M'; name: 'process_name' | 'thread_name' | 'thread_sort_index'; pid: number; tid: number; args: Arguments }
  | { ph: 'X'; name: string; cat: string; pid: number; tid: number; ts: number; dur: number; args: Arguments }
  | { ph: 'C'; name: string; pid: number; tid: number; ts: number; args: Readonly<Record<string, number>> };

export interface TraceFile {
  traceEvents: TraceEvent[];
  displayTimeUnit: 'ms';
  otherData: Arguments;
}

/** One process of the file is the run; its numbers are no one's else. */
const PID = 1;

const CATEGORY: Readonly<Record<Slice['kind'], string>> = {
  host: 'host',
  guest: 'guest',
  wait: 'guest',
  call: 'wasi-nn',
  operation: 'openvino',
};

/** The trace of a run; times count from its beginning. Names of models and guests are made printable. */
export function traceFile(report: RunReport, environment: Readonly<Record<string, string>> = {}): TraceFile {
  const lanes = layOut(report);
  const traceEvents: TraceEvent[] = [named('process_name', 0, printable(report.module))];
  lanes.forEach((lane, index) => {
    const tid = index + 1;
    traceEvents.push(named('thread_name', tid, lane.name));
    traceEvents.push({ ph: 'M', name: 'thread_sort_index', pid: PID, tid, args: { sort_index: index } });
    for (const slice of lane.slices) traceEvents.push(complete(slice, tid));
  });
  for (const { atMs, guestBytes, residentBytes } of report.usage?.memory ?? []) {
    const ts = microseconds(atMs - report.startMs);
    traceEvents.push({ ph: 'C', name: 'guest memory', pid: PID, tid: 0, ts, args: { bytes: guestBytes } });
    traceEvents.push({ ph: 'C', name: 'resident memory', pid: PID, tid: 0, ts, args: { bytes: residentBytes } });
  }
  return { traceEvents, displayTimeUnit: 'ms', otherData: { ...environment, ...summary(report) } };
}

function named(name: 'process_name' | 'thread_name', tid: number, text: string): TraceEvent {
  return { ph: 'M', name, pid: PID, tid, args: { name: text } };
}

function complete({ name, kind, startMs, endMs, detail }: Slice, tid: number): TraceEvent {
  const ts = microseconds(startMs);
  // Both ends are rounded, so that what lies within another slice, or begins at its end, still does.
  const dur = Math.max(0, microseconds(endMs) - ts);
  const args = Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, plain(value)]));
  return { ph: 'X', name: printable(name), cat: CATEGORY[kind], pid: PID, tid, ts, dur: nanosecond(dur), args };
}

function plain(value: string | number | boolean): string | number | boolean {
  return typeof value === 'string' ? printable(value) : value;
}

/** To the nanosecond. */
const microseconds = (ms: number) => nanosecond(ms * 1_000);
const nanosecond = (us: number) => Math.round(us * 1_000) / 1_000;

function summary({ startMs, outcome, exitCode, code, message, mode, usage }: RunReport): Arguments {
  const all = {
    startedAt: new Date(startMs).toISOString(),
    mode,
    outcome,
    exitCode,
    code,
    message,
    cpuMs: usage?.cpuMs,
    peakMemoryBytes: usage?.peakMemoryBytes,
    operationOrder: 'inferred: the runtime tells durations only',
    spansLeftOut: usage?.leftOut?.spans,
    operationsLeftOut: usage?.leftOut?.operations,
  };
  const known = Object.entries(all).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return Object.fromEntries(known);
}

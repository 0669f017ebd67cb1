/** Forms of what a child process tells that its guest used. */
import { errnoNameOf } from '../engine/run-recorder.ts';
import {
  type GuestUsage,
  type MemorySample,
  type OperationTime,
  type PhaseUsage,
  type RefusedCalls,
  type RunSpan,
  SPAN_NAMES,
  type SpanName,
} from '../engine/run-report.ts';
import type { SentEntry } from '../worker/guest-process-messages.ts';
import { amount, count, fields, list, oneOf, only, optional, own, text } from './message-form.ts';
import { refusalOf } from './message-refusal.ts';

/** More than are ever recorded of a run. */
const MOST_SPANS = 100_000;
const MOST_SAMPLES = 10_000;
const MOST_OPERATIONS = 5_000;

/** As many as are told with their reasons. */
const MOST_REFUSALS = 8;
const MOST_DETAILS = 16;
const MOST_DETAIL_CHARACTERS = 256;
const DETAIL_NAME = /^[a-zA-Z]{1,32}$/;

/** The last moment of a `Date`. */
const LAST_MS = 8.64e15;

const MOST_ERRNO = 0xffff;

export function usageOf(value: unknown): GuestUsage {
  const given = fields(value);
  const loads = fields(own(given, 'loads'));
  const spans = optional(own(given, 'spans'), (all) => list(all, spanOf, MOST_SPANS));
  const memory = optional(own(given, 'memory'), (all) => list(all, sampleOf, MOST_SAMPLES));
  const refused = optional(own(given, 'refused'), refusedOf);
  const leftOut = optional(own(given, 'leftOut'), (left) => {
    const { spans, operations } = fields(left);
    return { spans: count(spans), operations: count(operations) };
  });
  return {
    cpuMs: optional(own(given, 'cpuMs'), (cpuMs) => amount(cpuMs, LAST_MS)),
    peakMemoryBytes: count(own(given, 'peakMemoryBytes')),
    bytesRead: count(own(given, 'bytesRead')),
    bytesWritten: count(own(given, 'bytesWritten')),
    phases: phasesOf(own(given, 'phases')),
    loads: { hits: count(own(loads, 'hits')), misses: count(own(loads, 'misses')) },
    ...(refused && { refused }),
    ...(spans && { spans }),
    ...(memory && { memory }),
    ...(leftOut && { leftOut }),
  };
}

function refusedOf(value: unknown): RefusedCalls {
  const given = fields(value);
  const first = list(own(given, 'first'), refusalOf, MOST_REFUSALS);
  return { count: count(own(given, 'count')), first };
}

export function entryOf(value: unknown): SentEntry {
  const given = only(value, ['span', 'sample', 'operations']);
  const [span, operations] = [own(given, 'span'), own(given, 'operations')];
  if (span !== undefined) return { span: spanOf(span) };
  if (operations !== undefined) return { operations: list(operations, operationOf, MOST_OPERATIONS) };
  return { sample: sampleOf(own(given, 'sample')) };
}

function phasesOf(value: unknown): GuestUsage['phases'] {
  const phases: Partial<Record<SpanName, PhaseUsage>> = {};
  for (const [name, phase] of Object.entries(fields(value))) {
    const given = fields(phase);
    phases[oneOf(name, SPAN_NAMES)] = {
      count: count(own(given, 'count')),
      wallMs: amount(own(given, 'wallMs'), LAST_MS),
    };
  }
  return phases;
}

/** Its operations come by themselves. */
function spanOf(value: unknown): RunSpan {
  const given = only(value, ['name', 'startMs', 'endMs', 'detail']);
  const startMs = amount(own(given, 'startMs'), LAST_MS);
  const endMs = amount(own(given, 'endMs'), LAST_MS);
  if (endMs < startMs) throw new TypeError('no span');
  const detail = optional(own(given, 'detail'), detailOf);
  return {
    name: oneOf(own(given, 'name'), SPAN_NAMES),
    startMs,
    endMs,
    ...(detail && { detail }),
  };
}

/** An errno has the name that it has here: series of metrics are named by it. */
function detailOf(value: unknown): NonNullable<RunSpan['detail']> {
  const entries = Object.entries(fields(value));
  if (entries.length > MOST_DETAILS) throw new TypeError('too many details');
  const detail = Object.fromEntries(
    entries.map(([name, part]) => {
      if (!DETAIL_NAME.test(name)) throw new TypeError('no detail');
      return [name, detailPartOf(part)] as const;
    }),
  );
  const { errno, errnoName } = detail;
  if (errno === undefined && errnoName === undefined) return detail;
  return { ...detail, errno: count(errno, MOST_ERRNO), errnoName: errnoNameOf(count(errno)) };
}

function detailPartOf(value: unknown): string | number | boolean {
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  return text(value, MOST_DETAIL_CHARACTERS);
}

function operationOf(value: unknown): OperationTime {
  const given = only(value, ['name', 'type', 'implementation', 'wallMs', 'cpuMs']);
  return {
    name: text(own(given, 'name')),
    type: text(own(given, 'type')),
    implementation: text(own(given, 'implementation')),
    wallMs: amount(own(given, 'wallMs'), LAST_MS),
    cpuMs: amount(own(given, 'cpuMs'), LAST_MS),
  };
}

function sampleOf(value: unknown): MemorySample {
  const given = only(value, ['atMs', 'guestBytes', 'residentBytes']);
  return {
    atMs: amount(own(given, 'atMs'), LAST_MS),
    guestBytes: count(own(given, 'guestBytes')),
    residentBytes: count(own(given, 'residentBytes')),
  };
}

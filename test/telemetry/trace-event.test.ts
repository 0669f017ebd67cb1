import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPAN_NAMES } from '../../src/engine/run-report.ts';
import { type TraceEvent, traceFile } from '../../src/telemetry/trace-event.ts';
import { reportOf, START_MS, span, usageOf } from './reports.ts';
import { traceFaults } from './trace-rules.ts';

const operations = [
  { name: 'conv', type: 'Convolution', implementation: 'jit_avx512_f32', wallMs: 4, cpuMs: 5 },
  { name: 'relu', type: 'Relu', implementation: 'jit', wallMs: 2, cpuMs: 2 },
];
const memory = [
  { atMs: START_MS + 50, guestBytes: 65_536, residentBytes: 5e7 },
  { atMs: START_MS + 80, guestBytes: 131_072, residentBytes: 6e7 },
];
const report = reportOf({
  usage: usageOf(
    [
      span('instantiate', 5, 10),
      span('load', 20, 50, { detail: { byteLength: 1_000, isHit: false } }),
      span('compute', 60, 80, { operations }),
      span('guest', 10, 99),
    ],
    { memory },
  ),
});

const slices = (events: readonly TraceEvent[]) => events.filter((event) => event.ph === 'X');

describe('the trace file of a run', () => {
  it('has each phase and call as a slice, in microseconds', () => {
    const { traceEvents } = traceFile(report);
    expect(slices(traceEvents).map(({ name, cat, ts, dur }) => [name, cat, ts, dur])).toEqual([
      ['instantiate', 'host', 5_000, 5_000],
      ['guest', 'guest', 10_000, 89_000],
      ['load', 'wasi-nn', 20_000, 30_000],
      ['compute', 'wasi-nn', 60_000, 20_000],
      ['conv', 'openvino', 60_000, 4_000],
      ['relu', 'openvino', 64_000, 2_000],
    ]);
  });

  it('has what calls and operations were about as arguments', () => {
    const { traceEvents } = traceFile(report);
    const argumentsOf = (name: string) => slices(traceEvents).find((event) => event.name === name)?.args;
    expect(argumentsOf('load')).toEqual({ byteLength: 1_000, isHit: false });
    expect(argumentsOf('conv')).toEqual({
      type: 'Convolution',
      implementation: 'jit_avx512_f32',
      wallMs: 4,
      cpuMs: 5,
      order: 'inferred',
    });
  });

  it('counts memory', () => {
    const counters = traceFile(report).traceEvents.filter((event) => event.ph === 'C');
    expect(counters.map(({ name, ts, args }) => [name, ts, args])).toEqual([
      ['guest memory', 50_000, { bytes: 65_536 }],
      ['resident memory', 50_000, { bytes: 5e7 }],
      ['guest memory', 80_000, { bytes: 131_072 }],
      ['resident memory', 80_000, { bytes: 6e7 }],
    ]);
  });

  it('tells of the run as a whole, and that the order of operations is inferred', () => {
    const failed = { ...report, outcome: 'failed', code: 'ERR_GUEST_TRAP', message: 'wasm trap: unreachable' } as const;
    const { otherData } = traceFile(failed, { node: 'v20' });
    expect(otherData).toMatchObject({
      node: 'v20',
      startedAt: new Date(START_MS).toISOString(),
      outcome: 'failed',
      code: 'ERR_GUEST_TRAP',
      message: 'wasm trap: unreachable',
      operationOrder: 'inferred: the runtime tells durations only',
    });
  });

  it('has names of a hostile model on one printable line', () => {
    const hostile = 'a\u001b[2J\nb\u202e';
    const named = { ...operations[0], name: hostile, type: hostile, implementation: '', wallMs: 1, cpuMs: 1 };
    const usage = usageOf([span('compute', 60, 80, { operations: [named] })]);
    const text = JSON.stringify(traceFile(reportOf({ module: hostile, usage })));
    expect(text).not.toMatch(/\\u001b|\\n|\u202e|\\u202e/);
  });

  it('keeps the rules of the format', () => {
    expect(traceFaults(traceFile(report))).toEqual([]);
  });

  it('keeps them whatever the spans are', () => {
    const spans = fc.array(
      fc.record({
        name: fc.constantFrom(...SPAN_NAMES),
        from: fc.double({ min: -50, max: 60, noNaN: true }),
        duration: fc.double({ min: 0, max: 40, noNaN: true }),
        count: fc.nat(5),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(spans, (all) => {
        const made = all.map(({ name, from, duration, count }) =>
          span(name, from, from + duration, { operations: operations.slice(0, count) }),
        );
        expect(traceFaults(traceFile(reportOf({ usage: usageOf(made, { memory }) })))).toEqual([]);
      }),
    );
  });
});

describe('the rules of the format', () => {
  const [process, thread, order, ...others] = traceFile(report).traceEvents;
  const slice = slices(others)[0] as TraceEvent;
  it.each([
    ['a duration below zero', { ...slice, dur: -1 }],
    ['a time that is no number', { ...slice, ts: Number.NaN }],
    ['an unknown phase', { ...slice, ph: 'Q' }],
    ['a slice without a name', { ...slice, name: '' }],
    ['a slice that overlaps another in part', { ...slice, ts: 9_000, dur: 5_000 }],
  ])('find %s', (_, event) => {
    const traceEvents = [process, thread, order, slice, event] as TraceEvent[];
    expect(traceFaults({ traceEvents, displayTimeUnit: 'ms', otherData: {} })).not.toEqual([]);
  });
});

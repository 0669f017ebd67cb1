import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RunReport, type RunSpan, SPAN_NAMES } from '../../src/engine/run-report.ts';
import { type Lane, layOut } from '../../src/telemetry/timeline-layout.ts';
import { reportOf, span, usageOf } from './reports.ts';

const laid = (spans: readonly RunSpan[], more: Partial<RunReport> = {}): Lane[] =>
  layOut(reportOf({ usage: usageOf(spans), ...more }));

/** `name depth from-to` of each slice. */
const shown = (lanes: readonly Lane[]) =>
  lanes.map(({ name, slices }) => [
    name,
    ...slices.map((slice) => `${'. '.repeat(slice.depth)}${slice.name} ${slice.startMs}-${slice.endMs}`),
  ]);

const operation = (name: string, wallMs: number) => ({
  name,
  type: 'Relu',
  implementation: 'jit',
  wallMs,
  cpuMs: wallMs,
});

describe('the layout of a run', () => {
  it('has the host, and the guest with its calls in it', () => {
    expect(shown(layOut(reportOf()))).toEqual([
      ['host', 'queue 0-4', 'instantiate 5-10'],
      ['guest', 'guest 10-99', '. load 20-50', '. compute 60-80'],
    ]);
  });

  it('has operations within their computation, one after the other', () => {
    const operations = [operation('a', 4), operation('b', 0), operation('c', 6)];
    expect(shown(laid([span('compute', 60, 80, { operations }), span('guest', 10, 90)]))).toEqual([
      ['guest', 'guest 10-90', '. compute 60-80', '. . a 60-64', '. . c 64-70'],
    ]);
  });

  it('draws operations shorter that took longer together than their computation', () => {
    const operations = [operation('a', 30), operation('b', 10)];
    const [lane] = laid([span('compute', 60, 80, { operations }), span('guest', 10, 90)]);
    expect(shown(lane ? [lane] : [])).toEqual([
      ['guest', 'guest 10-90', '. compute 60-80', '. . a 60-75', '. . b 75-80'],
    ]);
    const inferred = lane?.slices.filter(({ kind }) => kind === 'operation').map(({ detail }) => detail);
    expect(inferred?.map(({ wallMs, order }) => [wallMs, order])).toEqual([
      [30, 'inferred'],
      [10, 'inferred'],
    ]);
  });

  it('puts what overlaps in part on lanes of its own', () => {
    expect(shown(laid([span('queue', 0, 10), span('compile', 5, 30), span('start', 12, 20)]))).toEqual([
      ['host', 'queue 0-10', 'start 12-20'],
      ['host 2', 'compile 5-30'],
    ]);
  });

  it('lets go of what clocks of two threads differ', () => {
    expect(shown(laid([span('queue', 0, 10.0625), span('start', 10, 20), span('guest', 20, 90)]))).toEqual([
      ['host', 'queue 0-10.0625', 'start 10.0625-20'],
      ['guest', 'guest 20-90'],
    ]);
  });

  it('has a guest that was ended from outside until the end of the run', () => {
    const lanes = laid([span('instantiate', 5, 10), span('compute', 60, 80)], {
      outcome: 'failed',
      code: 'ERR_GUEST_TIMEOUT',
    });
    expect(shown(lanes)).toEqual([
      ['host', 'instantiate 5-10'],
      ['guest', 'guest 10-100', '. compute 60-80'],
    ]);
    expect(lanes[1]?.slices[0]?.detail).toEqual({ ended: 'ERR_GUEST_TIMEOUT' });
  });

  it('has a guest that called nothing before it was ended', () => {
    const usage = usageOf([span('start', 0, 10)], { phases: { guest: { count: 1, wallMs: 90 } } });
    expect(shown(layOut(reportOf({ usage, outcome: 'failed', code: 'ERR_GUEST_TIMEOUT' })))).toEqual([
      ['host', 'start 0-10'],
      ['guest', 'guest 10-100'],
    ]);
  });

  it('has no guest where none began', () => {
    expect(layOut(reportOf({ usage: undefined }))).toEqual([]);
    expect(shown(laid([span('start', 0, 10)]))).toEqual([['host', 'start 0-10']]);
  });

  it('never has slices that overlap in part, whatever the spans are', () => {
    const spans = fc.array(
      fc.record({
        name: fc.constantFrom(...SPAN_NAMES),
        from: fc.nat(60),
        duration: fc.nat(40),
        operations: fc.array(fc.nat(20).map((wallMs) => operation('a', wallMs / 7))),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(spans, (all) => {
        const lanes = laid(
          all.map(({ name, from, duration, operations }) =>
            span(name, from / 8, (from + duration) / 8, name === 'compute' ? { operations } : {}),
          ),
        );
        for (const { slices } of lanes) expectNested(slices);
      }),
    );
  });
});

function expectNested(slices: Lane['slices']): void {
  const open: { endMs: number }[] = [];
  let lastStartMs = -Infinity;
  for (const slice of slices) {
    expect(slice.startMs).toBeGreaterThanOrEqual(lastStartMs);
    expect(slice.endMs).toBeGreaterThanOrEqual(slice.startMs);
    open.length = slice.depth;
    for (const outer of open) expect(slice.endMs).toBeLessThanOrEqual(outer.endMs);
    open.push(slice);
    lastStartMs = slice.startMs;
  }
}

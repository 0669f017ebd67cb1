import { describe, expect, it } from 'vitest';
import { bytes, duration, percent } from '../../src/telemetry/page/format.ts';
import { fromPageData, toPageData } from '../../src/telemetry/page/page-data.ts';
import { ticks, View } from '../../src/telemetry/page/view.ts';
import { reportOf, span, usageOf } from './reports.ts';

describe('the data of a page', () => {
  const operations = [
    { name: 'conv', type: 'Convolution', implementation: 'jit', wallMs: 0.25, cpuMs: 0.5 },
    { name: 'relu', type: 'Relu', implementation: 'jit', wallMs: 0.125, cpuMs: 0.125 },
  ];
  const spans = [
    span('compute', 10, 20, { operations }),
    span('set_input', 20, 21, { detail: { index: 0 } }),
    span('compute', 30, 40, { operations }),
    span('guest', 5, 50),
  ];
  const report = reportOf({ usage: usageOf(spans) });

  it('give the report back', () => {
    const data = JSON.parse(JSON.stringify(toPageData(report, {}, (text) => text)));
    expect(fromPageData(data)).toEqual(JSON.parse(JSON.stringify(report)));
  });

  it('name each operation once', () => {
    expect(toPageData(report, {}, (text) => text).operations).toEqual([
      ['conv', 'Convolution', 'jit'],
      ['relu', 'Relu', 'jit'],
    ]);
  });

  it('have every text cleaned, wherever it stands', () => {
    const failed = reportOf({ message: 'message', code: 'ERR_GUEST_TRAP', usage: usageOf(spans) });
    const seen = new Set<string>();
    toPageData(failed, {}, (text) => {
      seen.add(text);
      return text;
    });
    expect([...seen]).toEqual(
      expect.arrayContaining(['guest.wasm', 'message', 'conv', 'Convolution', 'jit', 'compute']),
    );
    expect(toPageData(failed, {}, () => 'x').report).toMatchObject({ module: 'x', message: 'x' });
  });

  it('take a run that never began', () => {
    const refused = reportOf({ usage: undefined, outcome: 'failed', code: 'ERR_POOL_QUEUE_FULL' });
    expect(fromPageData(toPageData(refused, {}, (text) => text))).toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' });
  });
});

describe('what is seen of a timeline', () => {
  const view = () => new View({ startMs: -10, endMs: 90 }, () => {});
  const seen = ({ startMs, endMs }: View) => [startMs, endMs];

  it('is all of it at first, and again when asked', () => {
    const one = view();
    expect(seen(one)).toEqual([-10, 90]);
    one.show(10, 20);
    expect(seen(one)).toEqual([10, 20]);
    one.fit();
    expect(seen(one)).toEqual([-10, 90]);
  });

  it('is zoomed around a place that stays where it is', () => {
    const one = view();
    one.zoom(0.5, 0.25);
    expect(seen(one)).toEqual([2.5, 52.5]);
    one.zoom(2, 0.25);
    expect(seen(one)).toEqual([-10, 90]);
  });

  it.each([
    ['to the left', (one: View) => one.move(-1_000), [-10, 0]],
    ['to the right', (one: View) => one.move(1_000), [80, 90]],
    ['by zooming out', (one: View) => one.zoom(1_000), [-10, 90]],
  ])('never leaves it %s', (_, act, expected) => {
    const one = view();
    one.show(20, 30);
    act(one);
    expect(seen(one)).toEqual(expected);
  });

  it('is never less than a microsecond', () => {
    const one = view();
    one.show(10, 10);
    expect(one.widthMs).toBeCloseTo(0.001, 9);
    one.zoom(1e-9);
    expect(one.widthMs).toBeCloseTo(0.001, 9);
  });
});

describe('the marks of an axis', () => {
  const texts = (startMs: number, endMs: number, most: number) => ticks(startMs, endMs, most).map(({ text }) => text);

  it.each([
    [0, 100, 5, ['0 ms', '20 ms', '40 ms', '60 ms', '80 ms', '100 ms']],
    [162.9, 165.1, 5, ['163.0 ms', '163.5 ms', '164.0 ms', '164.5 ms', '165.0 ms']],
    [0, 10_000, 4, ['0 s', '5 s', '10 s']],
    [1, 1.002, 3, ['1.000 ms', '1.001 ms', '1.002 ms']],
  ])('from %d to %d ms, about %d of them, are told apart', (startMs, endMs, most, expected) => {
    expect(texts(startMs, endMs, most)).toEqual(expected);
  });
});

describe('numbers', () => {
  it.each([
    [duration(0), '0 ms'],
    [duration(0.0004), '0.4 µs'],
    [duration(0.34), '340 µs'],
    [duration(2.314), '2.31 ms'],
    [duration(999.6), '1000 ms'],
    [duration(1_500), '1.5 s'],
    [bytes(0), '0 B'],
    [bytes(1_023), '1023 B'],
    [bytes(602_112), '588 KiB'],
    [bytes(2 ** 33), '8 GiB'],
    [percent(0.031), '3.1 %'],
  ])('are read as %s', (text, expected) => {
    expect(text).toBe(expected);
  });
});

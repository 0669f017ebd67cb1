import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { SPAN_NAMES } from '../../src/engine/run-report.ts';
import {
  CHANNELS,
  type ChannelName,
  levelOfSubscribers,
  publishGraph,
  publishPhase,
  publishRun,
  publishRunStart,
} from '../../src/telemetry/channels.ts';
import { reportOf, START_MS, span } from './reports.ts';

let listening: (() => void)[] = [];

function listen(name: ChannelName, listener: (message: unknown) => void) {
  subscribe(name, listener);
  listening.push(() => unsubscribe(name, listener));
}

function collected(...names: ChannelName[]) {
  const messages: { name: ChannelName; message: unknown }[] = [];
  for (const name of names) listen(name, (message) => messages.push({ name, message }));
  return messages;
}

afterEach(() => {
  for (const stop of listening) stop();
  listening = [];
});

describe('the channels', () => {
  it('have one name each, of this package', () => {
    const names = Object.values(CHANNELS);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !name.startsWith('wasi-nn-host:'))).toEqual([]);
    expect(Object.keys(CHANNELS)).toEqual(expect.arrayContaining([...SPAN_NAMES]));
    expectTypeOf(CHANNELS.init_execution_context).toEqualTypeOf<'wasi-nn-host:init_execution_context'>();
  });

  it('tell of a run, then of its phases in the order of their ends', () => {
    const messages = collected(CHANNELS.run, CHANNELS.load, CHANNELS.compute, CHANNELS.guest);
    const report = reportOf();
    publishRun(report);
    const run = { id: 1, module: 'guest.wasm', tenant: '', mode: 'thread' };
    const [, , load, compute, guest] = report.usage?.spans ?? [];
    expect(messages).toEqual([
      { name: CHANNELS.run, message: report },
      { name: CHANNELS.load, message: { ...load, run } },
      { name: CHANNELS.compute, message: { ...compute, run } },
      { name: CHANNELS.guest, message: { ...guest, run } },
    ]);
  });

  it('tell of runs that never began, of graphs, and of compilation outside of any run', () => {
    const messages = collected(CHANNELS.runStart, CHANNELS.run, CHANNELS.graph, CHANNELS.compile);
    const start = { id: 2, module: 'guest.wasm', tenant: 'a', startMs: START_MS };
    const refused = reportOf({ outcome: 'failed', code: 'ERR_POOL_QUEUE_FULL', usage: undefined });
    const graph = { graph: 'digits', change: 'registered', startMs: START_MS, endMs: START_MS + 9 } as const;
    publishRunStart(start);
    publishRun(refused);
    publishGraph(graph);
    publishPhase(span('compile', 0, 3));
    expect(messages.map(({ message }) => message)).toEqual([
      start,
      refused,
      graph,
      { ...span('compile', 0, 3), run: undefined },
    ]);
  });

  it('call subscribers within the asynchronous context of the caller', async () => {
    const requests = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    listen(CHANNELS.run, () => seen.push(requests.getStore()));
    await requests.run('request 7', async () => {
      await Promise.resolve();
      publishRun(reportOf());
    });
    expect(seen).toEqual(['request 7']);
  });
});

describe('what is to be recorded', () => {
  it('is nothing more than the sums where nobody listens', () => {
    expect(levelOfSubscribers()).toBeUndefined();
  });

  it.each([CHANNELS.run, CHANNELS.compute, CHANNELS.wait])('is each span where somebody listens to %s', (name) => {
    collected(name);
    expect(levelOfSubscribers()).toBe('spans');
  });

  it.each([CHANNELS.runStart, CHANNELS.graph])('is not changed by who listens to %s', (name) => {
    collected(name);
    expect(levelOfSubscribers()).toBeUndefined();
  });
});

import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publishGraph, publishPhase, publishRun } from '../../src/telemetry/channels.ts';
import { type Tracing, traceRuns } from '../../src/telemetry/opentelemetry.ts';
import { reportOf, START_MS, span, usageOf } from './reports.ts';

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let tracing: Tracing;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

beforeEach(() => {
  tracing = traceRuns({ tracerProvider });
});
afterEach(() => {
  tracing.stop();
  exporter.reset();
});

const toMs = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1_000 + nanoseconds / 1e6;

/** `{ run: { guest: { load: {}, compute: {} } } }`, by the names behind the package's own. */
function treeOf(spans: readonly ReadableSpan[]) {
  type Tree = { [name: string]: Tree };
  const under = (parent: string | undefined): Tree => {
    const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent);
    return Object.fromEntries(
      children.map((child) => [child.name.replace('wasi-nn-host ', ''), under(child.spanContext().spanId)]),
    );
  };
  return under(undefined);
}

function named(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((candidate) => candidate.name === `wasi-nn-host ${name}`);
  expect(found).toHaveLength(1);
  return found[0] as ReadableSpan;
}

describe('the spans of a run', () => {
  it('lie within each other as the phases did', () => {
    publishRun(reportOf());
    expect(treeOf(exporter.getFinishedSpans())).toEqual({
      run: { queue: {}, instantiate: {}, guest: { load: {}, compute: {} } },
    });
  });

  it('have the times that were measured', () => {
    publishRun(reportOf());
    for (const [name, fromMs, untilMs] of [
      ['run', 0, 100],
      ['queue', 0, 4],
      ['guest', 10, 99],
      ['compute', 60, 80],
    ] as const) {
      const { startTime, endTime } = named(name);
      expect([toMs(startTime), toMs(endTime)]).toEqual([START_MS + fromMs, START_MS + untilMs]);
    }
  });

  it('belong to the trace of whoever called', async () => {
    const request = tracerProvider.getTracer('test').startSpan('GET /classify');
    await context.with(trace.setSpan(context.active(), request), async () => {
      await Promise.resolve();
      publishRun(reportOf());
    });
    request.end();
    const run = named('run');
    expect(run.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(new Set(exporter.getFinishedSpans().map((one) => one.spanContext().traceId)).size).toBe(1);
  });

  it('carry what the run used', () => {
    publishRun(reportOf({ tenant: 'a', outcome: 'exited', exitCode: 3 }));
    expect(named('run').attributes).toEqual({
      'process.exit.code': 3,
      'wasi_nn_host.module': 'guest.wasm',
      'wasi_nn_host.tenant': 'a',
      'wasi_nn_host.mode': 'thread',
      'wasi_nn_host.outcome': 'exited',
      'wasi_nn_host.output_bytes': 20,
      'wasi_nn_host.cpu_ms': 7,
      'wasi_nn_host.peak_memory_bytes': 131_072,
      'wasi_nn_host.bytes_read': 10,
      'wasi_nn_host.bytes_written': 20,
      'wasi_nn_host.load_hits': 0,
      'wasi_nn_host.load_misses': 0,
    });
    expect(named('load').attributes).toEqual({ 'wasi_nn_host.byte_length': 1_000, 'wasi_nn_host.is_hit': false });
    expect(named('run').status.code).toBe(SpanStatusCode.UNSET);
  });

  it('record the error of a run that failed', () => {
    const message = 'wasm trap: unreachable';
    publishRun(reportOf({ outcome: 'failed', exitCode: undefined, code: 'ERR_GUEST_TRAP', message }));
    const { status, attributes, events } = named('run');
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(attributes['error.type']).toBe('ERR_GUEST_TRAP');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      name: 'exception',
      attributes: { 'exception.type': 'ERR_GUEST_TRAP', 'exception.message': message },
    });
    expect(toMs(events[0]?.time ?? [0, 0])).toBe(START_MS + 100);
  });

  it('mark refused calls', () => {
    const refused = span('set_input', 20, 30, { detail: { index: 7, errno: 5, errnoName: 'runtime_error' } });
    publishRun(reportOf({ usage: usageOf([refused, span('guest', 10, 90)]) }));
    expect(named('set_input').status.code).toBe(SpanStatusCode.ERROR);
    expect(named('set_input').attributes['error.type']).toBe('runtime_error');
    expect(named('guest').status.code).toBe(SpanStatusCode.UNSET);
  });

  it('have the calls of a guest that was ended from outside', () => {
    publishRun(reportOf({ usage: usageOf([span('compute', 20, 30)]), outcome: 'failed', code: 'ERR_GUEST_TIMEOUT' }));
    expect(treeOf(exporter.getFinishedSpans())).toEqual({ run: { compute: {} } });
  });

  it('are a bounded number, and tell how many are missing', () => {
    tracing.stop();
    tracing = traceRuns({ tracerProvider, maxCallSpans: 10 });
    const calls = Array.from({ length: 60 }, (_, index) => span('compute', 10 + index, 11 + index));
    const usage = usageOf([...calls, span('guest', 10, 90)], { leftOut: { spans: 1_000, operations: 0 } });
    publishRun(reportOf({ usage }));
    expect(exporter.getFinishedSpans()).toHaveLength(12);
    expect(named('run').attributes['wasi_nn_host.calls_left_out']).toBe(1_050);
  });

  it('are one where the run never began', () => {
    publishRun(reportOf({ usage: undefined, outcome: 'failed', code: 'ERR_POOL_QUEUE_FULL', mode: undefined }));
    expect(treeOf(exporter.getFinishedSpans())).toEqual({ run: {} });
  });
});

describe('spans outside of runs', () => {
  it('are of modules and graphs', () => {
    publishPhase(span('compile', 0, 5, { detail: { module: 'guest.wasm', isHit: true } }));
    publishPhase(span('compile', 0, 5), { id: 1, module: 'guest.wasm', tenant: '', mode: 'thread' });
    publishGraph({ graph: 'digits', change: 'replaced', startMs: START_MS, endMs: START_MS + 9 });
    expect(treeOf(exporter.getFinishedSpans())).toEqual({ compile: {}, graph: {} });
    expect(named('graph').attributes).toEqual({
      'wasi_nn_host.graph': 'digits',
      'wasi_nn_host.change': 'replaced',
    });
  });
});

describe('without a tracer', () => {
  it('makes nothing, by the provider that the API has then', () => {
    tracing.stop();
    tracing = traceRuns();
    publishRun(reportOf());
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('listens no more once it was stopped', () => {
    tracing.stop();
    publishRun(reportOf());
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

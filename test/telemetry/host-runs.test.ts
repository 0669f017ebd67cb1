import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/engine/run-report.ts';
import type { GuestTrapError } from '../../src/errors.ts';
import { Host } from '../../src/host/host.ts';
import { CHANNELS, type PhaseReport } from '../../src/telemetry/channels.ts';
import { collectMetrics } from '../../src/telemetry/metrics.ts';
import { traceRuns } from '../../src/telemetry/opentelemetry.ts';

const host = new Host();
afterAll(() => host.dispose());

const REFUSED = `(module
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (func (export "_start") (drop (call $compute (i32.const 7)))))`;
const TRAPPING = '(module (func (export "_start") unreachable))';

const compiled = (text: string) => host.compile(new TextEncoder().encode(text), { name: 'guest.wat' });

let undo: (() => void)[] = [];
afterEach(() => {
  for (const one of undo) one();
  undo = [];
});

function collected<Message>(name: string): Message[] {
  const messages: Message[] = [];
  const listener = (message: unknown) => messages.push(message as Message);
  subscribe(name, listener);
  undo.push(() => unsubscribe(name, listener));
  return messages;
}

describe('a module that a host compiles', () => {
  it('is told once, outside of any run', async () => {
    const phases = collected<PhaseReport>(CHANNELS.compile);
    const before = performance.timeOrigin + performance.now();
    const text = '(module (func (export "once")))';
    const modules = await Promise.all([compiled(text), compiled(text)]);
    expect(phases).toHaveLength(1);
    const [phase] = phases as [PhaseReport];
    expect(phase).toMatchObject({ name: 'compile', run: undefined, detail: { module: 'guest.wat' } });
    expect(phase.startMs).toBeGreaterThanOrEqual(before);
    expect(phase.endMs).toBeGreaterThanOrEqual(phase.startMs);
    await host.run(modules[1], { mode: 'calling-thread' });
    expect(phases).toHaveLength(1);
  });

  it('is told in the run that has it compiled for its limits', async () => {
    const module = await compiled('(module (memory 1) (func (export "limited")))');
    const phases = collected<PhaseReport>(CHANNELS.compile);
    await host.run(module, { mode: 'calling-thread', maxMemoryBytes: 2 ** 20 });
    await host.run(module, { mode: 'calling-thread', maxMemoryBytes: 2 ** 20 });
    expect(phases.map(({ run }) => run?.module)).toEqual(['guest.wat']);
  });
});

it('a module that is compiled with the limits of its runs is compiled for none of them', async () => {
  const phases = collected<PhaseReport>(CHANNELS.compile);
  const limits = { maxMemoryBytes: 2 ** 20 };
  const text = '(module (memory 1) (func (export "_start")) (func (export "limited before")))';
  const module = await host.compile(Buffer.from(text), { name: 'guest.wat', ...limits });
  const { usage } = await host.run(module, { mode: 'calling-thread', ...limits });
  expect(usage.phases.compile).toBeUndefined();
  expect(phases.map(({ run }) => run)).toEqual([undefined, undefined]);
});

describe.each(['calling-thread', 'thread', 'process'] as const)('a run of a host in mode %s', (mode) => {
  it('is told over the channels, within the context of its caller', async () => {
    const requests = new AsyncLocalStorage<string>();
    const runs = collected<RunReport>(CHANNELS.run);
    const computed = collected<PhaseReport>(CHANNELS.compute);
    const stores: unknown[] = [];
    const store = () => stores.push(requests.getStore());
    subscribe(CHANNELS.run, store);
    undo.push(() => unsubscribe(CHANNELS.run, store));
    const module = await compiled(REFUSED);
    await requests.run('request 7', () => host.run(module, { mode, tenant: 'a' }));
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ module: 'guest.wat', tenant: 'a', mode, outcome: 'returned', exitCode: 0 });
    expect(computed).toHaveLength(1);
    expect(computed[0]).toMatchObject({
      name: 'compute',
      detail: { errno: 6, errnoName: 'unsupported_operation' },
      run: { id: runs[0]?.id, module: 'guest.wat' },
    });
    expect(stores).toEqual(['request 7']);
  });

  it('tells what it took until its worker had it, between its turn and its guest', async () => {
    const started = collected<PhaseReport>(CHANNELS.start);
    const module = await compiled(REFUSED);
    const { usage } = await host.run(module, { mode, timeline: true });
    const named = (name: string) => usage.spans?.filter((span) => span.name === name) ?? [];
    const isInWorker = mode !== 'calling-thread';
    expect(named('start').map(({ startMs }) => startMs)).toEqual(named('queue').map(({ endMs }) => endMs));
    expect(named('start')).toHaveLength(isInWorker ? 1 : 0);
    expect(started.map(({ run, startMs, endMs }) => [run?.mode, endMs >= startMs])).toEqual(
      isInWorker ? [[mode, true]] : [],
    );
    expect(usage.phases.start?.count).toBe(isInWorker ? 1 : undefined);
  });

  it('is told where it fails, with the code', async () => {
    const runs = collected<RunReport>(CHANNELS.run);
    const module = await compiled(TRAPPING);
    await expect(host.run(module, { mode })).rejects.toMatchObject({ code: 'ERR_GUEST_TRAP' });
    expect(runs[0]).toMatchObject({ outcome: 'failed', code: 'ERR_GUEST_TRAP', exitCode: undefined });
  });

  it('is in the metrics', async () => {
    const register = new Registry();
    const metrics = collectMetrics({ register, host });
    undo.push(() => metrics.stop());
    await host.run(await compiled(REFUSED), { mode });
    const lines = (await register.metrics()).split('\n');
    expect(lines).toContain(`wasi_nn_host_runs_total{outcome="returned",code="none",mode="${mode}"} 1`);
    expect(lines).toContain('wasi_nn_host_refused_calls_total{call="compute",errno="unsupported_operation"} 1');
    expect(lines).toContain('wasi_nn_host_instantiate_seconds_count 1');
  });

  it('is in the trace of its caller', async () => {
    const exporter = new InMemorySpanExporter();
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const tracing = traceRuns({ tracerProvider });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    undo.push(
      () => tracing.stop(),
      () => context.disable(),
    );
    const request = tracerProvider.getTracer('test').startSpan('request');
    const module = await compiled(REFUSED);
    await context.with(trace.setSpan(context.active(), request), () => host.run(module, { mode }));
    request.end();
    const spans = exporter.getFinishedSpans();
    const parentOf = (name: string) => {
      const parent = spans.find((span) => span.name === name)?.parentSpanContext?.spanId;
      return spans.find((span) => span.spanContext().spanId === parent)?.name;
    };
    expect(parentOf('wasi-nn-host compute')).toBe('wasi-nn-host guest');
    expect(parentOf('wasi-nn-host guest')).toBe('wasi-nn-host run');
    expect(parentOf('wasi-nn-host run')).toBe('request');
  });
});

describe.each(['calling-thread', 'thread'] as const)('a call of an instance in mode %s', (mode) => {
  const CALLED = `(module
    (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
    (func (export "once") (drop (call $compute (i32.const 7))))
    (func (export "fails") unreachable))`;

  it('is told as a run is, with what it used itself', async () => {
    const runs = collected<RunReport>(CHANNELS.run);
    const computed = collected<PhaseReport>(CHANNELS.compute);
    const register = new Registry();
    const metrics = collectMetrics({ register });
    undo.push(() => metrics.stop());
    const instance = await host.instantiate(await compiled(CALLED), { mode });
    for (const _ of [1, 2]) expect((await instance.call('once')).usage.spans).toBeUndefined();
    await expect(instance.call('fails')).rejects.toMatchObject({ code: 'ERR_GUEST_TRAP' });
    await instance.dispose();
    expect(runs.map(({ call, outcome, code }) => [call, outcome, code])).toEqual([
      ['_initialize', 'returned', undefined],
      ['once', 'returned', undefined],
      ['once', 'returned', undefined],
      ['fails', 'failed', 'ERR_GUEST_TRAP'],
    ]);
    expect(runs.map(({ usage }) => usage?.phases.compute?.count)).toEqual([undefined, 1, 1, undefined]);
    expect(runs.map(({ usage }) => usage?.phases.instantiate?.count)).toEqual([1, undefined, undefined, undefined]);
    const starts = [mode === 'thread' ? 1 : undefined, undefined, undefined, undefined];
    expect(runs.map(({ usage }) => usage?.phases.start?.count)).toEqual(starts);
    expect(computed.map(({ run }) => run?.id)).toEqual([runs[1]?.id, runs[2]?.id]);
    const lines = (await register.metrics()).split('\n');
    expect(lines).toContain(`wasi_nn_host_calls_total{outcome="returned",code="none",mode="${mode}"} 3`);
    expect(lines).toContain('wasi_nn_host_refused_calls_total{call="compute",errno="unsupported_operation"} 2');
  });
});

describe.each(['thread', 'process'] as const)('a guest that is ended from outside in mode %s', (mode) => {
  it('has used nobody knows how much, which is in no histogram', async () => {
    const runs = collected<RunReport>(CHANNELS.run);
    const register = new Registry();
    const metrics = collectMetrics({ register });
    undo.push(() => metrics.stop());
    const endless = await compiled('(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))');
    const error = await host.run(endless, { mode, timeoutMs: 20 }).catch((reason: GuestTrapError) => reason);
    expect(error).toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    const { usage } = error as GuestTrapError;
    expect(usage).toMatchObject({ mode, peakMemoryBytes: undefined, bytesRead: undefined, loads: undefined });
    expect(usage?.phases.guest?.wallMs).toBeGreaterThan(0);
    expect(usage?.phases.start?.count).toBe(1);
    expect((error as GuestTrapError).message).toBe('the guest ran longer than 20 ms');
    expect(runs[0]?.usage).toEqual(usage);
    expect((await register.metrics()).split('\n')).toContain('wasi_nn_host_guest_peak_memory_bytes_count 0');
  });
});

it('a run that others listen to tells its caller no spans, unless it has a timeline', async () => {
  const runs = collected<RunReport>(CHANNELS.run);
  const module = await compiled(REFUSED);
  expect((await host.run(module, { mode: 'thread' })).usage.spans).toBeUndefined();
  expect((await host.run(module, { mode: 'thread', timeline: true })).usage.spans?.length).toBeGreaterThan(2);
  for (const { usage } of runs) expect(usage?.spans?.map(({ name }) => name)).toContain('compute');
});

it('a run that nobody listens to records no spans', async () => {
  const { usage } = await host.run(await compiled(REFUSED));
  expect(usage.spans).toBeUndefined();
  expect(usage.phases.compute?.count).toBe(1);
});

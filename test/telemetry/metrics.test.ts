import { channel } from 'node:diagnostics_channel';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { Pool } from '../../src/host/pool.ts';
import { CHANNELS, publishPhase, publishRun } from '../../src/telemetry/channels.ts';
import { collectMetrics, type MetricsCollection, type MetricsOptions } from '../../src/telemetry/metrics.ts';
import { reportOf, span, usageOf } from './reports.ts';

const collections: MetricsCollection[] = [];

function collecting(options: MetricsOptions = {}): Registry {
  const register = new Registry();
  collections.push(collectMetrics({ register, ...options }));
  return register;
}

/** The lines of the Prometheus text that begin with this name. */
async function lines(register: Registry, name: string): Promise<string[]> {
  const text = await register.metrics();
  return text.split('\n').filter((line) => line.startsWith(`wasi_nn_host_${name}`));
}

afterEach(() => {
  for (const collection of collections.splice(0)) collection.stop();
});

describe('metrics of runs', () => {
  it('count how runs ended, with the code of the error', async () => {
    const register = collecting();
    publishRun(reportOf());
    publishRun(reportOf());
    publishRun(reportOf({ outcome: 'exited', exitCode: 3, mode: 'process' }));
    publishRun(reportOf({ outcome: 'failed', code: 'ERR_GUEST_TIMEOUT' }));
    publishRun(reportOf({ outcome: 'failed', code: 'ERR_POOL_QUEUE_FULL', mode: undefined, usage: undefined }));
    publishRun(reportOf({ outcome: 'failed', code: undefined }));
    expect(await lines(register, 'runs_total')).toEqual([
      'wasi_nn_host_runs_total{outcome="returned",code="none",mode="thread"} 2',
      'wasi_nn_host_runs_total{outcome="exited",code="none",mode="process"} 1',
      'wasi_nn_host_runs_total{outcome="failed",code="ERR_GUEST_TIMEOUT",mode="thread"} 1',
      'wasi_nn_host_runs_total{outcome="failed",code="ERR_POOL_QUEUE_FULL",mode="none"} 1',
      'wasi_nn_host_runs_total{outcome="failed",code="other",mode="thread"} 1',
    ]);
  });

  it.each([
    ['run_seconds', 0.1, 'outcome="returned",mode="thread"'],
    ['queue_seconds', 0.004, 'mode="thread"'],
    ['instantiate_seconds', 0.005, ''],
    ['load_seconds', 0.03, 'cache="miss"'],
    ['compute_seconds', 0.02, ''],
    ['guest_peak_memory_bytes', 131_072, ''],
  ])('observe %s', async (name, sum, labels) => {
    const register = collecting();
    publishRun(reportOf());
    const inBraces = labels === '' ? '' : `{${labels}}`;
    const [sumLine = '', countLine] = await lines(register, name).then((all) => all.slice(-2));
    expect(countLine).toBe(`wasi_nn_host_${name}_count${inBraces} 1`);
    expect(sumLine.startsWith(`wasi_nn_host_${name}_sum${inBraces} `)).toBe(true);
    expect(Number(sumLine.split(' ').at(-1))).toBeCloseTo(sum, 6);
  });

  it('tell loads that were found compiled from those that were not, and leave refused calls out of times', async () => {
    const register = collecting();
    const spans = [
      span('load', 0, 1, { detail: { isHit: true } }),
      span('load', 1, 2, { detail: { isHit: false } }),
      span('load', 2, 3),
      span('load', 3, 4, { detail: { errno: 5, errnoName: 'runtime_error' } }),
      span('compute', 4, 5, { detail: { errno: 6, errnoName: 'unsupported_operation' } }),
    ];
    publishRun(reportOf({ usage: usageOf(spans, { leftOut: { spans: 40, operations: 0 } }) }));
    expect((await lines(register, 'load_seconds_count')).sort()).toEqual([
      'wasi_nn_host_load_seconds_count{cache="hit"} 1',
      'wasi_nn_host_load_seconds_count{cache="miss"} 2',
    ]);
    expect(await lines(register, 'compute_seconds_count')).toEqual(['wasi_nn_host_compute_seconds_count 0']);
    expect(await lines(register, 'refused_calls_total')).toEqual([
      'wasi_nn_host_refused_calls_total{call="load",errno="runtime_error"} 1',
      'wasi_nn_host_refused_calls_total{call="compute",errno="unsupported_operation"} 1',
    ]);
    expect(await lines(register, 'calls_left_out_total')).toEqual(['wasi_nn_host_calls_left_out_total 40']);
  });

  it('see the compilation of modules, and add up output and processor time', async () => {
    const register = collecting();
    publishPhase(span('compile', 0, 250));
    publishRun(reportOf());
    publishRun(reportOf());
    expect(await lines(register, 'module_compile_seconds_sum')).toEqual([
      'wasi_nn_host_module_compile_seconds_sum 0.25',
    ]);
    expect(await lines(register, 'output_bytes_total')).toEqual(['wasi_nn_host_output_bytes_total 40']);
    expect(await lines(register, 'guest_cpu_seconds_total')).toEqual(['wasi_nn_host_guest_cpu_seconds_total 0.014']);
  });

  it('never take a label from a guest', async () => {
    const register = collecting({ labels: ['module', 'tenant'] });
    const hostile = 'chosen by the guest';
    const spans = [span('load_by_name', 0, 1, { detail: { graph: hostile, errno: 6, errnoName: 'not_found' } })];
    publishRun(reportOf({ usage: usageOf(spans), message: hostile, outcome: 'failed', code: 'ERR_GUEST_TRAP' }));
    const text = await register.metrics();
    expect(text).not.toContain(hostile);
    expect(text).toContain('errno="not_found",module="guest.wasm",tenant=""');
  });

  it('have the labels that the embedder asks for, and no other', async () => {
    const register = collecting({ labels: ['tenant'] });
    publishRun(reportOf({ tenant: 'a' }));
    publishRun(reportOf({ tenant: 'b' }));
    expect(await lines(register, 'output_bytes_total')).toEqual([
      'wasi_nn_host_output_bytes_total{tenant="a"} 20',
      'wasi_nn_host_output_bytes_total{tenant="b"} 20',
    ]);
  });
});

describe('figures', () => {
  it('are read when somebody asks', async () => {
    const stats = { threads: 4, running: 1, queued: 0, replaced: 0, leftBehind: 0 };
    const figures = { compiledModels: 3, keptModels: 2, keptBytes: 1_000, evictions: 0, abandonedCompiles: 0 };
    const register = collecting({ host: { stats, modelStats: figures } });
    await register.metrics();
    Object.assign(stats, { running: 3, queued: 9, replaced: 2, leftBehind: 5 });
    Object.assign(figures, { keptBytes: 2_000, evictions: 5, abandonedCompiles: 1 });
    const text = await register.metrics();
    for (const line of [
      'pool_workers 4',
      'pool_running 3',
      'pool_queued 9',
      'pool_left_behind 5',
      'pool_workers_replaced_total 2',
      'models_compiled 3',
      'models_kept 2',
      'models_kept_bytes 2000',
      'models_evicted_total 5',
      'abandoned_compiles 1',
    ]) {
      expect(text.split('\n')).toContain(`wasi_nn_host_${line}`);
    }
    const [resident] = await lines(register, 'resident_memory_bytes');
    expect(Number(resident?.split(' ').at(-1))).toBeGreaterThan(2 ** 20);
  });

  it('are those of a pool, where one is given, and of the models of a real host', async () => {
    await using host = new Host();
    const pool = new Pool(host, { threads: 1 });
    const register = collecting({ host, pool });
    expect(await lines(register, 'pool_workers')).toContain('wasi_nn_host_pool_workers 1');
    expect(await lines(register, 'abandoned_compiles')).toEqual(['wasi_nn_host_abandoned_compiles 0']);
    await pool.close();
  });

  it('are not there for what was not given', async () => {
    const text = await collecting().metrics();
    expect(text).not.toMatch(/pool_|models_kept|abandoned/);
  });
});

describe('a collection that was stopped', () => {
  it('listens no more, and leaves nothing in the register', async () => {
    const register = new Registry();
    const stats = { threads: 4, running: 1, queued: 0, replaced: 0, leftBehind: 0 };
    const collection = collectMetrics({ register, pool: { stats } });
    expect(channel(CHANNELS.run).hasSubscribers).toBe(true);
    collection.stop();
    expect(channel(CHANNELS.run).hasSubscribers).toBe(false);
    expect((await register.metrics()).trim()).toBe('');
    collectMetrics({ register }).stop();
  });
});

describe('names and help', () => {
  it('are as Prometheus wants them: units at the end, counters by _total, each with a text', async () => {
    const register = collecting({ prefix: 'my_' });
    const metrics = await register.getMetricsAsJSON();
    expect(metrics.length).toBeGreaterThan(10);
    for (const { name, help, type } of metrics) {
      expect(name).toMatch(/^my_[a-z_]+$/);
      expect(help.endsWith('.')).toBe(true);
      expect(String(type) === 'counter').toBe(name.endsWith('_total'));
      if (String(type) === 'histogram') expect(name).toMatch(/_(?:seconds|bytes)$/);
    }
  });
});

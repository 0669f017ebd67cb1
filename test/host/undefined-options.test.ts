/** Options that are undefined are as good as none, for TypeScript's `exactOptionalPropertyTypes`, too. */
import { Registry } from 'prom-client';
import { afterAll, expect, it } from 'vitest';
import {
  type CompileOptions,
  type GraphOptions,
  Host,
  type HostInstanceOptions,
  type HostOptions,
  type HostRunOptions,
  Pool,
  type PoolOptions,
} from '../../src/index.ts';
import { collectMetrics, type MetricsOptions } from '../../src/telemetry/metrics.ts';
import { type TracingOptions, traceRuns } from '../../src/telemetry/opentelemetry.ts';
import { smallModel } from '../nn/abi/guest.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

type Undefined<Options> = { [Name in keyof Required<Options>]: undefined };

const ofRun: Undefined<HostRunOptions> = {
  ...{ args: undefined, argv0: undefined, env: undefined, preopens: undefined, invoke: undefined, wasiNn: undefined },
  ...{ stdin: undefined, stdout: undefined, stderr: undefined, maxCaptureBytes: undefined, graphs: undefined },
  ...{
    maxMemoryBytes: undefined,
    maxTableElements: undefined,
    maxMemoryFileBytes: undefined,
    maxOutputBytes: undefined,
  },
  ...{ timeoutMs: undefined, maxQueueMs: undefined, signal: undefined, mode: undefined, timeline: undefined },
  ...{ tenant: undefined, priority: undefined },
};
const { invoke: _, maxQueueMs: __, timeline: ___, tenant: ____, priority: _____, ...ofInstance } = ofRun;
const ofPool: Undefined<PoolOptions> = {
  ...{
    threads: undefined,
    maxQueue: undefined,
    isolation: undefined,
    maxHeapBytes: undefined,
    maxRunsPerProcess: undefined,
    defaults: undefined,
  },
};
const ofHost: Undefined<HostOptions> = {
  ...{ backend: undefined, openvinoDir: undefined, properties: undefined, allowedGuestProperties: undefined },
  ...{ onRefused: undefined, maxModuleBytes: undefined, maxModelBytes: undefined, pool: undefined },
};
const ofModule: Undefined<CompileOptions> = { name: undefined, maxMemoryBytes: undefined, maxTableElements: undefined };

const host = new Host(ofHost);
afterAll(() => host.close());
const compiled = () => host.compile(Buffer.from('(module (func (export "_start")))'), ofModule);

it('a run takes them', async () => {
  const pool = new Pool(host, ofPool);
  for (const { run } of [host, pool].map((one) => ({ run: one.run.bind(one) }))) {
    const { exitCode, stdout } = await run(await compiled(), ofRun satisfies HostRunOptions);
    expect([exitCode, String(stdout)]).toEqual([0, '']);
  }
  await pool.close();
});

it('an instance takes them', async () => {
  const instance = await host.instantiate(await compiled(), ofInstance satisfies HostInstanceOptions);
  expect((await instance.call('_start', { timeoutMs: undefined, signal: undefined })).results).toEqual([]);
});

it('metrics and traces take them', () => {
  const ofMetrics = { host: undefined, pool: undefined, labels: undefined, prefix: undefined } satisfies MetricsOptions;
  collectMetrics({ register: new Registry(), ...ofMetrics })[Symbol.dispose]();
  const ofTraces: Undefined<TracingOptions> = { tracerProvider: undefined, maxCallSpans: undefined };
  traceRuns(ofTraces)[Symbol.dispose]();
});

it.skipIf(skipUnless(nativeRuntime()))('a graph takes them', async () => {
  const other = { dir: undefined, files: undefined, encoding: undefined, target: undefined, properties: undefined };
  const { encoding } = await host.graphs.register('relu', {
    ...other,
    bytes: smallModel('relu'),
  } satisfies GraphOptions);
  expect(encoding).toBe('autodetect');
});

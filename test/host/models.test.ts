/** Compiled models, which guests of one process share, whoever brought them. */
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Host, type HostOptions, type HostRunOptions, Pool, type RunMode } from '../../src/index.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const fixture = (path: string) => new URL(`../../fixtures/${path}`, import.meta.url);
const preopens = [{ hostPath: fixture('digits').pathname, guestPath: 'fixture', readOnly: true }];

/** Loads the graph "digits" by name. */
const LOADER = new TextEncoder().encode(`(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "digits")
  (func (export "load") (result i32)
    (i32.or (call $load (i32.const 8) (i32.const 6) (i32.const 0))
            (call $init (i32.load (i32.const 0)) (i32.const 4)))))`);

const MODES: readonly RunMode[] = ['calling-thread', 'thread'];
const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  const hosts: Host[] = [];
  const newHost = (options: HostOptions = {}) => {
    const host = new Host({ backend: 'native', pool: { threads: 1 }, ...options });
    hosts.push(host);
    return host;
  };
  beforeEach(async () => {
    // The addon is loaded with the first host that infers; its counts are of the process.
    await newHost().graphs.register('digits', { dir: fixture('digits') });
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  async function classify(host: Host, options: HostRunOptions) {
    const { usage } = await host.run(await host.compile(fixture('classify.wasm')), { preopens, ...options });
    return usage.loads;
  }

  it.each(MODES)('a model that one guest compiled is there for the next (mode %s)', async (mode) => {
    const host = newHost({ properties: { INFERENCE_NUM_THREADS: mode === 'thread' ? '1' : '2' } });
    expect(await classify(host, { mode })).toEqual({ hits: 0, misses: 1 });
    expect(await classify(host, { mode })).toEqual({ hits: 1, misses: 0 });
    const other = mode === 'thread' ? 'calling-thread' : 'thread';
    expect(await classify(host, { mode: other })).toEqual({ hits: 1, misses: 0 });
    const { compiledModels, keptModels, keptBytes, maxKeptBytes } = host.modelStats;
    expect([compiledModels >= 1, keptModels >= 1, keptBytes > 0, maxKeptBytes]).toEqual([true, true, true, 2 ** 30]);
  });

  it.each(MODES)('a registered graph is not compiled again for a guest (mode %s)', async (mode) => {
    const host = newHost();
    await host.graphs.register('digits', { dir: fixture('digits') });
    const before = host.modelStats.misses;
    const module = await host.compile(LOADER);
    const { results, usage } = await host.run(module, { mode, invoke: { name: 'load' }, graphs: ['digits'] });
    expect([results, usage.mode, host.modelStats.misses - before]).toEqual([['0'], mode, 0]);
  });

  it('models are compiled for as many callers as a pool has', async () => {
    const properties = async (host: Host) => {
      await host.graphs.register('digits', { dir: fixture('digits') });
      const lease = host.graphs.lease(['digits']);
      lease.release();
      return lease.granted[0]?.properties;
    };
    const cores = availableParallelism();
    const streams = cores > 1 ? { NUM_STREAMS: String(cores) } : {};
    expect(await properties(newHost({ pool: { threads: 1 } }))).toEqual({});
    expect(await properties(newHost({ pool: {} }))).toEqual(streams);
    expect(await properties(newHost({ pool: { threads: cores + 1 } }))).toEqual(streams);
    const own = { PERFORMANCE_HINT: 'LATENCY' };
    expect(await properties(newHost({ pool: { threads: cores + 1 }, properties: own }))).toEqual(own);
    const host = newHost();
    await using _ = new Pool(host, { threads: cores });
    expect(await properties(host)).toEqual(streams);
  });

  it('replaces a graph under traffic, and no guest sees less than one of them', async () => {
    const host = newHost({ pool: { threads: 2 } });
    const module = await host.compile(LOADER);
    const answers: string[] = [];
    const load = async (mode: RunMode) => {
      const { results } = await host.run(module, { mode, invoke: { name: 'load' }, graphs: ['digits'] });
      answers.push(results[0] ?? 'nothing');
    };
    await host.graphs.register('digits', { dir: fixture('digits') });
    const runs: Promise<void>[] = [];
    for (let turn = 0; turn < 10; turn++) {
      runs.push(load('thread'), load('thread'));
      const files = turn % 2 === 0 ? [fixture('digits/model.onnx')] : [fixture('digits/model.tflite')];
      await host.graphs.register('digits', { files });
      await load('calling-thread');
    }
    await Promise.all(runs);
    expect(answers).toEqual(Array.from({ length: 30 }, () => '0'));
  });

  it('keeps nothing without a budget', async () => {
    const host = newHost({ maxModelBytes: 0, properties: { INFERENCE_NUM_THREADS: '3' } });
    const others = hosts.splice(0).filter((other) => other !== host);
    hosts.push(host);
    await Promise.all(others.map((other) => other.close()));
    for (let turn = 0; turn < 2; turn++) {
      expect(await classify(host, { mode: 'calling-thread' })).toEqual({ hits: 0, misses: 1 });
    }
    expect(host.modelStats).toMatchObject({ keptModels: 0, keptBytes: 0, maxKeptBytes: 0 });
  });
});

it('nothing is counted of models before anybody needs one', () => {
  const host = new Host();
  expect(Object.values(host.modelStats).every(Number.isInteger)).toBe(true);
  host.dispose();
});

/** Named graphs: registered once, granted by run, replaced while guests use them. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { BackendError } from '../../src/errors.ts';
import { type GraphOptions, HostGraphs } from '../../src/host/host-graphs.ts';
import { type GuestModule, Host, type HostRunOptions } from '../../src/index.ts';
import type { Backend, BackendGraph, LoadOptions } from '../../src/nn/backend.ts';
import { smallModel } from '../nn/abi/guest.ts';
import { MODELS } from '../nn/backend-contract.ts';
import { type FakeBackend, fakeBackend } from '../support/fake-backend.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const relu = { bytes: smallModel('relu'), encoding: 'openvino' } as const;

/** Compiles when it is told to, in the order that it is told. */
class HeldBackend {
  readonly fake: FakeBackend = fakeBackend();
  readonly asked: { builders: readonly Uint8Array[]; options: LoadOptions }[] = [];
  readonly #waiting: ((error?: Error) => void)[] = [];
  readonly backend: Backend = {
    ...this.fake,
    loadAsync: (builders, options) => {
      const number = this.asked.push({ builders, options });
      return new Promise<BackendGraph>((resolve, reject) => {
        this.#waiting[number - 1] = (error) =>
          error === undefined ? resolve(this.fake.load(builders, options)) : reject(error);
      });
    },
  };

  /** @param number from 0, in the order of loads */
  finish(number: number, error?: Error): void {
    this.#waiting[number]?.(error);
  }

  get live(): number {
    return this.fake.live.graphs;
  }
}

describe('a registry', () => {
  let held: HeldBackend;
  let graphs: HostGraphs;
  beforeEach(() => {
    held = new HeldBackend();
    graphs = new HostGraphs(
      () => held.backend,
      () => ({ NUM_STREAMS: '2', PERFORMANCE_HINT: 'LATENCY' }),
    );
  });

  async function registered(name: string): Promise<void> {
    const registering = graphs.register(name, relu);
    held.finish(held.asked.length - 1);
    await registering;
  }

  it('tells what a graph takes and gives', async () => {
    const registering = graphs.register('relu', { ...relu, properties: { NUM_STREAMS: '1' } });
    expect([graphs.get('relu'), graphs.list()]).toEqual([undefined, []]);
    held.finish(0);
    const info = await registering;
    const { inputs, outputs } = held.fake.load(relu.bytes, { encoding: 'openvino', target: 'cpu' });
    expect(info).toEqual({ name: 'relu', encoding: 'openvino', target: 'cpu', inputs, outputs });
    expect([graphs.get('relu'), graphs.list()]).toEqual([info, [info]]);
    const properties = { NUM_STREAMS: '1', PERFORMANCE_HINT: 'LATENCY' };
    const isAbandoned = expect.any(Function);
    const asked = { encoding: 'openvino', target: 'cpu', properties, forHost: true, isAbandoned };
    expect(held.asked[0]?.options).toEqual(asked);
  });

  it('copies bytes', async () => {
    const bytes = relu.bytes.map((builder) => Uint8Array.from(builder));
    const registering = graphs.register('relu', { ...relu, bytes });
    for (const builder of bytes) builder.fill(0);
    held.finish(0);
    await registering;
    expect(held.asked[0]?.builders.map((builder) => Buffer.from(builder))).toEqual(
      relu.bytes.map((builder) => Buffer.from(builder)),
    );
  });

  it('keeps what was there where a model is broken', async () => {
    await registered('relu');
    const before = graphs.get('relu');
    const registering = graphs.register('relu', relu);
    held.finish(1, new BackendError('ERR_NN_INVALID_MODEL', 'broken'));
    await expect(registering).rejects.toMatchObject({ code: 'ERR_NN_INVALID_MODEL' });
    expect(graphs.get('relu')).toBe(before);
    expect(held.live).toBe(1);
  });

  it('gives runs that began before the old graph until they end, and later ones the new', async () => {
    await registered('relu');
    const old = graphs.lease(['relu']);
    await registered('relu');
    const later = graphs.lease({ mine: 'relu' });
    expect(held.live).toBe(2);
    expect(later.registry.get('mine')).not.toBe(old.registry.get('relu'));
    expect(later.granted).toMatchObject([{ name: 'mine', encoding: 'openvino', target: 'cpu' }]);
    expect(later.granted[0]?.id).not.toBe(old.granted[0]?.id);
    old.registry.get('relu')?.initExecutionContext().dispose();
    old.release();
    old.release();
    expect(held.live).toBe(1);
    later.registry.get('mine')?.initExecutionContext().dispose();
    later.release();
    expect(held.live).toBe(1);
  });

  it('keeps of several calls for a name the last, whichever is compiled first', async () => {
    const first = graphs.register('relu', relu);
    const second = graphs.register('relu', { ...relu, target: 'cpu', properties: { OF: 'second' } });
    held.finish(1);
    await second;
    held.finish(0);
    await first;
    const lease = graphs.lease(['relu']);
    expect(lease.granted[0]?.properties).toHaveProperty('OF', 'second');
    expect(held.live).toBe(1);
  });

  it('forgets a graph that is unregistered while it is compiled', async () => {
    const registering = graphs.register('relu', relu);
    expect(graphs.unregister('relu')).toBe(false);
    held.finish(0);
    await registering;
    expect([graphs.list(), held.live]).toEqual([[], 0]);
  });

  it('frees what is unregistered when nobody has it any more', async () => {
    await registered('relu');
    const lease = graphs.lease(['relu']);
    expect([graphs.unregister('relu'), graphs.unregister('relu'), graphs.get('relu')]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect(held.live).toBe(1);
    lease.release();
    expect(held.live).toBe(0);
  });

  it('frees everything that nobody has when the host is disposed, and takes no more', async () => {
    await registered('relu');
    await registered('other');
    const lease = graphs.lease(['relu']);
    const late = graphs.register('late', relu);
    graphs.dispose();
    expect(held.live).toBe(1);
    held.finish(2);
    await expect(late).rejects.toMatchObject({ code: 'ERR_RELEASED' });
    lease.release();
    expect(held.live).toBe(0);
    await expect(graphs.register('relu', relu)).rejects.toMatchObject({ code: 'ERR_RELEASED' });
  });

  it('grants nothing that is not registered, and holds nothing then', async () => {
    await registered('relu');
    expect(() => graphs.lease(['relu', 'reluu'])).toThrow(
      expect.objectContaining({
        code: 'ERR_NN_GRAPH_NOT_FOUND',
        message: "graphs: 'reluu' is not registered; registered: relu",
      }),
    );
    graphs.unregister('relu');
    expect(held.live).toBe(0);
  });

  it('knows no names of objects', () => {
    const lease = graphs.lease([]);
    for (const name of ['toString', '__proto__', 'constructor']) expect(lease.registry.get(name)).toBeUndefined();
  });

  it.each<[GraphOptions | unknown, string]>([
    [undefined, 'options: expected an object of dir, files, bytes'],
    [{}, 'options: expected exactly one of dir, files and bytes'],
    [{ dir: 'a', files: ['b'] }, "options: expected exactly one of dir, files and bytes, received 'dir, files'"],
    [
      { directory: 'a' },
      "options: expected names out of dir, files, bytes, encoding, target, properties, received 'dir",
    ],
    [{ dir: 1 }, 'dir: expected a path or a file: URL'],
    [{ dir: new URL('http://localhost/') }, 'dir: expected a path or a file: URL'],
    [{ files: [] }, 'files: expected an array of paths and file: URLs'],
    [{ files: 'a' }, 'files: expected an array of paths and file: URLs'],
    [{ bytes: [1] }, 'bytes: expected bytes or an array of bytes'],
    [{ bytes: [] }, 'bytes: expected bytes or an array of bytes'],
    [{ ...relu, encoding: 'ir' }, 'encoding: expected one of openvino, onnx, tensorflow, tensorflowlite, autodetect'],
    [{ ...relu, target: 'npu' }, 'target: expected one of cpu, gpu, tpu'],
    [{ ...relu, properties: { NUM_STREAMS: 1 } }, 'properties.NUM_STREAMS: expected text'],
  ])('refuses %j', async (options, message) => {
    await expect(graphs.register('a', options as GraphOptions)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: expect.stringContaining(message),
    });
    for (const name of ['', 1, undefined]) {
      await expect(graphs.register(name as string, relu)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    }
  });

  it.each<[string, GraphOptions, string]>([
    ['a directory that is not there', { dir: '/no/such/directory' }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['a directory without a model', { dir: MODELS }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['a file that is not there', { files: [join(MODELS, 'none.onnx')] }, 'ERR_NN_MODEL_NOT_FOUND'],
  ])('refuses %s before anything is compiled', async (_, options, code) => {
    await expect(graphs.register('a', options)).rejects.toMatchObject({ code });
    expect(held.asked).toEqual([]);
  });

  it('says what keeps it from a model, and takes that for no absence', async () => {
    const dir = directory();
    const path = join(dir, 'model.xml');
    symlinkSync(path, path);
    const message = `graph 'a': '${path}' cannot be looked at: Too many symbolic links encountered (os error 40)`;
    for (const options of [{ dir }, { files: [path] }]) {
      await expect(graphs.register('a', options)).rejects.toMatchObject({ code: 'ERR_NN_MODEL_NOT_FOUND', message });
    }
    expect(held.asked).toEqual([]);
  });
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  const fixture = (path: string) => new URL(`../../fixtures/${path}`, import.meta.url);
  const model = ['model.xml', 'model.bin'].map((name) => fixture(`digits/${name}`));

  /** Answers `load_by_name` of "digits". */
  const LOADER = `(module
    (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "digits")
    (func (export "load") (result i32) (call $load (i32.const 8) (i32.const 6) (i32.const 0))))`;
  const run = (host: Host, module: GuestModule, options: HostRunOptions) =>
    host.run(module, { invoke: { name: 'load' }, ...options });
  const loader = (host: Host) => host.compile(new TextEncoder().encode(LOADER));
  const SUCCESS = '0';
  const UNKNOWN = '6';

  it.each<[string, string, () => GraphOptions]>([
    ['a directory', 'openvino', () => ({ dir: fixture('digits') })],
    ['a path of a directory', 'openvino', () => ({ dir: fixture('digits').pathname, encoding: 'openvino' })],
    ['files', 'openvino', () => ({ files: model })],
    ['bytes', 'autodetect', () => ({ bytes: model.map((file) => readFileSync(file)) })],
    ['bytes of ONNX', 'autodetect', () => ({ bytes: readFileSync(fixture('digits/model.onnx')) })],
    [
      'a file of TensorFlow Lite',
      'tensorflowlite',
      () => ({ files: [fixture('digits/model.tflite').pathname], encoding: 'tensorflowlite' }),
    ],
  ])('registers %s as %s', async (_, expected, options) => {
    using host = new Host({ backend: 'native' });
    const { inputs, outputs, encoding } = await host.graphs.register('digits', options());
    expect(encoding).toBe(expected);
    expect(inputs).toMatchObject([{ elementType: 'f32' }]);
    expect(outputs).toMatchObject([{ elementType: 'f32', shape: [1, 10] }]);
    const module = await loader(host);
    expect((await run(host, module, { graphs: ['digits'] })).results).toEqual([SUCCESS]);
  });

  it.each<[string, HostRunOptions]>([
    ['on the calling thread', { mode: 'calling-thread' }],
    ['in a thread', { mode: 'thread' }],
  ])('a guest %s reaches the graphs that it was granted, by the names that it was told', async (_, options) => {
    using host = new Host({ backend: 'native' });
    await host.graphs.register('digits', { dir: fixture('digits') });
    await host.graphs.register('relu', { bytes: smallModel('relu'), encoding: 'openvino' });
    const module = await loader(host);
    const answers = [];
    for (const graphs of [undefined, ['relu'], ['digits'], { digits: 'relu' }, { other: 'digits' }]) {
      const { results, usage } = await run(host, module, { ...options, ...(graphs && { graphs }) });
      answers.push([results[0], usage.mode === options.mode]);
    }
    expect(answers).toEqual([
      [UNKNOWN, true],
      [UNKNOWN, true],
      [SUCCESS, true],
      [SUCCESS, true],
      [UNKNOWN, true],
    ]);
    await expect(run(host, module, { ...options, graphs: ['none'] })).rejects.toMatchObject({
      code: 'ERR_NN_GRAPH_NOT_FOUND',
    });
  });

  it('leaves a graph alone that a broken one was to replace', async () => {
    using host = new Host({ backend: 'native' });
    await host.graphs.register('digits', { dir: fixture('digits') });
    const folder = directory();
    cpSync(fixture('digits/model.xml'), join(folder, 'model.xml'));
    writeFileSync(join(folder, 'model.bin'), 'damaged');
    for (const options of [{ dir: pathToFileURL(folder) }, { bytes: Buffer.from('no model') }]) {
      await expect(host.graphs.register('digits', options)).rejects.toBeInstanceOf(BackendError);
    }
    expect((await run(host, await loader(host), { graphs: ['digits'] })).results).toEqual([SUCCESS]);
  });
});

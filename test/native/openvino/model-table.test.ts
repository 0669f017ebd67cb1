import { Worker } from 'node:worker_threads';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { NativeOpenVino } from '../../../src/native/openvino.ts';
import { builtAddon, testRuntimes } from '../../support/runtimes.ts';
import { compileIr, digits, f32, openRoom, rejectionOf, skip, smallModel, thrownBy } from './support.ts';

const WORKER = new URL('./scenarios/sharing-worker.mjs', import.meta.url);

describe.skipIf(skip)('the table of compiled models', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();
  const workers: Worker[] = [];
  let before = { compiledModels: 0, hits: 0, misses: 0 };

  beforeEach(() => {
    if (!skip) before = room.tableStats();
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  /** Entries, hits and misses since the test began. */
  const change = () => {
    const now = room.tableStats();
    return [now.compiledModels - before.compiledModels, now.hits - before.hits, now.misses - before.misses];
  };

  it('shares equal content, whatever memory it lies in', () => {
    const [xml, weights] = smallModel('two-outputs');
    const first = room.compileModel('ir', [xml, weights], 'CPU', []);
    const second = room.compileModel('ir', [new Uint8Array(xml), Buffer.from(weights)], 'CPU', []);
    expect([first.shared, second.shared]).toEqual([false, true]);
    expect(change()).toEqual([1, 1, 1]);
    first.release();
    expect(change()).toEqual([1, 1, 1]);
    second.release();
    expect(change()).toEqual([0, 1, 1]);
  });

  it('tells apart encodings, devices, properties and every byte', () => {
    const [xml, weights] = smallModel('two-outputs');
    const other = Buffer.from(weights);
    other.writeFloatLE(17, 0);
    const models = [
      room.compileModel('ir', [xml, weights], 'CPU', []),
      room.compileModel('ir', [xml, weights], 'CPU', ['NUM_STREAMS', '1']),
      room.compileModel('ir', [xml, weights], 'CPU', ['NUM_STREAMS', '2']),
      room.compileModel('ir', [xml, other], 'CPU', []),
      room.compileModel('ir', [Buffer.concat([xml, Buffer.from('\n')]), weights], 'CPU', []),
    ];
    expect(models.map((model) => model.shared)).toEqual([false, false, false, false, false]);
    expect(change()).toEqual([5, 0, 5]);
    for (const model of models) model.release();
    expect(change()).toEqual([0, 0, 5]);
  });

  it('does not mix where one builder ends and the next begins', () => {
    const [xml, weights] = smallModel('two-outputs');
    const joined = Buffer.concat([xml, weights]);
    const whole = room.compileModel('ir', [xml, weights], 'CPU', []);
    expect(thrownBy(() => room.compileModel('ir', [joined], 'CPU', []))).toBe('ERR_NN_INVALID_MODEL');
    expect(thrownBy(() => room.compileModel('ir', [joined.subarray(0, xml.length - 1)], 'CPU', []))).toBe(
      'ERR_NN_INVALID_MODEL',
    );
    whole.release();
  });

  it('keeps a model as long as a request needs it', () => {
    const model = compileIr(room, 'relu');
    const request = model.createInferRequest();
    model.release();
    expect(change()).toEqual([1, 0, 1]);
    request.setInput(0, 'f32', [1, 4], f32(1, 2, 3, 4));
    request.infer();
    request.release();
    expect(change()).toEqual([0, 0, 1]);
  });

  it('is not touched when the bytes of a shared model change', () => {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
    const [xml, weights] = smallModel('two-outputs');
    const guest = new Uint8Array(memory.buffer);
    guest.set(xml);
    guest.set(weights, 65536);
    const builders = [guest.subarray(0, xml.length), guest.subarray(65536, 65536 + weights.length)];
    const model = room.compileModel('ir', builders, 'CPU', []);
    guest.fill(0xff);
    const request = model.createInferRequest();
    request.setInput(0, 'f32', [1, 4], f32(1, 1, 1, 1));
    request.infer();
    const output = new Uint8Array(16);
    request.getOutput(0, output);
    expect(output).toEqual(f32(1, 2, 3, 4));
    const again = room.compileModel('ir', [xml, weights], 'CPU', []);
    expect(again.shared).toBe(true);
    for (const object of [request, model, again]) object.release();
  });

  it('keeps no failure', () => {
    const [xml, weights] = smallModel('two-outputs');
    for (let round = 0; round < 3; round++) {
      expect(thrownBy(() => room.compileModel('ir', [xml, weights], 'ABACUS', []))).toBe('ERR_NN_UNSUPPORTED_TARGET');
    }
    expect(change()).toEqual([0, 0, 3]);
  });

  it('shares models from files with those from bytes', () => {
    const [xml, weights] = smallModel('add');
    const folder = new URL('../../../fixtures/models/add/', import.meta.url).pathname;
    const fromFiles = room.compileModelFromFiles('ir', [`${folder}model.xml`, `${folder}model.bin`], 'CPU', []);
    const fromBytes = room.compileModel('ir', [xml, weights], 'CPU', []);
    expect([fromFiles.shared, fromBytes.shared]).toEqual([false, true]);
    fromFiles.release();
    fromBytes.release();
    expect(thrownBy(() => room.compileModelFromFiles('ir', ['/nonexistent'], 'CPU', []))).toBe('ERR_NN_INVALID_MODEL');
    expect(thrownBy(() => room.compileModelFromFiles('ir', ['/dev/null'], 'CPU', []))).toBe('ERR_NN_INVALID_MODEL');
    expect(thrownBy(() => room.compileModelFromFiles('ir', [folder], 'CPU', []))).toBe('ERR_NN_INVALID_MODEL');
  });

  it('compiles off the thread, once for all that ask at the same time', async () => {
    const compile = () => room.compileModelAsync('ir', digits.ir(), 'CPU', []);
    const models = await Promise.all([compile(), compile(), compile()]);
    expect(models.filter((model) => !model.shared)).toHaveLength(1);
    expect(change()).toEqual([1, 2, 1]);
    for (const model of models) model.release();
    expect(change()).toEqual([0, 2, 1]);
    expect(await rejectionOf(room.compileModelAsync('onnx', [Buffer.from('nothing')], 'CPU', []))).toBe(
      'ERR_NN_INVALID_MODEL',
    );
  });

  it('reads bytes before an asynchronous compile returns, and never after', async () => {
    const [xml, weights] = digits.ir();
    const compiling = room.compileModelAsync('ir', [xml, weights], 'CPU', []);
    xml.fill(0);
    weights.fill(0);
    const model = await compiling;
    expect(model.inputs[0]?.shape).toEqual([1, 1, 28, 28]);
    model.release();
  });

  it('is one for all threads', async () => {
    const [runtime] = testRuntimes();
    const start = () => {
      const worker = new Worker(WORKER, {
        workerData: { addonPath: builtAddon().path, libraryPath: runtime?.libraryPath },
      });
      workers.push(worker);
      return worker;
    };
    const message = (worker: Worker) =>
      new Promise<{ shared: boolean; classes: number[] }>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    const answers = await Promise.all([start(), start(), start()].map(message));
    expect(answers.filter((answer) => !answer.shared)).toHaveLength(1);
    expect(change()).toEqual([1, 2, 1]);
    for (const answer of answers) expect(answer.classes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const mine = room.compileModel('ir', digits.ir(), 'CPU', []);
    expect(mine.shared).toBe(true);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(change()).toEqual([1, 3, 1]);
    mine.release();
    expect(change()).toEqual([0, 3, 1]);
  });
});

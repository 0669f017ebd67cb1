/** A compiled model handed to other threads by its id, and what is kept of those that nobody uses. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { NativeModelBudget, NativeOpenVino } from '../../../src/native/openvino.ts';
import { builtAddon, testRuntimes } from '../../support/runtimes.ts';
import {
  compileIr,
  digits,
  f32,
  openRoom,
  rejectionOf,
  runtimes,
  scenarioValue,
  skip,
  smallModel,
  thrownBy,
} from './support.ts';

const WORKER = new URL('./scenarios/adopting-worker.mjs', import.meta.url);
const MEBIBYTE = 1 << 20;
const folder = new URL('../../../fixtures/models/', import.meta.url).pathname;

describe.skipIf(skip)('compiled models by id', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();

  it('are the same object, for as long as anybody holds one', () => {
    const { misses, hits } = room.tableStats();
    const first = compileIr(room, 'relu');
    const found = compileIr(room, 'relu');
    const id = first.share();
    const adopted = room.adopt(id);
    expect([found.share(), adopted.share(), first.share()]).toEqual([id, id, id]);
    expect([first.shared, found.shared, adopted.shared]).toEqual([false, true, true]);
    first.release();
    found.release();
    const request = adopted.createInferRequest();
    adopted.release();
    request.setInput(0, 'f32', [1, 4], f32(-1, 2, -3, 4));
    request.infer();
    const output = new Uint8Array(16);
    request.getOutput(0, output);
    expect(output).toEqual(f32(0, 2, 0, 4));
    request.release();
    expect(room.tableStats()).toMatchObject({ misses: misses + 1, hits: hits + 1 });
  });

  it('are gone with the last holder, and their ids with them', () => {
    const model = compileIr(room, 'argmax');
    const id = model.share();
    model.release();
    expect(thrownBy(() => room.adopt(id))).toBe('ERR_NN_GRAPH_NOT_FOUND');
    expect(thrownBy(() => model.share())).toBe('ERR_RELEASED');
    const again = compileIr(room, 'argmax');
    expect(again.share()).not.toBe(id);
    again.release();
  });

  it.each([[0], [2 ** 52], [Number.MAX_SAFE_INTEGER]])('are not found under %s', (id) => {
    expect(thrownBy(() => room.adopt(id))).toBe('ERR_NN_GRAPH_NOT_FOUND');
  });

  it.each([['1'], [-1], [0.5], [Number.NaN], [undefined], [2 ** 53]])('need a number: %s', (id) => {
    expect(thrownBy(() => room.adopt(id as number))).toBe('TypeError');
  });

  it('compute in every thread that adopts one, which keeps it', async () => {
    const { misses } = room.tableStats();
    const model = room.compileModel('ir', digits.ir(), 'CPU', []);
    const workerData = { addonPath: builtAddon().path, libraryPath: testRuntimes()[0]?.libraryPath, id: model.share() };
    const workers = [1, 2, 3, 4].map(() => new Worker(WORKER, { workerData }));
    const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
    for (const [classes] of answers) expect(classes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    model.release();
    const adopted = room.adopt(workerData.id);
    expect(adopted.share()).toBe(workerData.id);
    adopted.release();
    expect(room.tableStats().misses).toBe(misses + 1);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  it('come from files without waiting, too', async () => {
    const paths = [`${folder}twice-u8/model.xml`, `${folder}twice-u8/model.bin`];
    const compiling = room.compileModelFromFilesAsync('ir', paths, 'CPU', []);
    const [fromFiles, alsoFromFiles] = await Promise.all([
      compiling,
      room.compileModelFromFilesAsync('ir', paths, 'CPU', []),
    ]);
    const fromBytes = await room.compileModelAsync('ir', smallModel('twice-u8'), 'CPU', []);
    expect([alsoFromFiles.share(), fromBytes.share()]).toEqual([fromFiles.share(), fromFiles.share()]);
    expect(fromBytes.shared).toBe(true);
    for (const model of [fromFiles, alsoFromFiles, fromBytes]) model.release();
    const from = (path: string) => room.compileModelFromFilesAsync('ir', [path], 'CPU', []);
    expect(await rejectionOf(from('/nonexistent'))).toBe('ERR_NN_INVALID_MODEL');
    expect(await rejectionOf(from(folder))).toBe('ERR_NN_INVALID_MODEL');
    expect(thrownBy(() => room.compileModelFromFilesAsync('ir', [], 'CPU', []))).toBe('ERR_NN_INVALID_ARGUMENT');
  });
});

describe.skipIf(skip)('the budget for models that nobody uses', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();
  const budgets: NativeModelBudget[] = [];
  const reserve = (bytes: number) => {
    const budget = room.reserveModelBudget(bytes);
    budgets.push(budget);
    return budget;
  };
  const kept = () => room.tableStats().keptModels;
  /** Loads it and lets go of it. @returns whether it was there */
  const use = (name: string) => {
    const model = compileIr(room, name);
    const { shared } = model;
    model.release();
    return shared;
  };
  /** Of equal models of one size, so that a budget can be told in models. */
  const useVariant = (number: number) => {
    const [xml, weights] = smallModel('two-outputs');
    weights.writeFloatLE(number, 0);
    const model = room.compileModel('ir', [xml, weights], 'CPU', []);
    const { shared } = model;
    model.release();
    return shared;
  };

  afterEach(() => {
    for (const budget of budgets.splice(0)) thrownBy(() => budget.release());
    expect(room.tableStats()).toMatchObject({ keptModels: 0, keptBytes: 0, budgetBytes: 0 });
  });

  it('is nothing by default', () => {
    expect([use('relu'), use('relu')]).toEqual([false, false]);
    expect(room.tableStats()).toMatchObject({ keptModels: 0, keptBytes: 0, budgetBytes: 0 });
  });

  it('keeps a model, its id with it, and counts what it takes', () => {
    reserve(1024 * MEBIBYTE);
    const before = room.tableStats();
    const model = compileIr(room, 'relu');
    const id = model.share();
    expect(kept()).toBe(0);
    model.release();
    const { keptModels, keptBytes } = room.tableStats();
    const content = smallModel('relu').reduce((sum, { length }) => sum + length, 0);
    expect(keptModels).toBe(1);
    expect(keptBytes).toBeGreaterThan(MEBIBYTE + content);
    expect(use('relu')).toBe(true);
    const adopted = room.adopt(id);
    expect(room.tableStats()).toMatchObject({ keptModels: 0, keptBytes: 0, misses: before.misses + 1 });
    adopted.release();
    expect(room.tableStats()).toMatchObject({ keptModels: 1, evictions: before.evictions });
  });

  it('gives up the longest unused, and as many as it takes', () => {
    const whole = reserve(1024 * MEBIBYTE);
    for (let number = 0; number < 6; number++) useVariant(number);
    expect(kept()).toBe(6);
    // Used again: the youngest now.
    expect(useVariant(0)).toBe(true);
    const { keptBytes, evictions } = room.tableStats();
    reserve(keptBytes - 1);
    whole.release();
    expect(room.tableStats()).toMatchObject({ keptModels: 5, evictions: evictions + 1 });
    expect([2, 3, 4, 5, 0].map(useVariant)).toEqual([true, true, true, true, true]);
    const last = budgets.splice(-1)[0];
    reserve(MEBIBYTE / 2);
    last?.release();
    expect(room.tableStats()).toMatchObject({ keptModels: 0, keptBytes: 0, evictions: evictions + 6 });
    expect(useVariant(0)).toBe(false);
  });

  it('is not emptied by a model that does not fit', () => {
    reserve(1024 * MEBIBYTE);
    use('relu');
    const { keptBytes } = room.tableStats();
    reserve(keptBytes);
    budgets[0]?.release();
    const [xml, weights] = smallModel('two-outputs');
    const large = Buffer.concat([weights, Buffer.alloc(2 * keptBytes)]);
    room.compileModel('ir', [xml, large], 'CPU', []).release();
    expect(room.tableStats()).toMatchObject({ keptModels: 1, keptBytes });
    expect(use('relu')).toBe(true);
  });

  it('is the largest that is reserved, until it is released', () => {
    const small = reserve(4 * MEBIBYTE);
    const large = reserve(512 * MEBIBYTE);
    reserve(4 * MEBIBYTE);
    expect(room.tableStats().budgetBytes).toBe(512 * MEBIBYTE);
    large.release();
    expect(room.tableStats().budgetBytes).toBe(4 * MEBIBYTE);
    small.release();
    expect(room.tableStats().budgetBytes).toBe(4 * MEBIBYTE);
    expect(thrownBy(() => small.release())).toBe('ERR_RELEASED');
  });

  it.each([['1'], [-1], [0.5], [undefined]])('is a number of bytes, not %s', (bytes) => {
    expect(thrownBy(() => room.reserveModelBudget(bytes as number))).toBe('TypeError');
  });

  it('ends with the thread that reserved it', async () => {
    const workerData = { addonPath: builtAddon().path, libraryPath: testRuntimes()[0]?.libraryPath, budget: MEBIBYTE };
    const worker = new Worker(WORKER, { workerData });
    await once(worker, 'message');
    expect(room.tableStats().budgetBytes).toBe(MEBIBYTE);
    await worker.terminate();
    expect(room.tableStats().budgetBytes).toBe(0);
  });
});

describe.skipIf(skip).each(runtimes)('many workers at once over the same models, with OpenVINO $version', (runtime) => {
  it('never have another model than they asked for, and leave nothing', () => {
    expect(scenarioValue('churn', runtime, ['24'])).toEqual({
      finished: 12,
      wrong: 0,
      isInBudget: true,
      compiledModels: 0,
      keptModels: 0,
      abandoned: 0,
      budgetAfter: 0,
    });
  });
});

/** Loads of models that are too large to be copied at once: nothing of a guest's memory is read when nobody waits any more. */
import { describe, expect, it } from 'vitest';
import { IrWriter } from '../../../fixtures/ir-writer.mjs';
import { loadAddon } from '../../../src/native/addon.ts';
import { NativeBackend } from '../../../src/nn/backends/openvino/backend.ts';
import { PIECE_BYTES } from '../../../src/nn/copy-in-turns.ts';
import { skipUnless } from '../../support/requirements.ts';
import { addonAndRuntimes, testRuntimes } from '../../support/runtimes.ts';

const COUNT = 3 * 2 ** 20;
const PAGE = 65536;
const IR = { encoding: 'openvino', target: 'cpu' } as const;

/** y = x + the mean of many numbers, which are zero but for one. */
function longModel(at: number, value: number): [xml: Uint8Array, weights: Uint8Array] {
  const ir = new IrWriter('long');
  const x = ir.parameter('x', 'f32', [1, 1]);
  const numbers = new Float32Array(COUNT);
  numbers[at] = value;
  const axes = ir.constant('axes', 'i64', [1], BigInt64Array.of(1n));
  const inputs = [ir.constant('numbers', 'f32', [1, COUNT], numbers), axes];
  const mean = ir.layer('ReduceMean', { name: 'mean', inputs, attributes: { keep_dims: true }, shape: [1, 1] });
  ir.result('y', ir.layer('Add', { name: 'sum', inputs: [x, mean], attributes: { auto_broadcast: 'numpy' } }));
  return [Buffer.from(ir.xml()), Buffer.from(ir.weights())];
}

/** The model in the memory of a guest, and that memory. */
function inGuest([xml, weights]: readonly Uint8Array[]): { memory: WebAssembly.Memory; builders: Uint8Array[] } {
  const [first, second] = [xml as Uint8Array, weights as Uint8Array];
  const pages = Math.ceil(first.byteLength / PAGE) + Math.ceil(second.byteLength / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages + 1 });
  const all = new Uint8Array(memory.buffer);
  const start = Math.ceil(first.byteLength / PAGE) * PAGE;
  all.set(first);
  all.set(second, start);
  return { memory, builders: [all.subarray(0, first.byteLength), all.subarray(start, start + second.byteLength)] };
}

const skip = skipUnless(addonAndRuntimes());

describe.skipIf(skip)('a model of many bytes', () => {
  const [runtime] = skip ? [] : testRuntimes();
  const backend = new NativeBackend({ libraryPath: runtime?.libraryPath ?? '' });
  const stats = () => loadAddon().openvino.tableStats();

  it('is copied in turns, and compared where it is compiled', async () => {
    const { builders } = inGuest(longModel(0, COUNT));
    let looks = 0;
    const isAbandoned = () => {
      looks++;
      return false;
    };
    const graph = await backend.loadAsync(builders, { ...IR, isAbandoned });
    expect(looks).toBe(Math.ceil((COUNT * 4) / PIECE_BYTES) + 2);
    const again = await backend.loadAsync(builders, { ...IR, isAbandoned: () => true });
    expect([graph.isHit, again.isHit]).toEqual([false, true]);
    const context = again.initExecutionContext();
    const data = new Uint8Array(Float32Array.of(0.5).buffer);
    context.setInput(0, { elementType: 'f32', dimensions: [1, 1], data });
    await context.computeAsync();
    const output = new Float32Array(1);
    context.getOutput(0, new Uint8Array(output.buffer));
    expect(output[0]).toBeCloseTo(1.5, 3);
    for (const held of [context, graph, again]) held.dispose();
  });

  it('is known from others that differ in one number', async () => {
    const places = [1, 12345, COUNT / 2 + 77, COUNT - 77777];
    const models = places.map((at) => longModel(at, 1));
    const graphs = [];
    for (const model of models) graphs.push(await backend.loadAsync(model, IR));
    for (const model of models) graphs.push(await backend.loadAsync(model, IR));
    expect(graphs.map(({ isHit }) => isHit)).toEqual([...places.map(() => false), ...places.map(() => true)]);
    expect(new Set(graphs.map(({ sharedId }) => sharedId)).size).toBe(places.length);
    for (const graph of graphs) graph.dispose();
  });

  it('is not read on when nobody waits, and is not compiled', async () => {
    const { misses, compiling } = stats();
    for (let pieces = 1; pieces <= 6; pieces++) {
      const { memory, builders } = inGuest(longModel(pieces, 2));
      let looks = 0;
      const isAbandoned = () => {
        if (looks++ < pieces) return false;
        loadAddon().thread.releasePages(memory);
        return true;
      };
      const loading = backend.loadAsync(builders, { ...IR, isAbandoned });
      await expect(loading).rejects.toMatchObject({ code: 'ERR_NN_CANCELLED' });
    }
    expect(stats()).toMatchObject({ misses, compiling });
  });

  it('is refused when its memory grows while it is copied', async () => {
    const { memory, builders } = inGuest(longModel(9, 2));
    let looks = 0;
    const isAbandoned = () => {
      if (looks++ === 3) memory.grow(1);
      return false;
    };
    const loading = backend.loadAsync(builders, { ...IR, isAbandoned });
    await expect(loading).rejects.toMatchObject({ code: 'ERR_NN_INVALID_ARGUMENT' });
  });
});

/** The addon's interrupts alone: which environment a token stands for, and for how long. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';

const { thread } = loadAddon();

/** Tells its token, twice, and lives until it is terminated. */
const TELLING = `const { parentPort, workerData } = require('node:worker_threads');
  const { thread } = require(workerData.addon);
  parentPort.postMessage([thread.interruptToken(), thread.interruptToken()]);
  setInterval(() => {}, 1000);`;

async function telling(): Promise<{ worker: Worker; tokens: number[] }> {
  const worker = new Worker(TELLING, { eval: true, workerData: { addon: addonPlaces()[0] } });
  const [tokens] = (await once(worker, 'message')) as [number[]];
  return { worker, tokens };
}

describe('interruptToken', () => {
  it('is the same with each call, and another one for each environment', async () => {
    const workers = await Promise.all([telling(), telling(), telling()]);
    const own = thread.interruptToken();
    expect(thread.interruptToken()).toBe(own);
    for (const { tokens } of workers) expect(tokens[1]).toBe(tokens[0]);
    expect(new Set([own, ...workers.flatMap(({ tokens }) => tokens)]).size).toBe(4);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
  });

  it('is never given twice', async () => {
    const seen = new Set<number | undefined>();
    for (let round = 0; round < 5; round++) {
      const { worker, tokens } = await telling();
      await worker.terminate();
      seen.add(tokens[0]);
    }
    expect(seen.size).toBe(5);
  });
});

describe('interrupt', () => {
  it('answers whether the environment is there', async () => {
    const { worker, tokens } = await telling();
    const token = tokens[0] ?? 0;
    expect(thread.interrupt(token)).toBe(true);
    expect(thread.interrupt(token)).toBe(true);
    await worker.terminate();
    expect(thread.interrupt(token)).toBe(false);
  });

  it.each([0, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER])('knows nobody by %d', (token) => {
    expect(thread.interrupt(token)).toBe(false);
  });

  it.each([[], [Number.NaN], [-1], [1.5], ['1'], [1n], [{}], [null]])('throws a TypeError for %s', (...args) => {
    expect(() => (thread.interrupt as (...args: unknown[]) => unknown)(...args)).toThrow(TypeError);
  });
});

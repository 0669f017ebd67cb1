/** Workers that fill the heap of JavaScript are ended, and the process goes on. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';

const { thread } = loadAddon();
const DRIVER = fileURLToPath(new URL('heap-driver.mjs', import.meta.url));
const MINUTE = 60_000;

describe('guardHeap', () => {
  it(
    'ends workers at the limit of their heap, and not the process',
    () => {
      const run = spawnSync(process.execPath, [DRIVER, addonPlaces()[0] ?? '', '5'], { encoding: 'utf8' });
      expect(run).toMatchObject({ status: 0, signal: null, stderr: '' });
      expect(JSON.parse(run.stdout)).toEqual({ ended: 5 });
    },
    2 * MINUTE,
  );

  it.each([
    [],
    [new Int32Array(0), 1],
    [new Uint8Array(4), 1],
    [new Float64Array(1), 1],
    [[0], 1],
    [new Int32Array(1)],
    [new Int32Array(1), -1],
    [new Int32Array(1), 1.5],
    [new Int32Array(1), '1'],
  ])('throws a TypeError for %o, %o', (...args) => {
    expect(() => (thread.guardHeap as (...args: unknown[]) => unknown)(...args)).toThrow(TypeError);
  });
});

/** Children compute with what was registered, whatever has become of its files. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GuestModule, Host, Pool } from '../../src/index.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { computingByName } from './process-guests.ts';

const newDirectory = temporaryDirectories();
const model = (name: string) => fileURLToPath(new URL(`../../fixtures/models/${name}`, import.meta.url));

/** Sums of what the models make of -1, 2, -3 and 4: the positive ones; all of them. */
const [RELU, OTHER] = ['6', '2'];

async function registered(): Promise<{ host: Host; directory: string; module: GuestModule }> {
  const host = new Host();
  onTestFinished(() => host.close());
  const directory = join(newDirectory(), 'graph');
  cpSync(model('relu'), directory, { recursive: true });
  await host.graphs.register('graph', { dir: directory });
  return { host, directory, module: await host.compile(new TextEncoder().encode(computingByName('graph'))) };
}

/** In a child that has never met the graph. */
async function result(host: Host, module: GuestModule): Promise<string | undefined> {
  const pool = new Pool(host, { isolation: 'process', threads: 1 });
  try {
    return (await pool.run(module, { graphs: ['graph'] })).results[0];
  } finally {
    await pool.abort();
  }
}

describe.skipIf(skipUnless(nativeRuntime()))('a graph that was registered by its directory', () => {
  it.each<[string, (directory: string) => void]>([
    ['holds another model now', (directory) => cpSync(model('twice-f32'), directory, { recursive: true })],
    ['is gone', (directory) => rmSync(directory, { recursive: true })],
  ])('is what it was where the directory %s', async (_, change) => {
    const { host, directory, module } = await registered();
    expect(await result(host, module)).toBe(RELU);
    change(directory);
    expect(await result(host, module)).toBe(RELU);
  });

  it('is refused where it changed before a child was given it, until it is registered again', async () => {
    const { host, directory, module } = await registered();
    cpSync(model('twice-f32'), directory, { recursive: true });
    await expect(result(host, module)).rejects.toMatchObject({ code: 'ERR_NN_GRAPH_NOT_FOUND' });
    await host.graphs.register('graph', { dir: directory });
    expect(await result(host, module)).toBe(OTHER);
  });
});

/** What a child process keeps, and how it gets again what it has forgotten. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GuestChild } from '../../src/pool/process-child.ts';
import { WarmGraphs } from '../../src/pool/warm-graphs.ts';
import type { ProcessMessage, ProcessNnPlan, ProcessOrder, Supplies } from '../../src/worker/guest-process-messages.ts';
import { GraphShelf, ModuleShelf } from '../../src/worker/guest-process-shelves.ts';
import { smallModel } from '../nn/abi/guest.ts';
import { assemble } from '../support/assemble.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { answering, computingByName, request } from './process-guests.ts';

const moduleOf = async (key: string) => ({ key, bytes: await assemble('(module)'), limits: {} });

it('forgets between runs the modules that were not used for longest', async () => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(moduleOf));
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const shelf = new ModuleShelf(2 * a.bytes.byteLength);
  for (const module of [a, b, c]) shelf.add(module);
  expect((await shelf.take({ key: 'a', name: 'named' })).name).toBe('named');
  expect(['a', 'b', 'c'].filter((key) => shelf.has(key))).toEqual(['a', 'b', 'c']);
  shelf.trim();
  expect(['a', 'b', 'c'].filter((key) => shelf.has(key))).toEqual(['a', 'c']);
  await expect(shelf.take({ key: 'b', name: 'b' })).rejects.toThrow('the module is not here');
});

it('compiles a module within its limits, and keeps a failure for who asks', async () => {
  const shelf = new ModuleShelf();
  shelf.add({ key: 'large', bytes: await assemble('(module (memory 2))'), limits: { maxMemoryBytes: 65536 } });
  shelf.add({ key: 'broken', bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99), limits: {} });
  await expect(shelf.take({ key: 'large', name: 'large' })).rejects.toMatchObject({ code: 'ERR_MODULE_LIMIT' });
  await expect(shelf.take({ key: 'broken', name: 'broken' })).rejects.toMatchObject({ code: 'ERR_MODULE_COMPILE' });
});

const none = { kind: 'null' } as const;

/** Has a child run a guest; answers what it said. */
async function runOn(child: GuestChild, text: string, nn: ProcessNnPlan | undefined, supplies: Supplies) {
  const { program: _, ...plan } = (await request(text)).plan;
  const stdio = { stdin: none, stdout: none, stderr: none };
  const task = {
    ...{ nn, stdio, postRefusals: false },
    plan: { ...plan, program: { key: text, name: 'guest' }, preloads: [], preopens: [] },
  };
  const heard: ProcessMessage[] = [];
  await child.ready;
  await new Promise<void>((resolve, reject) => {
    const hear = (message: ProcessMessage) => {
      heard.push(message);
      if (message.type === 'need') child.send({ type: 'supply', run: 1, supplies });
      if (message.type === 'relay' && message.message.type === 'ended') resolve();
    };
    child.listen({ hear, distrust: reject, lost: () => reject(new Error('the child ended')) });
    const modules = supplies.modules.filter(({ key }) => key === text);
    child.send({ type: 'run', run: 1, task, supplies: { modules, graphs: [] } });
  });
  return heard;
}

describe('a granted graph', () => {
  const children: GuestChild[] = [];
  afterEach(async () => {
    for (const child of children) child.kill();
    await Promise.all(children.splice(0).map(({ end }) => end));
  });
  const newChild = () => {
    const child = new GuestChild({ patienceMs: 600_000 });
    children.push(child);
    return child;
  };
  const granted = [{ name: 'graph', id: 5, encoding: 'openvino', target: 'cpu', properties: {} } as const];
  const said = (heard: readonly ProcessMessage[]) =>
    heard.map((message) => (message.type === 'relay' ? message.message.type : message.type));
  const stock = async (text: string): Promise<Supplies> => ({
    modules: [{ key: text, bytes: await assemble(text), limits: {} }],
    graphs: [{ id: 5, source: { builders: smallModel('relu') } }],
  });

  it('is not asked for where the guest does not', async () => {
    const heard = await runOn(newChild(), answering(7), { granted }, await stock(answering(7)));
    expect(said(heard)).toEqual(['accepted', 'started', 'ended']);
  });

  it('is asked for when the guest does, which has begun', async () => {
    const text = computingByName('graph');
    const heard = await runOn(newChild(), text, { granted }, await stock(text));
    expect(said(heard)).toEqual(['accepted', 'started', 'need', 'ended']);
    expect(heard[2]).toEqual({ type: 'need', run: 1, modules: [], graphs: [5] });
  });

  it.skipIf(skipUnless(nativeRuntime()))('is there where the child was given it before', async () => {
    const text = computingByName('graph');
    const supplies = await stock(text);
    const child = newChild();
    await child.ready;
    child.send({ type: 'warm', nn: { granted }, supplies: { ...supplies, modules: [] } });
    const heard = await runOn(child, text, { granted }, supplies);
    expect(said(heard)).toEqual(['accepted', 'started', 'ended']);
    expect(heard.at(-1)).toMatchObject({ message: { outcome: { kind: 'returned', results: ['6'] } } });
  });
});

describe.skipIf(skipUnless(nativeRuntime()))('graphs for the thread of a guest', () => {
  const reference = (id: number) =>
    ({ name: `graph ${id}`, id, encoding: 'openvino', target: 'cpu', properties: {} }) as const;
  const places = (shelf: GraphShelf, ...[plan]: Parameters<GraphShelf['given']>) =>
    shelf.given(plan).map(({ sharedId }) => sharedId);

  it('have their places once they are compiled, but where a guest may compile them anew', async () => {
    const shelf = new GraphShelf();
    const plan = { granted: [reference(1), reference(2)], insideWorker: true };
    shelf.add({ id: 1, source: { builders: smallModel('relu') } });
    expect(places(shelf, plan)).toEqual([undefined, undefined]);
    const { sharedId } = await shelf.open(plan, reference(1));
    expect(sharedId).toBeTypeOf('number');
    expect(places(shelf, plan)).toEqual([sharedId, undefined]);
    expect(places(shelf, { ...plan, allowedGuestProperties: ['NUM_STREAMS'] })).toEqual([undefined, undefined]);
  });

  it('are asked for where others were used since, so that it is known which are in use', async () => {
    const shelf = new GraphShelf();
    const granted = Array.from({ length: 12 }, (_, id) => reference(id));
    for (const one of granted) {
      shelf.add({ id: one.id, source: { builders: smallModel('relu') } });
      await shelf.open({ granted }, one);
    }
    const [first, ...others] = places(shelf, { granted });
    expect(first).toBeUndefined();
    expect(others.at(-1)).toBeTypeOf('number');
  });
});

it('gives graphs that were asked for to children that have not had them, once', async () => {
  const source = { builders: smallModel('relu') };
  const graph = { name: 'graph', id: 5, source, encoding: 'openvino', target: 'cpu', properties: {} } as const;
  const graphs = new WarmGraphs();
  const orders: ProcessOrder[] = [];
  const known = { modules: new Set<string>(), graphs: new Set<number>() };
  const child = { known, send: (order: ProcessOrder) => orders.push(order) } as unknown as GuestChild;
  graphs.warm(child);
  graphs.note(99, { granted: [graph] });
  graphs.note(5, { granted: [graph], openvinoDir: '/ov' });
  for (let times = 0; times < 2; times++) graphs.warm(child);
  await vi.waitFor(() => expect(orders).toHaveLength(1));
  expect(orders).toMatchObject([
    {
      type: 'warm',
      nn: { openvinoDir: '/ov', granted: [{ name: 'graph', id: 5 }] },
      supplies: { graphs: [{ id: 5, source }] },
    },
  ]);
});

it('asks for what it was not sent, or has forgotten', async () => {
  const child = new GuestChild({ patienceMs: 600_000 });
  const { program: _, ...plan } = (await request(answering(7))).plan;
  const program = { key: 'answering', name: 'answering' };
  const task = { plan: { ...plan, program, preloads: [], preopens: [] }, nn: undefined, postRefusals: false };
  const order = (sent: ProcessOrder) => child.send(sent);
  const bytes = await assemble(answering(7));
  const heard: ProcessMessage[] = [];
  try {
    await child.ready;
    await new Promise<void>((resolve, reject) => {
      const hear = (message: ProcessMessage) => {
        heard.push(message);
        if (message.type === 'need') {
          const modules = [{ key: 'answering', bytes, limits: {} }];
          order({ type: 'supply', run: 1, supplies: { modules, graphs: [] } });
        } else if (message.type === 'relay' && message.message.type === 'ended') resolve();
      };
      child.listen({ hear, distrust: reject, lost: () => reject(new Error('the child ended')) });
      const stdio = { stdin: none, stdout: none, stderr: none };
      order({ type: 'run', run: 1, task: { ...task, stdio }, supplies: { modules: [], graphs: [] } });
    });
  } finally {
    child.kill();
    await child.end;
  }
  expect(heard.map((message) => (message.type === 'relay' ? message.message.type : message.type))).toEqual([
    ...['need', 'accepted', 'started', 'ended'],
  ]);
  expect(heard[0]).toEqual({ type: 'need', run: 1, modules: ['answering'], graphs: [] });
  expect(heard.at(-1)).toMatchObject({ message: { outcome: { kind: 'returned', results: ['7'] } } });
});

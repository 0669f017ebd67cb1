/** What a child process keeps, and how it gets again what it has forgotten. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { ProcessMessage, ProcessOrder } from '../../src/worker/guest-process-messages.ts';
import { ModuleShelf } from '../../src/worker/guest-process-shelves.ts';
import { assemble } from '../support/assemble.ts';
import { answering, request } from './process-guests.ts';

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

it('asks for what it was not sent, or has forgotten', async () => {
  const path = fileURLToPath(new URL('../../dist/guest-process.js', import.meta.url));
  const child = fork(path, { serialization: 'advanced', execArgv: [] });
  const { program: _, ...plan } = (await request(answering(7))).plan;
  const program = { key: 'answering', name: 'answering' };
  const none = { kind: 'null' } as const;
  const task = { plan: { ...plan, program, preloads: [], preopens: [] }, nn: undefined, postRefusals: false };
  const order = (sent: ProcessOrder) => child.send(sent);
  const bytes = await assemble(answering(7));
  const heard: ProcessMessage[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the child ended')));
      child.on('message', (message: ProcessMessage) => {
        heard.push(message);
        if (message.type === 'ready') {
          const stdio = { stdin: none, stdout: none, stderr: none };
          order({ type: 'run', run: 1, task: { ...task, stdio }, supplies: { modules: [], graphs: [] } });
        } else if (message.type === 'need') {
          const modules = [{ key: 'answering', bytes, limits: {} }];
          order({ type: 'supply', run: 1, supplies: { modules, graphs: [] } });
        } else if (message.type === 'relay' && message.message.type === 'ended') resolve();
      });
    });
  } finally {
    child.kill('SIGKILL');
  }
  expect(heard.map((message) => (message.type === 'relay' ? message.message.type : message.type))).toEqual([
    ...['ready', 'need', 'accepted', 'started', 'ended'],
  ]);
  expect(heard[1]).toEqual({ type: 'need', run: 1, modules: ['answering'], graphs: [] });
  expect(heard.at(-1)).toMatchObject({ message: { outcome: { kind: 'returned', results: ['7'] } } });
});

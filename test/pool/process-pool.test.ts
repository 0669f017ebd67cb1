/** Pools of child processes, as an embedder has them. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Host, Pool } from '../../src/index.ts';
import { smallModel } from '../nn/abi/guest.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { answering, COPYING, computingByName, crashingGuest, LOOPING, writing } from './process-guests.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const newDirectory = temporaryDirectories();
const host = new Host();
const pool = new Pool(host, { threads: 2, isolation: 'process' });
afterAll(async () => {
  await pool.close();
  host.dispose();
});

const compile = (text: string) => host.compile(new TextEncoder().encode(text));

describe('a pool of processes', () => {
  it('gives a guest its streams and files, and tells what it used', async () => {
    const file = join(newDirectory(), 'out');
    const module = await compile(COPYING);
    const { stdout, usage } = await pool.run(module, { stdin: { text: 'through' } });
    expect([stdout.toString(), usage.mode, usage.bytesRead, usage.bytesWritten]).toEqual(['through', 'process', 7, 7]);
    await pool.run(module, { stdin: { file: join(ROOT, 'package.json') }, stdout: { file } });
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  });

  it('is where a host runs a guest that is to have a process', async () => {
    const { results, usage } = await host.run(await compile(answering(3)), { mode: 'process' });
    expect([results, usage.mode]).toEqual([['3'], 'process']);
  });

  it('delivers what a guest wrote that it ends', async () => {
    const controller = new AbortController();
    const sayingSo = '(drop (call $write (i32.const 2) (i32.const 16) (i32.const 7))) (loop $ever (br $ever))';
    const run = pool.run(await compile(writing('looping', { body: sayingSo })), {
      stderr: () => controller.abort(),
      signal: controller.signal,
    });
    const error = await run.catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_GUEST_ABORTED' });
    expect(String(error.stdout)).toBe('looping');
    await expect(pool.run(await compile(LOOPING), { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_GUEST_TIMEOUT',
    });
  });

  it('refuses what no process can be given', async () => {
    const run = pool.run(await compile(answering(3)), { preopens: [{ socketFd: 7 }] });
    await expect(run).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: expect.stringMatching(/^preopens\[0\]\.socketFd: /),
    });
  });

  describe.skipIf(skipUnless(nativeRuntime()))('with OpenVINO', () => {
    it('computes what this process computes', async () => {
      const module = await host.compile(join(ROOT, 'fixtures/classify.wasm'));
      const options = {
        args: ['fixture', 'tensors/3.f32'],
        preopens: [{ hostPath: join(ROOT, 'fixtures/digits'), guestPath: 'fixture', readOnly: true }],
      };
      const { stdout } = await pool.run(module, options);
      expect(stdout.toString()).toBe(
        (await host.run(module, { ...options, mode: 'calling-thread' })).stdout.toString(),
      );
    });

    it('gives a graph to those that it is granted to, and the one that replaced it', async () => {
      const module = await compile(computingByName('named'));
      const result = async (graphs: string[]) => (await pool.run(module, { graphs })).results;
      await host.graphs.register('named', { bytes: smallModel('relu'), encoding: 'openvino' });
      expect([await result(['named']), await result([])]).toEqual([['6'], ['-106']]);
      await host.graphs.register('named', { bytes: smallModel('twice-f32'), encoding: 'openvino' });
      expect(await result(['named'])).toEqual(['2']);
    });

    it('goes on when a model crashes the runtime', async () => {
      const before = pool.stats.replaced;
      const crashing = await compile(crashingGuest());
      const fine = await compile(answering(3));
      const runs = [fine, crashing, fine, fine].map((module) => pool.run(module).then(({ results }) => results[0]));
      const ends = await Promise.all(runs.map((run) => run.catch(({ code }) => code)));
      expect(ends).toEqual(['3', 'ERR_GUEST_CRASHED', '3', '3']);
      expect(pool.stats.replaced).toBe(before + 1);
    });
  });
});

/** What a program of its own prints, and how it exits. */
async function program(source: string) {
  const args = ['--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  return { stdout: Buffer.concat(chunks).toString(), exitCode };
}

describe('a program', () => {
  it('ends what its processes run, and goes on when they are gone', async () => {
    const { stdout, exitCode } = await program(`
      import { Host, Pool } from './dist/index.mjs';
      const host = new Host();
      const pool = new Pool(host, { threads: 1, isolation: 'process' });
      const module = await host.compile(new TextEncoder().encode(${JSON.stringify(LOOPING)}));
      const runs = [];
      await new Promise((stdout) => {
        for (const _ of [1, 2]) runs.push(pool.run(module, { stdout }).catch(({ code }) => code));
      });
      await pool.abort();
      console.log(...(await Promise.all(runs)));
    `);
    expect([stdout, exitCode]).toEqual(['ERR_POOL_CLOSED ERR_POOL_CLOSED\n', 0]);
  });

  it('waits for its runs in processes, has its streams inherited, and ends without closing its pool', async () => {
    // Its standard output is closed only when no child has it any more.
    const { stdout, exitCode } = await program(`
      import { Host, Pool } from './dist/index.mjs';
      const host = new Host();
      const pool = new Pool(host, { threads: 1, isolation: 'process' });
      const module = await host.compile(new TextEncoder().encode(${JSON.stringify(COPYING)}));
      for (const text of ['one ', 'two ']) await pool.run(module, { stdin: { text }, stdout: 'inherit' });
      console.log(pool.stats.completed);
    `);
    expect([stdout, exitCode]).toEqual(['one two 2\n', 0]);
  });
});

/** Suspended guests of a host: deep ones, ones within others, and what becomes of them when everything else ends. */
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host, type HostRunOptions } from '../../src/index.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { skipUnless } from '../support/requirements.ts';
import { suspension } from '../support/suspending-guest.ts';

const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $one (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1)))
  (func $get (call $one) (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $tell (call $one) (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))`;

const module = (body: string) => new TextEncoder().encode(`(module ${IMPORTS} ${body})`);
const READ = module('(func (export "_start") (call $get) (call $tell))');
/** Reads a byte so many calls deep, and counts the calls on its way back. */
const deepRead = (depth: number) =>
  module(`(func $f (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $f (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (call $get) (i32.const 0))))
    (func (export "_start") (call $exit (i32.ne (call $f (i32.const ${depth})) (i32.const ${depth}))))`);

const turnOfLoop = () => new Promise(setImmediate);
const suspending: HostRunOptions = { mode: 'suspending' };

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** A guest that waits for its input, and how to give it that. */
async function waiting(host: Host, bytes: Uint8Array) {
  const stdin = new PassThrough();
  const asked = new Promise<void>((resolve) => {
    const { read } = stdin;
    stdin.read = (size) => {
      resolve();
      return read.call(stdin, size);
    };
  });
  const running = host.run(await host.compile(bytes), { ...suspending, stdin });
  await asked;
  return { running, go: () => void stdin.end('x') };
}

describe.skipIf(skipUnless(suspension))('suspended guests of a host', () => {
  let host: Host;
  beforeAll(() => {
    host = new Host();
  });
  afterAll(() => host?.close());

  it('go on as deep as they were, whatever was collected meanwhile', async () => {
    const depths = [0, 10, 1000, 5000, 20_000];
    const guests = await Promise.all(
      Array.from({ length: 50 }, (_, index) => waiting(host, deepRead(depths[index % depths.length] ?? 0))),
    );
    for (let round = 0; round < 3; round++) {
      collectGarbage();
      await turnOfLoop();
    }
    for (const { go } of guests.toReversed()) go();
    for (const { running } of guests) await expect(running).resolves.toMatchObject({ exitCode: 0 });
  });

  it('run within what takes the output of others, two hundred deep', async () => {
    const teller = await host.compile(module('(func (export "_start") (call $tell))'));
    let deepest = 0;
    const nest = async (depth: number): Promise<void> => {
      deepest = Math.max(deepest, depth);
      const stdout = async () => {
        if (depth < 200) await nest(depth + 1);
      };
      expect(await host.run(teller, { ...suspending, stdout })).toMatchObject({ exitCode: 0 });
    };
    await nest(1);
    expect(deepest).toBe(200);
  });

  it('end as they would where their host is closed, which waits for them', async () => {
    const closing = new Host();
    const { running, go } = await waiting(closing, READ);
    let isClosed = false;
    const closed = closing.close().then(() => {
      isClosed = true;
    });
    const late = host.compile(READ).then((reader) => closing.run(reader, suspending));
    await expect(late).rejects.toMatchObject({ code: 'ERR_RELEASED' });
    for (let turn = 0; turn < 20; turn++) await turnOfLoop();
    expect(isClosed).toBe(false);
    go();
    expect(await running).toMatchObject({ exitCode: 0, stdout: Buffer.from('x') });
    await closed;
  });

  it('leave the account of memory as it was', async () => {
    const big = new TextEncoder().encode(`(module ${IMPORTS.replace('") 1)', '") 160)')}
      (func (export "_start") (call $get)))`);
    const counted = () => loadAddon().thread.addExternalBytes(0);
    const before = counted();
    const guests = await Promise.all(Array.from({ length: 40 }, () => waiting(host, big)));
    const during = counted();
    for (const { go } of guests) go();
    for (const { running } of guests) await running;
    collectGarbage();
    // 400 MiB of memories, of which V8 counts nothing while they are in use.
    expect(during - before).toBeLessThan(100 * 2 ** 20);
    // Taken off twice, it would be less than nothing.
    expect(counted()).toBeGreaterThanOrEqual(0);
  });
});

const DRIVER = fileURLToPath(new URL('suspending-exit-driver.mjs', import.meta.url));

describe.skipIf(skipUnless(suspension))('a process that ends while guests are suspended', () => {
  it.each([
    ['that nothing will wake', 'never', { status: 0, stdout: '20 are suspended\n' }],
    ['by its own call', 'exit', { status: 5, stdout: '20 are suspended\n' }],
    ['by an exception', 'throw', { status: 1, stdout: '20 are suspended\n' }],
    ['that time will wake: it waits for them', 'sleep', { status: 0, stdout: '20 are suspended\n20 have ended\n' }],
  ])('%s', (_, how, expected) => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [DRIVER, how], { encoding: 'utf8' });
    expect({ status, signal, stdout }, stderr).toEqual({ ...expected, signal: null });
  });
});

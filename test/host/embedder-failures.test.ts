/** Code of an embedder that fails while a guest runs: wherever that is, the run fails with just that, and nothing else does. */
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canSuspend } from '../../src/engine/suspending-run.ts';
import { type GuestModule, Host, type HostRunOptions, type RunMode } from '../../src/index.ts';

const MODES: readonly RunMode[] = [
  'calling-thread',
  ...(canSuspend() ? (['suspending'] as const) : []),
  'thread',
  'process',
];

const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $one (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1)))`;
const READ = '(call $one) (call $exit (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))';
const WRITE = '(call $one) (call $exit (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))';
const LOAD = `(call $exit
  (call $load (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))`;
const COMPUTE = '(call $exit (call $compute (i32.const 7)))';

let host: Host;
const modules = new Map<string, GuestModule>();
const textOf = (body: string) => Buffer.from(`(module ${IMPORTS} (func (export "_start") ${body}))`);
beforeAll(async () => {
  host = new Host();
  for (const body of [READ, WRITE]) modules.set(body, await host.compile(textOf(body)));
});
afterAll(() => host.close());
const run = (body: string, options: HostRunOptions) => host.run(modules.get(body) as GuestModule, options);

const fault = new Error('out of order');
const fails = () => {
  throw fault;
};

describe.each(MODES)('with mode %s', (mode) => {
  it.each<[string, () => unknown]>([
    ['throws', fails],
    ['rejects', () => Promise.reject(fault)],
    [
      'rejects late',
      async () => {
        for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
        throw fault;
      },
    ],
    [
      'answers what cannot be waited for',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is asked
        get then(): never {
          return fails();
        },
      }),
    ],
  ])('a function for output that %s', async (_, stdout) => {
    await expect(run(WRITE, { mode, stdout: stdout as () => void })).rejects.toBe(fault);
    await expect(run(WRITE, { mode })).resolves.toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['load', LOAD],
    ['compute', COMPUTE],
  ])('a listener to refused calls that throws, of %s', async (_, body) => {
    await using failing = new Host({ onRefused: fails });
    const module = await failing.compile(textOf(body));
    await expect(failing.run(module, { mode })).rejects.toBe(fault);
    await expect(failing.run(module, { mode })).rejects.toBe(fault);
  });

  it.skipIf(mode === 'calling-thread')('a stream that fails while it is read', async () => {
    const stdin = (async function* () {
      yield* [] as string[];
      fails();
    })();
    await expect(run(READ, { mode, stdin })).rejects.toMatchObject({ code: 'ERR_STDIO', cause: fault });
  });

  it.skipIf(mode === 'calling-thread')('a stream that fails before it is read', async () => {
    const stdin = new Readable({ read() {} });
    const running = run(READ, { mode, stdin });
    stdin.destroy(fault);
    await expect(running).rejects.toMatchObject({ code: 'ERR_STDIO', cause: fault });
    expect(stdin.listenerCount('error')).toBe(0);
  });

  it.skipIf(mode === 'calling-thread')('a signal is let go of', async () => {
    const { signal } = new AbortController();
    for (let count = 0; count < 20; count++) await run(WRITE, { mode, signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const aborted = run(WRITE, { mode, signal: AbortSignal.abort(fault) });
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED', cause: fault });
  });

  it.each(MODES)('runs a guest with mode %s while its own waits', async (inner) => {
    const text: string[] = [];
    const stdout = async () => {
      text.push(`inner ${String((await run(WRITE, { mode: inner })).exitCode)}`);
    };
    text.push(`outer ${(await run(WRITE, { mode, stdout })).exitCode}`);
    expect(text).toEqual(['inner 0', 'outer 0']);
  });
});

describe('an instance that stays', () => {
  it.each<[string, { timeoutMs?: number }]>([
    ['on this thread', {}],
    ['on a thread of its own', { timeoutMs: 600_000 }],
  ])('%s ends where the listener to refused calls throws', async (_, options) => {
    await using failing = new Host({ onRefused: fails });
    const text = `(module (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (memory (export "memory") 1) (func (export "f") (result i32) (call $compute (i32.const 9))))`;
    const instance = await failing.instantiate(await failing.compile(Buffer.from(text)), options);
    await expect(instance.call('f')).rejects.toBe(fault);
    await expect(instance.call('f')).rejects.toMatchObject({ code: 'ERR_RELEASED' });
    await instance[Symbol.asyncDispose]?.();
  });
});

import { execFile, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GuestInstance } from '../../src/host/guest-instance.ts';
import { Host } from '../../src/host/host.ts';
import type { HostInstanceOptions } from '../../src/host/instantiate.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const FD_WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))';
const PROC_EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))';

/** Counts its calls from what `_initialize` leaves, and prints `hello` when asked. */
const COUNTER = `(module ${FD_WRITE} ${PROC_EXIT}
  (memory (export "memory") 1 3)
  (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00")
  (data (i32.const 16) "hello")
  (global $count (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $count (i32.const 100)))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "print") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12))))
  (func (export "all") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3))
  (func (export "add64") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "trap") unreachable)
  (func (export "leave") (call $proc_exit (i32.const 7)))
  (func (export "spin") (loop $again (br $again)))
  (func (export "flood") (loop $again
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12))) (br $again)))
  (func (export "reference") (param externref)))`;

const newDirectory = temporaryDirectories();
const host = new Host();
const open: GuestInstance[] = [];

async function instantiate(options: HostInstanceOptions = {}, text = COUNTER): Promise<GuestInstance> {
  const module = await host.compile(new TextEncoder().encode(text), { name: 'counter.wat' });
  const instance = await host.instantiate(module, options);
  open.push(instance);
  return instance;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((instance) => instance.dispose()));
});

const code = (expected: string) => expect.objectContaining({ code: expected });

describe.each(['thread', 'calling-thread'] as const)('an instance that stays (%s)', (mode) => {
  it('keeps its state from call to call, after _initialize', async () => {
    const instance = await instantiate({ mode });
    expect((await instance.call('count')).results).toEqual([101]);
    expect((await instance.call('count')).results).toEqual([102]);
    expect(instance.exports).toContain('count');
  });

  it('takes and gives values of every type', async () => {
    const instance = await instantiate({ mode });
    expect((await instance.call('all', -1, -(2n ** 63n), 0.5, Number.NaN)).results).toEqual([
      -1,
      -(2n ** 63n),
      0.5,
      Number.NaN,
    ]);
    expect((await instance.call('all', 2 ** 32 - 1, 2n ** 64n - 1n, -0, Infinity)).results).toEqual([
      -1,
      -1n,
      -0,
      Infinity,
    ]);
  });

  it('makes calls one after another, in the order in which they were asked for', async () => {
    const instance = await instantiate({ mode });
    const calls = await Promise.all(Array.from({ length: 20 }, () => instance.call('count')));
    expect(calls.map(({ results }) => results[0])).toEqual(Array.from({ length: 20 }, (_, index) => 101 + index));
  });

  it('gives what was written in each call with its result', async () => {
    const instance = await instantiate({ mode });
    const [first, second, third] = await Promise.all(['print', 'count', 'print'].map((name) => instance.call(name)));
    expect([first, second, third].map((one) => String(one?.stdout))).toEqual(['hello', '', 'hello']);
  });

  it('reads and writes its memory by copies, within its bounds as they are', async () => {
    const instance = await instantiate({ mode });
    const { memory } = instance;
    expect(String(Buffer.from(await memory.read(16, 5)))).toBe('hello');
    await memory.write(16, Buffer.from('HE'));
    expect(String((await instance.call('print')).stdout)).toBe('HEllo');
    expect(await memory.byteLength()).toBe(65536);
    await expect(memory.read(65536, 1)).rejects.toEqual(code('ERR_OPTION_INVALID'));
    await expect(memory.write(65535, Buffer.from('ab'))).rejects.toEqual(code('ERR_OPTION_INVALID'));
    await instance.call('grow');
    await memory.write(65535, Buffer.from('ab'));
    expect((await instance.call('peek', 65536)).results).toEqual([98]);
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
      await expect(memory.read(offset, 1)).rejects.toEqual(code('ERR_OPTION_INVALID'));
    }
  });

  it.each([
    ['too few', ['all', 1]],
    ['too many', ['count', 1]],
    ['a number for an i64', ['add64', 1, 2n]],
    ['a bigint for an i32', ['peek', 1n]],
    ['a fraction for an i32', ['peek', 1.5]],
    ['33 bits', ['peek', 2 ** 32]],
    ['65 bits', ['add64', 0n, 2n ** 64n]],
    ['text', ['peek', '1' as never]],
    ['options of another name', ['count', { timeout: 1 } as never]],
    ['a time that is none', ['count', { timeoutMs: 0 }]],
  ] as const)('refuses %s, and stays', async (_, [name, ...args]) => {
    const instance = await instantiate({ mode });
    await expect(instance.call(name, ...args)).rejects.toEqual(code('ERR_OPTION_INVALID'));
    expect((await instance.call('count')).results).toEqual([101]);
  });

  it.each(['missing', 'memory', '__proto__', 'reference'])('has no function %s to call, and stays', async (name) => {
    const instance = await instantiate({ mode });
    await expect(instance.call(name)).rejects.toEqual(code('ERR_MODULE_EXPORT'));
    expect((await instance.call('count')).results).toEqual([101]);
  });

  it('ends with a trap, and says so ever after', async () => {
    const instance = await instantiate({ mode });
    await expect(instance.call('trap')).rejects.toMatchObject({
      code: 'ERR_GUEST_TRAP',
      backtrace: [expect.stringContaining('<wasm function 9>')],
    });
    expect(instance.hasEnded).toBe(true);
    await expect(instance.call('count')).rejects.toMatchObject({
      code: 'ERR_RELEASED',
      message: expect.stringContaining('unreachable'),
      cause: code('ERR_GUEST_TRAP'),
    });
    await expect(instance.memory.read(0, 1)).rejects.toEqual(code('ERR_RELEASED'));
  });

  it('tells where it printed more than is kept of a call', async () => {
    const instance = await instantiate({ mode, maxCaptureBytes: 3 });
    const { stdout, truncated } = await instance.call('print');
    expect([String(stdout), truncated]).toEqual(['hel', true]);
    expect((await instance.call('count')).truncated).toBe(false);
  });

  it('ends when it exits, with its code', async () => {
    const instance = await instantiate({ mode });
    expect(await instance.call('leave')).toMatchObject({ exitCode: 7, results: [] });
    await expect(instance.call('count')).rejects.toEqual(code('ERR_RELEASED'));
  });

  it('ends when it writes more than it may in all calls together', async () => {
    const instance = await instantiate({ mode, maxOutputBytes: 12 });
    await instance.call('print');
    const { stdout } = await instance.call('flood').catch((error: { code: string; stdout: Buffer }) => {
      expect(error.code).toBe('ERR_GUEST_OUTPUT_LIMIT');
      return error;
    });
    expect(String(stdout)).toBe('hellohe');
  });

  it('tells what it used in all calls together', async () => {
    const instance = await instantiate({ mode });
    await instance.call('print');
    const { usage } = await instance.call('print');
    expect(usage).toMatchObject({ bytesWritten: 10, peakMemoryBytes: 65536, phases: { guest: { count: 2 } } });
  });

  it('is not made where its _initialize fails', async () => {
    const failing = '(module (func (export "_initialize") unreachable))';
    await expect(instantiate({ mode }, failing)).rejects.toEqual(code('ERR_GUEST_TRAP'));
    const lacking = '(module (import "a" "b" (func)))';
    await expect(instantiate({ mode }, lacking)).rejects.toEqual(code('ERR_MODULE_LINK'));
    await expect(instantiate({ mode, preopens: [{ hostPath: '/missing' }] })).rejects.toEqual(code('ERR_PREOPEN'));
  });

  it('can be called no more once it was disposed', async () => {
    const instance = await instantiate({ mode });
    await instance.dispose();
    await instance.dispose();
    await expect(instance.call('count')).rejects.toEqual(code('ERR_RELEASED'));
  });

  it('fails with what the function for refused calls throws', async () => {
    const failure = new Error('of the embedder');
    const throwing = new Host({
      onRefused: () => {
        throw failure;
      },
    });
    const text = `(module (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (memory (export "memory") 1) (func (export "compute") (drop (call $compute (i32.const 9)))))`;
    const module = await throwing.compile(new TextEncoder().encode(text));
    const instance = await throwing.instantiate(module, { mode });
    open.push(instance);
    await expect(instance.call('compute')).rejects.toBe(failure);
    await expect(instance.call('compute')).rejects.toEqual(code('ERR_RELEASED'));
    await throwing.close();
  });

  it('fails with what a function for its output throws', async () => {
    const failure = new Error('of the embedder');
    const stdout = () => {
      throw failure;
    };
    const instance = await instantiate({ mode, stdout });
    await expect(instance.call('print')).rejects.toBe(failure);
    await expect(instance.call('count')).rejects.toEqual(code('ERR_RELEASED'));
  });
});

describe('an instance in a thread of its own', () => {
  it('ends when a call takes too long', async () => {
    const instance = await instantiate();
    await expect(instance.call('spin', { timeoutMs: 20 })).rejects.toEqual(code('ERR_GUEST_TIMEOUT'));
    await expect(instance.call('count')).rejects.toEqual(code('ERR_RELEASED'));
  });

  it('ends when the signal of a call aborts, or has', async () => {
    const controller = new AbortController();
    const instance = await instantiate();
    const call = instance.call('spin', { signal: controller.signal });
    controller.abort('enough');
    await expect(call).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED', cause: 'enough' });
    const other = await instantiate();
    await expect(other.call('count', { signal: controller.signal })).rejects.toEqual(code('ERR_GUEST_ABORTED'));
  });

  it('leaves calls that end in time alone', async () => {
    const instance = await instantiate();
    expect((await instance.call('count', { timeoutMs: 60_000 })).results).toEqual([101]);
    expect((await instance.call('count')).results).toEqual([102]);
  });

  it('ends when it is disposed while it is called', async () => {
    const instance = await instantiate();
    const call = instance.call('spin');
    const next = instance.call('count');
    void instance.dispose();
    await expect(call).rejects.toEqual(code('ERR_RELEASED'));
    await expect(next).rejects.toEqual(code('ERR_RELEASED'));
  });

  it.each(['disposed', 'timed out', 'aborted'])('writes nothing more once it was %s and let go', async (how) => {
    const directory = newDirectory();
    for (let round = 0; round < 8; round += 1) {
      const file = join(directory, 'output');
      const instance = await instantiate({ stdout: { file } });
      const controller = new AbortController();
      const limits = how === 'timed out' ? { timeoutMs: 5 } : { signal: controller.signal };
      const call = instance.call('flood', limits).catch(() => {});
      if (how !== 'timed out') await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(0), 60_000);
      if (how === 'aborted') controller.abort();
      if (how !== 'disposed') await call;
      await instance.dispose();
      // They have the numbers of what was closed.
      const others = Array.from({ length: 4 }, (_, index) => openSync(join(directory, `other ${index}`), 'w'));
      for (let turns = 0; turns < 100; turns += 1) await turn();
      expect(others.map((fd) => fstatSync(fd).size)).toEqual([0, 0, 0, 0]);
      for (const fd of others) closeSync(fd);
      await call;
    }
  });

  it('leaves what it printed before it filled the heap', { timeout: 60_000 }, async () => {
    const small = new Host({ pool: { maxHeapBytes: 64 * 2 ** 20 } });
    const text = `(module ${FD_WRITE} (memory (export "memory") 1) (table $table 1 funcref)
      (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 16) "hello")
      (func (export "fill") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
        (loop $next (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $next))))`;
    const instance = await small.instantiate(await small.compile(new TextEncoder().encode(text)));
    open.push(instance);
    const error = await instance.call('fill').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'GuestTrapError', code: 'ERR_GUEST_HEAP_LIMIT' });
    expect(String((error as { stdout: Buffer }).stdout)).toBe('hello');
    await small.close();
  });

  it('is not made where _initialize takes too long', async () => {
    const spinning = '(module (func (export "_initialize") (loop $again (br $again))))';
    await expect(instantiate({ timeoutMs: 20 }, spinning)).rejects.toEqual(code('ERR_GUEST_TIMEOUT'));
  });
});

describe('the end of its host', () => {
  it.each(['thread', 'calling-thread'] as const)('is that of an instance, after its calls (%s)', async (mode) => {
    const own = new Host();
    const instance = await own.instantiate(await own.compile(new TextEncoder().encode(COUNTER)), { mode });
    const calls = Promise.all([instance.call('count'), instance.call('count')]);
    const closing = own.close();
    await expect(instance.call('count')).rejects.toEqual(code('ERR_RELEASED'));
    expect((await calls).map(({ results }) => results)).toEqual([[101], [102]]);
    await closing;
    expect(instance.hasEnded).toBe(true);
    await instance.dispose();
  });

  it('is that of an instance that is only made', async () => {
    const own = new Host();
    const making = own.instantiate(await own.compile(new TextEncoder().encode(COUNTER)));
    const refused = expect(making).rejects.toEqual(code('ERR_RELEASED'));
    await own.close();
    await refused;
  });

  it('waits for no process', () => {
    const library = new URL('../../dist/index.mjs', import.meta.url).href;
    const script = `const { Host } = await import(${JSON.stringify(library)});
      const host = new Host();
      const instance = await host.instantiate(await host.compile(Buffer.from(process.argv[1])), { stdin: process.stdin });
      console.log((await instance.call('count')).results[0]);`;
    const options = { encoding: 'utf8', timeout: 120_000 } as const;
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', script, COUNTER], options);
    expect(run).toMatchObject({ status: 0, signal: null, stdout: '101\n', stderr: '' });
  });
});

it.each([Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40])(
  'a call and an instantiation may have %d ms',
  async (timeoutMs) => {
    const instance = await instantiate({ timeoutMs });
    expect((await instance.call('count', { timeoutMs })).results).toEqual([101]);
  },
);

it('on the calling thread there is no time limit', async () => {
  const instance = await instantiate({ mode: 'calling-thread' });
  await expect(instance.call('count', { timeoutMs: 1 })).rejects.toEqual(code('ERR_OPTION_INVALID'));
  expect((await instance.call('count')).results).toEqual([101]);
});

/** Takes four numbers at 64 and gives them back at 96, computed by the graph `relu`, whose context it makes once. */
const INFERRING = `(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load_by_name (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output" (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "relu")
  (data (i32.const 16) "\\01\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const 32) "\\10\\00\\00\\00\\02\\00\\00\\00\\01\\00\\00\\00\\40\\00\\00\\00\\10\\00\\00\\00")
  (func (export "open") (result i32)
    (i32.or (call $load_by_name (i32.const 0) (i32.const 4) (i32.const 8))
      (call $init (i32.load (i32.const 8)) (i32.const 12))))
  (func (export "infer") (result i32)
    (i32.or (call $set_input (i32.load (i32.const 12)) (i32.const 0) (i32.const 32))
      (i32.or (call $compute (i32.load (i32.const 12)))
        (call $get_output (i32.load (i32.const 12)) (i32.const 0) (i32.const 96) (i32.const 16) (i32.const 4))))))`;

describe.skipIf(skipUnless(nativeRuntime()))('graphs and execution contexts', () => {
  it.each(['thread', 'calling-thread'] as const)('live on from call to call (%s)', async (mode) => {
    const inferring = new Host();
    await inferring.graphs.register('relu', { dir: new URL('../../fixtures/models/relu', import.meta.url) });
    const module = await inferring.compile(new TextEncoder().encode(INFERRING));
    const instance = await inferring.instantiate(module, { mode, graphs: ['relu'] });
    open.push(instance);
    expect((await instance.call('open')).results).toEqual([0]);
    // What is registered may go: the instance keeps what it has.
    inferring.graphs.unregister('relu');
    for (const [input, output] of [
      [
        [-1, 2, -3, 4],
        [0, 2, 0, 4],
      ],
      [
        [5, -6, 7, -8],
        [5, 0, 7, 0],
      ],
    ] as const) {
      await instance.memory.write(64, new Uint8Array(Float32Array.from(input).buffer));
      const { results, usage } = await instance.call('infer');
      expect(results).toEqual([0]);
      const bytes = await instance.memory.read(96, 16);
      expect([...new Float32Array(bytes.buffer)]).toEqual(output);
      expect(usage.phases.load_by_name?.count).toBe(1);
    }
    await instance.dispose();
    await inferring.close();
  });
});

it('that has ended holds no thread and no process, whether anybody disposes of it or not', async () => {
  const script = `
    import { readdirSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { Host } from 'wasi-nn-host';
    const host = new Host();
    const module = await host.compile(Buffer.from(\`(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "trap") unreachable)
      (func (export "quit") (call $exit (i32.const 3)))
      (func (export "spin") (loop (br 0))))\`));
    const threads = () => readdirSync('/proc/self/task').length;
    await (await host.instantiate(module)).dispose();
    const before = threads();
    const names = ['trap', 'quit', 'spin'].flatMap((name) => [name, name, name]);
    const kept = await Promise.all(names.map(async (name) => {
      const instance = await host.instantiate(module);
      await instance.call(name, { timeoutMs: 50 }).catch(() => {});
      return instance;
    }));
    // Node may have started some of its own meanwhile.
    while (threads() >= before + kept.length / 2) await setTimeout(1);
    console.log(kept.every(({ hasEnded }) => hasEnded));`;
  const args = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL('../../', import.meta.url) });
  expect(stdout).toBe('true\n');
});

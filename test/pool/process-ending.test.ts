/** How guests in child processes end, and what stays standing: crashes of native code, kills, limits, and the end of the host. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createProcessRunner, type ProcessRunner, type ProcessRunnerOptions } from '../../src/pool/process-runner.ts';
import { assemble } from '../support/assemble.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import {
  answering,
  COUNTING,
  crashingGuest,
  FILLING,
  LOOPING,
  request,
  type TestRequest,
  writing,
} from './process-guests.ts';

/** How many children are killed under their guests, about. */
const KILLS = Number(process.env.PROCESS_KILLS ?? 100);

const runners: ProcessRunner[] = [];
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.dispose();
});

function newRunner(options: Partial<ProcessRunnerOptions> = {}): ProcessRunner {
  const runner = createProcessRunner({ processes: 1, ...options });
  runners.push(runner);
  return runner;
}

const returned = (value: number) => ({ kind: 'returned', results: [String(value)] });

/** Starts a guest that says when it is running, and never ends by itself. */
async function startLoop(runner: ProcessRunner, watch: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  let said = '';
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const write = (bytes: Uint8Array) => {
    said += Buffer.from(bytes);
    begun();
  };
  const report = runner.run(await request(LOOPING, { stdio: { stdout: { kind: 'write', write } } }), watch);
  report.catch(() => {});
  return { report, running, said: () => said };
}

const answer = async (runner: ProcessRunner, value: number, options: TestRequest = {}) =>
  (await runner.run(await request(answering(value), options), {})).outcome;

const garbageCollection = {
  met: WebAssembly.validate(FILLING),
  reason: "this Node has no objects of WebAssembly's garbage collection",
  isOptional: true,
};

/** Whether a process is there and no zombie, which somebody else has to bury. */
function isAlive(pid: number): boolean {
  if (!existsSync('/proc/self/stat')) {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

const gone = (pids: readonly number[]) =>
  vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 60_000, interval: 20 });

describe.skipIf(skipUnless(nativeRuntime()))('a model that crashes the runtime', () => {
  it('ends one child and fails one run, and the others go on', async () => {
    const lost: unknown[] = [];
    const runner = newRunner({ processes: 2, onLost: (end) => lost.push(end) });
    const controller = new AbortController();
    const other = await startLoop(runner, { signal: controller.signal });
    await other.running;
    const crash = runner.run(await request(crashingGuest(), { nn: {} }), {});
    await expect(crash).rejects.toMatchObject({
      name: 'PoolError',
      code: 'ERR_GUEST_CRASHED',
      // A sanitizer takes the signal, and ends the process itself.
      message: expect.stringMatching(process.env.LD_PRELOAD ? /exit code|SIGABRT/ : /SIGSEGV|SIGBUS/),
    });
    expect(await answer(runner, 5)).toEqual(returned(5));
    expect(lost).toMatchObject([{ exitCode: null }]);
    controller.abort();
    expect((await other.report).outcome).toMatchObject({ failure: { code: 'ERR_GUEST_ABORTED' } });
  });
});

describe('a child process', () => {
  it('that is killed fails the run that it had, which is not run again', async () => {
    const runner = newRunner();
    await runner.warm();
    const { report, running, said } = await startLoop(runner);
    await running;
    for (const pid of runner.pids) process.kill(pid, 'SIGKILL');
    await expect(report).rejects.toMatchObject({
      code: 'ERR_GUEST_CRASHED',
      message: expect.stringContaining('SIGKILL'),
    });
    expect(said()).toBe('looping');
    expect(await answer(runner, 3)).toEqual(returned(3));
  });

  it('that is killed before its guest begins leaves it to the next', async () => {
    const runner = newRunner();
    await runner.warm();
    const prepared = await request(answering(4));
    for (const pid of runner.pids) process.kill(pid, 'SIGKILL');
    expect((await runner.run(prepared, {})).outcome).toEqual(returned(4));
  });

  it('that cannot start fails the run that waits for it, and is tried again with the next', async () => {
    const runner = newRunner();
    const { execPath } = process;
    try {
      process.execPath = '/no/such/program';
      await expect(answer(runner, 1)).rejects.toMatchObject({
        code: 'ERR_GUEST_CRASHED',
        message: expect.stringContaining('ENOENT'),
      });
    } finally {
      process.execPath = execPath;
    }
    expect(await answer(runner, 2)).toEqual(returned(2));
  });

  it('outlives what a terminal sends to all processes', async () => {
    const runner = newRunner();
    await runner.warm();
    const before = runner.pids;
    for (const pid of before) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    expect(await answer(runner, 3)).toEqual(returned(3));
    expect(runner.pids).toEqual(before);
  });

  it('ends when it is disposed of, whatever it runs', async () => {
    const runner = newRunner();
    const { report, running } = await startLoop(runner);
    await running;
    const before = runner.pids;
    const disposing = runner.dispose();
    await expect(report).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
    await expect(answer(runner, 1)).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
    await disposing;
    await gone(before);
  });
});

describe('a guest', () => {
  it('is ended at its deadline', async () => {
    const runner = newRunner();
    const { report } = await startLoop(runner, { timeoutMs: 50 });
    expect((await report).outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ERR_GUEST_TIMEOUT' },
      phase: { at: 'invoke' },
    });
    expect(await answer(runner, 3)).toEqual(returned(3));
  });

  it('is ended by a signal, with what it wrote before, and before it begins as well', async () => {
    const runner = newRunner();
    const controller = new AbortController();
    const { report, running, said } = await startLoop(runner, { signal: controller.signal });
    await running;
    controller.abort('enough');
    expect((await report).outcome).toMatchObject({ failure: { code: 'ERR_GUEST_ABORTED', cause: 'enough' } });
    expect(said()).toBe('looping');
    const late = await runner.run(await request(answering(1)), { signal: controller.signal });
    expect(late.outcome).toMatchObject({ failure: { code: 'ERR_GUEST_ABORTED', cause: 'enough' } });
    expect(await answer(runner, 3)).toEqual(returned(3));
  });

  it('has what is known of it in its timeline, when it is ended', async () => {
    const runner = newRunner();
    const controller = new AbortController();
    const imports = '(import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))';
    const first = '(drop (call $compute (i32.const 99)))';
    const looping = writing('looping', { imports, first, body: '(loop $ever (br $ever))' });
    const stdout = { kind: 'write', write: () => controller.abort() } as const;
    const task = await request(looping, { nn: {}, plan: { record: 'timeline' }, stdio: { stdout } });
    const { usage } = await runner.run(task, { signal: controller.signal });
    expect(usage.spans).toContainEqual(expect.objectContaining({ name: 'compute' }));
    expect(usage.phases).toMatchObject({ compute: { count: 1 }, guest: { count: 1 } });
  });

  it('that recurses without end traps, as anywhere', async () => {
    const runner = newRunner();
    const { outcome } = await runner.run(await request('(module (func $deep (export "_start") (call $deep)))'), {});
    expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TRAP', message: 'wasm trap: call stack exhausted' } });
  });

  it('has the deeper stack that it is given, on a child that ran others', async () => {
    const runner = newRunner();
    const deep = (depth: number) => `(module (func $deep (param i32) (result i32)
      (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0))))
      (func (export "_start") (result i32) (call $deep (i32.const ${depth}))))`;
    const plan = { maxWasmStackBytes: 16 * 2 ** 20 };
    const outcome = async (options: TestRequest) =>
      (await runner.run(await request(deep(200_000), options), {})).outcome;
    expect(await answer(runner, 1)).toEqual(returned(1));
    expect(await outcome({ plan })).toEqual(returned(200_000));
    expect(await answer(runner, 2)).toEqual(returned(2));
  });

  it.skipIf(skipUnless(garbageCollection))(
    'that fills the heap of its thread is ended, and at most its child with it',
    async () => {
      const runner = newRunner({ maxHeapBytes: 64 * 2 ** 20 });
      await expect(runner.run(await request(FILLING), {})).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_GUEST_(HEAP_LIMIT|CRASHED)$/),
      });
      expect(await answer(runner, 3)).toEqual(returned(3));
    },
  );
});

it('loses and doubles no run while children are killed at random', async () => {
  const runner = newRunner({ processes: 3 });
  await runner.warm();
  const runs = 3 * KILLS;
  let kills = 0;
  const begun = new Map<number, number>();
  const ended = new Map<number, string>();
  const random = generator(20_261_123);
  let next = 0;
  const one = async () => {
    for (let number = next++; number < runs; number = next++) {
      const id = number;
      const write = () => void begun.set(id, (begun.get(id) ?? 0) + 1);
      const task = await request(COUNTING, { stdio: { stdout: { kind: 'write', write } } });
      const settled = runner.run(task, {}).then(
        ({ outcome }) => JSON.stringify(outcome),
        (error: { code?: string }) => String(error.code),
      );
      if (random() < 0.4) {
        // Somewhere between the order and the end: a turn of the event loop is about as long as a run's steps.
        for (let turns = Math.floor(random() * 12); turns > 0; turns--) await new Promise(setImmediate);
        const { pids } = runner;
        const pid = pids[Math.floor(random() * pids.length)];
        if (pid !== undefined && tryKill(pid)) kills++;
      }
      expect(ended.has(id)).toBe(false);
      ended.set(id, await settled);
    }
  };
  await Promise.all([one(), one(), one()]);
  const ok = JSON.stringify(returned(9));
  expect(kills).toBeGreaterThan(KILLS / 2);
  expect([...new Set(ended.values())].sort()).toEqual(['ERR_GUEST_CRASHED', ok].sort());
  expect(ended.size).toBe(runs);
  // Every run that ended well wrote once, no run wrote twice.
  const wrote = [...ended].map(([id]) => begun.get(id) ?? 0);
  expect(wrote.filter((times) => times > 1)).toEqual([]);
  expect([...ended].filter(([id, how]) => how === ok && begun.get(id) !== 1)).toEqual([]);
});

function tryKill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Numbers in [0, 1), the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the end of the host', () => {
  it('while a child starts is no error of that', async () => {
    const script = `import { Host, Pool } from ${JSON.stringify(new URL('../../dist/index.mjs', import.meta.url).href)};
      const host = new Host();
      const pool = new Pool(host, { threads: 2, isolation: 'process' });
      const module = await host.compile(new TextEncoder().encode('(module (func (export "_start")))'));
      pool.run(module).catch(() => {});
      setTimeout(() => process.exit(), Number(process.argv[1]));`;
    for (const afterMs of [0, 20, 40]) {
      const host = spawn(process.execPath, ['--input-type=module', '-e', script, '--', String(afterMs)], {
        stdio: ['ignore', 'inherit', 'pipe'],
      });
      let said = '';
      host.stderr.on('data', (piece) => {
        said += piece;
      });
      // Its children have the same standard error: this comes when the last of them has ended.
      await new Promise((resolve) => host.once('close', resolve));
      expect(said).toBe('');
    }
  });

  it('ends a child in the middle of a guest that never would', async () => {
    const path = fileURLToPath(new URL('process-parent.mjs', import.meta.url));
    const parent: ChildProcess = fork(path, { serialization: 'advanced', execArgv: [] });
    const told = new Promise<number>((resolve, reject) => {
      parent.on('message', (pid: number) => resolve(pid));
      parent.once('exit', () => reject(new Error('the parent ended by itself')));
    });
    const { program: _, ...plan } = (await request(LOOPING)).plan;
    parent.send({ bytes: await assemble(LOOPING), plan });
    const pid = await told;
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await gone([pid]);
  });
});

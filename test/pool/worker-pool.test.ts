/** Many guests in the threads of a pool: whose turn it is, what comes of each, and how the pool ends. */
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { QueueKey, RunWatch, WorkerPoolOptions } from '../../src/pool/contract.ts';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { type Ending, type NumberedRun, numbered } from './pool-guests.ts';

const pools: WorkerPool[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.abort();
});

function newPool(options: WorkerPoolOptions = {}): WorkerPool {
  const pool = new WorkerPool({ threads: 2, ...options });
  pools.push(pool);
  return pool;
}

const returned = (value: number) => ({ kind: 'returned', results: [String(value)] });
const failed = (code: string) => ({ kind: 'failed', failure: { code } });

async function run(pool: WorkerPool, number: number, ending: Ending, watch: RunWatch & QueueKey = {}) {
  const guest = await numbered(number, ending);
  return { report: await pool.run(guest.request, watch), said: guest.said() };
}

/** A run that goes on until it is let go. */
async function start(pool: WorkerPool, number: number, watch: RunWatch & QueueKey = {}) {
  const input = new PassThrough();
  const guest = await numbered(number, 'read', { kind: 'stream', reader: new StreamReader(input) });
  const report = pool.run(guest.request, watch);
  report.catch(() => {});
  return { ...guest, report, letGo: () => input.end() };
}

/** What comes of a run, whatever it is. */
const codeOf = (report: Promise<unknown>) =>
  report.then(
    () => 'none',
    ({ code }) => code,
  );

describe('a pool of threads', () => {
  it('tells how each of many guests ended, and what it wrote', async () => {
    const pool = newPool();
    const kinds = ['answer', 'exit', 'trap', 'deep', 'answer'] as const;
    const outcomes = {
      answer: returned,
      exit: exited,
      trap: () => failed('ERR_GUEST_TRAP'),
      deep: () => failed('ERR_GUEST_TRAP'),
    };
    const all = Array.from({ length: 1_000 }, (_, number) => ({
      number,
      ending: kinds[number % kinds.length] ?? 'answer',
    }));
    const ends = await Promise.all(all.map(({ number, ending }) => run(pool, number, ending)));
    for (const { number, ending } of all) {
      expect(ends[number]?.report.outcome).toMatchObject(outcomes[ending](number));
      expect(ends[number]?.said).toEqual([number]);
    }
    const failures = all.filter(({ ending }) => ending === 'trap' || ending === 'deep').length;
    expect(pool.stats).toEqual({
      ...{ isolation: 'thread', threads: 2, running: 0, queued: 0 },
      ...{ completed: all.length - failures, failed: failures, replaced: 0, leftBehind: 0 },
    });
  });

  it('gives no guest what another has left', async () => {
    const pool = newPool({ threads: 1 });
    for (let number = 0; number < 5; number += 1) {
      await run(pool, number, 'spoil');
      expect((await run(pool, number, 'runs')).report.outcome).toEqual(returned(1));
    }
  });

  it('ends what takes too long, and goes on', async () => {
    const pool = newPool({ threads: 1 });
    for (const ending of ['loop', 'write', 'loop'] as const) {
      const { report } = await run(pool, 7, ending, { timeoutMs: 50 });
      expect(report.outcome).toMatchObject(failed('ERR_GUEST_TIMEOUT'));
      expect(report.usage.phases.guest?.count).toBe(1);
      expect((await run(pool, 8, 'answer', { timeoutMs: 600_000 })).report.outcome).toEqual(returned(8));
    }
    expect(pool.stats).toMatchObject({ completed: 3, failed: 3, replaced: 3, running: 0 });
  });

  it('ends a guest whose signal aborts, with the reason, while it runs and before', async () => {
    const pool = newPool({ threads: 1 });
    const reason = new Error('enough');
    const controller = new AbortController();
    const first = await start(pool, 1, { signal: controller.signal });
    const waiting = run(pool, 2, 'answer', { signal: controller.signal });
    const other = run(pool, 3, 'answer');
    await first.running;
    controller.abort(reason);
    const aborted = { kind: 'failed', failure: { code: 'ERR_GUEST_ABORTED', cause: reason } };
    expect((await first.report).outcome).toMatchObject(aborted);
    expect(first.said()).toEqual([1]);
    const { report, said } = await waiting;
    expect(report.outcome).toMatchObject(aborted);
    expect(said).toEqual([]);
    expect((await other).report.outcome).toEqual(returned(3));
    expect((await run(pool, 4, 'answer', { signal: controller.signal })).report.outcome).toMatchObject(aborted);
  });

  it('waits for who takes the output, and for onEnd, until it is to end', async () => {
    const pool = newPool({ threads: 1 });
    const onEnd = vi.fn(async () => {});
    await run(pool, 1, 'answer', { onEnd, timeoutMs: 600_000 });
    expect(onEnd).toHaveBeenCalledOnce();
    const controller = new AbortController();
    const never = () => {
      controller.abort();
      return new Promise<void>(() => {});
    };
    const { report } = await run(pool, 2, 'answer', { onEnd: never, signal: controller.signal });
    expect(report.outcome).toMatchObject(failed('ERR_GUEST_ABORTED'));
    const fails = () => Promise.reject(new RangeError('not taken'));
    await expect(run(pool, 3, 'answer', { onEnd: fails })).rejects.toThrow('not taken');
    // Their guests had ended: no thread was lost.
    expect(pool.stats).toMatchObject({ replaced: 0 });
    const late = await run(pool, 4, 'answer', { onEnd: never, timeoutMs: 50 });
    expect(late.report.outcome).toMatchObject(failed('ERR_GUEST_TIMEOUT'));
  });

  it('throws what the host has against a run, and goes on', async () => {
    const pool = newPool({ threads: 1 });
    const { request } = await numbered(1, 'answer');
    const missing = {
      ...request.plan,
      preopens: [{ kind: 'host' as const, hostPath: '/no/such/place', guestPath: '/' }],
    };
    await expect(pool.run({ ...request, plan: missing }, {})).rejects.toMatchObject({ code: 'ERR_PREOPEN' });
    const unclonable = { ...request.plan, args: [(() => {}) as unknown as string] };
    await expect(pool.run({ ...request, plan: unclonable }, {})).rejects.toMatchObject({ name: 'DataCloneError' });
    expect((await run(pool, 2, 'answer')).report.outcome).toEqual(returned(2));
    expect(pool.stats).toMatchObject({ completed: 1, failed: 2, replaced: 0 });
  });
});

function exited(number: number) {
  return { kind: 'exited', exitCode: number };
}

describe('a full pool', () => {
  it('lets higher priorities go first, and tenants take turns', async () => {
    const pool = newPool({ threads: 1 });
    const first = await start(pool, 0);
    await first.running;
    const order: string[] = [];
    const waiting = [
      ...['a', 'a', 'a', 'b', 'c', 'c'].map((tenant) => ({ tenant })),
      ...['d', 'd', 'e'].map((tenant) => ({ tenant, priority: 1 })),
    ].map(async (key, index) => {
      const { report } = await run(pool, index, 'answer', key);
      order.push(`${key.tenant}${report.outcome.kind === 'returned' ? report.outcome.results : ''}`);
      expect(report.queueMs).toBeGreaterThan(0);
    });
    await vi.waitFor(() => expect(pool.stats).toMatchObject({ running: 1, queued: waiting.length }), {
      timeout: 60_000,
    });
    first.letGo();
    await Promise.all(waiting);
    expect(order).toEqual(['d6', 'e8', 'd7', 'a0', 'b3', 'c4', 'a1', 'c5', 'a2']);
  });

  it('refuses what would be one too many, and takes more when one has left', async () => {
    const pool = newPool({ threads: 1, maxQueue: 1 });
    const first = await start(pool, 0);
    await first.running;
    const controller = new AbortController();
    const second = await start(pool, 1, { signal: controller.signal });
    expect(await codeOf((await start(pool, 2)).report)).toBe('ERR_POOL_QUEUE_FULL');
    controller.abort();
    expect((await second.report).outcome).toMatchObject(failed('ERR_GUEST_ABORTED'));
    const third = await start(pool, 3);
    first.letGo();
    third.letGo();
    expect((await third.report).outcome).toEqual(returned(0));
  });

  it('lets no tenant fill the queue for all', async () => {
    const pool = newPool({ threads: 1, maxQueue: 3 });
    const first = await start(pool, 0);
    await first.running;
    const crowd = [];
    for (let number = 1; number <= 3; number += 1) crowd.push(await start(pool, number, { tenant: 'crowd' }));
    expect(await codeOf((await start(pool, 4, { tenant: 'crowd' })).report)).toBe('ERR_POOL_QUEUE_FULL');
    const other = await start(pool, 5, { tenant: 'other' });
    expect(await codeOf(crowd[2]?.report as Promise<unknown>)).toBe('ERR_POOL_QUEUE_FULL');
    expect(pool.stats).toMatchObject({ running: 1, queued: 3 });
    for (const { letGo } of [first, ...crowd, other]) letGo();
    expect((await other.report).outcome).toEqual(returned(0));
    expect((await crowd[1]?.report)?.outcome).toEqual(returned(0));
  });

  it('lets a run wait no longer than it may, and runs what is given a worker in time', async () => {
    const pool = newPool({ threads: 1, maxQueue: 2 });
    const first = await start(pool, 0);
    await first.running;
    const patient = run(pool, 1, 'answer', { maxQueueMs: Number.POSITIVE_INFINITY, timeoutMs: 600_000 });
    expect(await codeOf((await start(pool, 2, { maxQueueMs: 20 })).report)).toBe('ERR_POOL_QUEUE_TIMEOUT');
    expect(pool.stats).toMatchObject({ running: 1, queued: 1 });
    first.letGo();
    expect((await patient).report.outcome).toEqual(returned(1));
    expect((await run(pool, 3, 'answer', { maxQueueMs: 0 })).report.outcome).toEqual(returned(3));
  });

  it('has no queue where it may have none', async () => {
    const pool = newPool({ threads: 1, maxQueue: 0 });
    const first = await start(pool, 0);
    expect(await codeOf((await start(pool, 1)).report)).toBe('ERR_POOL_QUEUE_FULL');
    first.letGo();
    await first.report;
    expect((await run(pool, 2, 'answer')).report.outcome).toEqual(returned(2));
  });
});

describe('the end of a pool', () => {
  const three = async (
    pool: WorkerPool,
  ): Promise<(NumberedRun & { report: Promise<unknown>; letGo: () => void })[]> => {
    const runs = [await start(pool, 1), await start(pool, 2), await start(pool, 3)];
    await Promise.all(runs.slice(0, 2).map(({ running }) => running));
    return runs;
  };

  it('is waited for by close, until all have run', async () => {
    const pool = newPool();
    const runs = await three(pool);
    const closing = pool.close();
    expect(await codeOf(run(pool, 4, 'answer'))).toBe('ERR_POOL_CLOSED');
    for (const { letGo } of runs) letGo();
    await closing;
    expect(pool.stats).toMatchObject({ running: 0, queued: 0, completed: 3 });
    for (const { report } of runs) expect(await report).toMatchObject({ outcome: { kind: 'returned' } });
    await pool.close();
  });

  it('comes at once with abort, for those that run and those that wait', async () => {
    const pool = newPool();
    const runs = await three(pool);
    await pool.abort();
    for (const { report } of runs) expect(await codeOf(report)).toBe('ERR_POOL_CLOSED');
    expect(pool.stats).toMatchObject({ running: 0, queued: 0, completed: 0 });
    expect(await codeOf(run(pool, 4, 'answer'))).toBe('ERR_POOL_CLOSED');
  });

  it('is not what drain is: more may come after', async () => {
    const pool = newPool();
    await pool.drain();
    const runs = await three(pool);
    let isDrained = false;
    const draining = pool.drain().then(() => {
      isDrained = true;
    });
    for (const { letGo } of runs.slice(1)) letGo();
    await Promise.all(runs.slice(1).map(({ report }) => report));
    expect(isDrained).toBe(false);
    runs[0]?.letGo();
    await draining;
    expect((await run(pool, 4, 'answer')).report.outcome).toEqual(returned(4));
  });

  it('is that of a pool that was never used, too', async () => {
    const pool = newPool();
    await pool.close();
    expect(await codeOf(run(pool, 1, 'answer'))).toBe('ERR_POOL_CLOSED');
  });
});

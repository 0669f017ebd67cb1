/** A pool as an embedder has it. What becomes of runs within it is tested with the pool itself. */
import { describe, expect, it, vi } from 'vitest';
import { GuestTrapError, Host, Pool, PoolError, type PoolOptions } from '../../src/index.ts';

const wat = (name: string) => new URL(`../../fixtures/guests/wat/${name}.wat`, import.meta.url);

async function pooled<Result>(options: PoolOptions, use: (pool: Pool, host: Host) => Promise<Result>): Promise<Result> {
  const host = new Host();
  const pool = new Pool(host, options);
  try {
    return await use(pool, host);
  } finally {
    await pool.abort();
    await host.close();
  }
}

const failureOf = (running: Promise<unknown>): Promise<unknown> =>
  running.then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe('a pool', () => {
  it('runs guests as the host does, in its workers', async () => {
    await pooled({ threads: 2 }, async (pool, host) => {
      const echo = await host.compile(wat('echo'));
      const runs = Array.from({ length: 6 }, (_, index) => pool.run(echo, { args: [`guest ${index}`] }));
      const results = await Promise.all(runs);
      for (const [index, { stdout, usage }] of results.entries()) {
        expect(String(stdout)).toContain(`guest ${index}`);
        expect(usage).toMatchObject({ mode: 'thread', phases: { guest: { count: 1 } } });
      }
      expect(pool.stats).toMatchObject({ isolation: 'thread', threads: 2, running: 0, queued: 0, completed: 6 });
    });
  });

  it('runs guests in processes', async () => {
    await pooled({ threads: 1, isolation: 'process' }, async (pool, host) => {
      const { stdout, usage } = await pool.run(await host.compile(wat('echo')), { args: ['apart'] });
      expect(String(stdout)).toContain('apart');
      expect(usage.mode).toBe('process');
      expect(pool.stats).toMatchObject({ isolation: 'process', threads: 1, completed: 1 });
    });
  });

  it('has limits for runs that have none', async () => {
    await pooled({ threads: 1, defaults: { timeoutMs: 50 } }, async (pool, host) => {
      const error = await failureOf(pool.run(await host.compile(wat('endless-loop'))));
      expect(error).toBeInstanceOf(GuestTrapError);
      expect(error).toMatchObject({ code: 'ERR_GUEST_TIMEOUT', usage: { mode: 'thread' } });
      // The next one has a worker all the same.
      const { exitCode } = await pool.run(await host.compile(wat('exit')), { args: ['3'], timeoutMs: 60_000 });
      expect(exitCode).toBe(3);
    });
  });

  it('lets runs wait no longer than they may', async () => {
    await pooled({ threads: 1, defaults: { maxQueueMs: 20 } }, async (pool, host) => {
      const controller = new AbortController();
      const endless = await host.compile(wat('endless-loop'));
      const running = failureOf(pool.run(endless, { signal: controller.signal }));
      await vi.waitFor(() => expect(pool.stats.running).toBe(1), { timeout: 60_000 });
      const late = await failureOf(pool.run(endless));
      expect(late).toMatchObject({ name: 'PoolError', code: 'ERR_POOL_QUEUE_TIMEOUT' });
      controller.abort();
      expect(await running).toMatchObject({ code: 'ERR_GUEST_ABORTED' });
    });
  });

  it('lets so many wait, and no more', async () => {
    await pooled({ threads: 1, maxQueue: 1 }, async (pool, host) => {
      const endless = await host.compile(wat('endless-loop'));
      const controller = new AbortController();
      const run = () => failureOf(pool.run(endless, { signal: controller.signal }));
      const runs = [run(), run(), run()];
      const refused = await Promise.race(runs);
      expect(refused).toBeInstanceOf(PoolError);
      expect(refused).toMatchObject({ code: 'ERR_POOL_QUEUE_FULL' });
      controller.abort();
      const codes = (await Promise.all(runs)).map((error) => (error as GuestTrapError).code);
      expect(codes.sort()).toEqual(['ERR_GUEST_ABORTED', 'ERR_GUEST_ABORTED', 'ERR_POOL_QUEUE_FULL']);
    });
  });

  it('drains, and closes when all is done', async () => {
    await pooled({ threads: 1 }, async (pool, host) => {
      const exit = await host.compile(wat('exit'));
      const runs = [1, 2, 3].map((code) => pool.run(exit, { args: [String(code)] }));
      const closing = pool.close();
      await expect(pool.run(exit)).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
      expect((await Promise.all(runs)).map(({ exitCode }) => exitCode)).toEqual([1, 2, 3]);
      await closing;
      await pool.drain();
      await pool.close();
      expect(pool.stats).toMatchObject({ running: 0, queued: 0, completed: 3 });
    });
  });

  it('aborts what runs and what waits', async () => {
    await pooled({ threads: 1 }, async (pool, host) => {
      const endless = await host.compile(wat('endless-loop'));
      const runs = [1, 2].map(() => failureOf(pool.run(endless)));
      await vi.waitFor(() => expect(pool.stats).toMatchObject({ running: 1, queued: 1 }), { timeout: 60_000 });
      await pool.abort();
      expect(await Promise.all(runs)).toEqual([
        expect.objectContaining({ code: 'ERR_POOL_CLOSED' }),
        expect.objectContaining({ code: 'ERR_POOL_CLOSED' }),
      ]);
      await expect(pool.run(endless)).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
      expect(pool.stats).toMatchObject({ running: 0, queued: 0, completed: 0, failed: 2 });
    });
  });

  it.each<[unknown, unknown, string]>([
    [{}, {}, 'host: expected a Host'],
    [
      new Host(),
      { thread: 1 },
      'options: expected names out of threads, maxQueue, isolation, maxHeapBytes, maxRunsPerProcess, defaults',
    ],
    [new Host(), { isolation: 'process', maxRunsPerProcess: 0 }, 'maxRunsPerProcess: expected a whole number from 1'],
    [new Host(), { maxRunsPerProcess: 1 }, 'maxRunsPerProcess: expected none'],
    [new Host(), { threads: 1.5 }, 'threads: expected a whole number from 1 to 1024'],
    [new Host(), { defaults: { timeoutMs: '1' } }, 'defaults.timeoutMs: expected milliseconds'],
  ])('of %j and %j is refused', (host, options, message) => {
    expect(() => new Pool(host as Host, options as PoolOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('says itself where guests run', async () => {
    await pooled({ threads: 1 }, async (pool, host) => {
      const exit = await host.compile(wat('exit'));
      for (const mode of ['calling-thread', 'suspending', 'process', 'auto']) {
        await expect(pool.run(exit, { mode } as never)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
      }
    });
  });

  it('runs nothing of a host that was disposed', async () => {
    const host = new Host();
    const exit = await host.compile(wat('exit'));
    await using pool = new Pool(host, { threads: 1 });
    host.dispose();
    await expect(pool.run(exit)).rejects.toMatchObject({ code: 'ERR_RELEASED' });
  });
});

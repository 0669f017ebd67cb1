/** Threads whose guests were ended from outside: what they were given is held until they are gone. */
import { describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import { type Ending, numbered } from './pool-guests.ts';

describe('a guest that is left behind', () => {
  it.each<[Ending, string]>([
    ['loop', 'ERR_GUEST_ABORTED'],
    ['write', 'ERR_GUEST_ABORTED'],
    ['read', 'ERR_GUEST_ABORTED'],
  ])('is told of until its thread is gone (%s)', async (ending, code) => {
    await using pool = new WorkerPool({ threads: 1 });
    // Nobody ever answers a read.
    const reader = { read: () => new Promise<Uint8Array>(() => {}), wait: async () => false, release: () => {} };
    const stdin = { kind: 'stream', reader } as never;
    const { request, running } = await numbered(1, ending, stdin);
    const controller = new AbortController();
    const gone: Promise<void>[] = [];
    const report = pool.run(request, { signal: controller.signal, onLeftBehind: (promise) => void gone.push(promise) });
    await running;
    controller.abort();
    expect((await report).outcome).toMatchObject({ failure: { code } });
    expect(gone).toHaveLength(1);
    await gone[0];
  });

  it('is told of when the pool ends it', async () => {
    const pool = new WorkerPool({ threads: 1 });
    const { request, running } = await numbered(1, 'loop');
    const gone: Promise<void>[] = [];
    const report = pool.run(request, { onLeftBehind: (promise) => void gone.push(promise) });
    await running;
    const aborting = pool.abort();
    await expect(report).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
    expect(gone).toHaveLength(1);
    await Promise.all([...gone, aborting]);
  });

  it.each<Ending>(['answer', 'exit', 'trap'])('is none that ends by itself (%s)', async (ending) => {
    await using pool = new WorkerPool({ threads: 1 });
    const { request } = await numbered(1, ending);
    const gone: Promise<void>[] = [];
    await pool.run(request, { timeoutMs: 60_000, onLeftBehind: (promise) => void gone.push(promise) });
    expect(gone).toEqual([]);
  });
});

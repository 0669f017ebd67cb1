/** Threads whose guests were ended from outside: what they were given is held until they are gone. */
import { describe, expect, it, vi } from 'vitest';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import { compileText } from '../support/assemble.ts';
import { type Ending, numbered } from './pool-guests.ts';

/** V8 takes its time to compile the function, in which nothing ends it; then it never returns. */
function costly() {
  const loops = '(loop)'.repeat(400);
  return compileText(`(module (func (export "busy") ${'(local i64)'.repeat(49_000)} ${loops} (loop (br 0))))`);
}

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

  it('keeps others waiting where many are', async () => {
    await using pool = new WorkerPool({ threads: 1 });
    const { request } = await numbered(1, 'answer');
    const program = await costly();
    const plan = { ...request.plan, program };
    let left = 0;
    let most = 0;
    const onLeftBehind = (gone: Promise<void>) => {
      left += 1;
      most = Math.max(most, left);
      expect(pool.stats.leftBehind).toBe(left);
      void gone.then(() => {
        left -= 1;
      });
    };
    const watch = { timeoutMs: 1, onLeftBehind };
    const run = () => pool.run({ ...request, plan: { ...plan, invoke: { name: 'busy', args: [] } } }, watch);
    const reports = await Promise.all(Array.from({ length: 12 }, run));
    for (const { outcome } of reports) expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TIMEOUT' } });
    expect(most).toBeLessThanOrEqual(3);
    expect((await pool.run(request, {})).outcome).toMatchObject({ kind: 'returned' });
    await vi.waitFor(() => expect(pool.stats.leftBehind).toBe(0), 60_000);
  });

  it.each<Ending>(['answer', 'exit', 'trap'])('is none that ends by itself (%s)', async (ending) => {
    await using pool = new WorkerPool({ threads: 1 });
    const { request } = await numbered(1, ending);
    const gone: Promise<void>[] = [];
    await pool.run(request, { timeoutMs: 60_000, onLeftBehind: (promise) => void gone.push(promise) });
    expect(gone).toEqual([]);
  });
});

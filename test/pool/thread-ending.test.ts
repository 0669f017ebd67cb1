/** What becomes of runs whose threads die, and whose guests are ended at any moment: none is lost, none answered twice. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ThreadRunner, type ThreadRunnerOptions } from '../../src/pool/thread-runner.ts';
import { WorkerPool } from '../../src/pool/worker-pool.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { type Ending, numbered } from './pool-guests.ts';
import { answering, FILLING, LOOPING, request } from './process-guests.ts';

const newDirectory = temporaryDirectories();

/** Runs of the storm, and threads that are ended under their guests. */
const STORM_RUNS = Number(process.env.STORM_RUNS ?? 1_000);
const KILLS = Number(process.env.THREAD_KILLS ?? 100);

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

function newRunner(options: Partial<ThreadRunnerOptions> = {}): ThreadRunner {
  const runner = new ThreadRunner({ threads: 1, ...options });
  endings.push(() => runner.dispose());
  return runner;
}

const returned = (value: number) => ({ kind: 'returned', results: [String(value)] });
const answer = async (runner: ThreadRunner, value: number) =>
  (await runner.run(await request(answering(value)), {})).outcome;

const garbageCollection = {
  met: WebAssembly.validate(FILLING),
  reason: "this Node has no objects of WebAssembly's garbage collection",
  isOptional: true,
};

/** Numbers that look like chance and are the same with each run of the test. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('a thread that dies', () => {
  it('fails the run of the guest that had begun, and no other', async () => {
    const lost = vi.fn();
    const runner = newRunner({ onLost: lost });
    const guest = await numbered(5, 'loop');
    const report = runner.run(guest.request, {});
    report.catch(() => {});
    await guest.running;
    await Promise.all(runner.threads.map((thread) => thread.terminate()));
    await expect(report).rejects.toMatchObject({ name: 'HostError', code: 'ERR_GUEST_CRASHED' });
    expect(guest.said()).toEqual([5]);
    expect(lost).toHaveBeenCalledOnce();
    expect(await answer(runner, 6)).toEqual(returned(6));
  });

  it('is not noticed by who comes next, where it had nothing to do', async () => {
    const runner = newRunner();
    for (let value = 0; value < 10; value += 1) {
      expect(await answer(runner, value)).toEqual(returned(value));
      // Some are asked to end, and may be given a run yet; some have ended.
      const ends = runner.threads.map((thread) => thread.terminate());
      if (value % 2 === 0) await Promise.all(ends);
    }
  });

  it('is told as it starts, and is not started for ever', async () => {
    const entry = join(newDirectory(), 'broken.cjs');
    const starts = join(newDirectory(), 'starts');
    writeFileSync(
      entry,
      `require('node:fs').appendFileSync(${JSON.stringify(starts)}, '.'); throw new Error('it is broken');`,
    );
    const runner = newRunner({ entry });
    for (let tries = 0; tries < 2; tries += 1) {
      await expect(answer(runner, 1)).rejects.toMatchObject({
        ...{ name: 'HostError', code: 'ERR_GUEST_CRASHED', message: expect.stringContaining('it is broken') },
      });
    }
    // Piscina reads the file twice for each thread.
    expect(readFileSync(starts, 'utf8').length).toBeLessThan(50);
  });

  it.skipIf(skipUnless(garbageCollection))('of its heap takes the guest with it that filled it', async () => {
    const runner = newRunner({ maxHeapBytes: 32 * 2 ** 20 });
    const filling = runner.run(await request(FILLING), {});
    await expect(filling).rejects.toMatchObject({ name: 'HostError', code: 'ERR_GUEST_HEAP_LIMIT' });
    expect(await answer(runner, 1)).toEqual(returned(1));
  });

  it('is none that a guest fills with tables, but that guest is ended', async () => {
    const runner = newRunner({ maxHeapBytes: 64 * 2 ** 20 });
    const growing = `(module (table $table 1 funcref) (func (export "_start")
      (loop (drop (table.grow $table (ref.null func) (i32.const 100000))) (br 0))))`;
    const filling = runner.run(await request(growing), {});
    await expect(filling).rejects.toMatchObject({ name: 'HostError', code: 'ERR_GUEST_HEAP_LIMIT' });
    expect(await answer(runner, 1)).toEqual(returned(1));
  });

  it(`at any moment costs one run at most, ${KILLS} times`, async () => {
    const random = chance(1);
    const runner = newRunner({ threads: 2 });
    let kills = 0;
    let crashed = 0;
    const lane = async (first: number) => {
      for (let number = first; kills < KILLS; number += 2) {
        const guest = await numbered(number, 'answer');
        try {
          expect((await runner.run(guest.request, {})).outcome).toEqual(returned(number));
          expect(guest.said()).toEqual([number]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_GUEST_CRASHED' });
          expect(guest.said().length).toBeLessThanOrEqual(1);
          crashed += 1;
        }
      }
    };
    const killing = async () => {
      while (kills < KILLS) {
        for (let turns = random(40); turns > 0; turns -= 1) await turn();
        const thread = runner.threads[random(runner.threads.length)];
        if (thread === undefined) continue;
        kills += 1;
        if (random(2) === 0) await thread.terminate();
        else thread.terminate();
      }
    };
    await Promise.all([lane(0), lane(1), killing()]);
    expect(crashed).toBeLessThanOrEqual(kills);
    expect(await answer(runner, 3)).toEqual(returned(3));
  });
});

describe('a storm of runs', () => {
  it(`is answered run by run, ${STORM_RUNS} of them`, async () => {
    const pool = new WorkerPool({ threads: 2 });
    endings.push(() => pool.abort());
    const random = chance(2);
    const kinds: Ending[] = ['answer', 'answer', 'exit', 'trap', 'loop', 'write', 'read'];
    const codes = { completed: 0, failed: 0 };
    const one = async (number: number) => {
      const ending = kinds[random(kinds.length)] ?? 'answer';
      const guest = await numbered(number, ending);
      const controller = new AbortController();
      const watch = { tenant: String(number % 7), priority: number % 3, signal: controller.signal };
      const neverEnds = ending === 'loop' || ending === 'write';
      const report = pool.run(guest.request, { ...watch, ...(random(2) === 0 && { timeoutMs: random(40) }) });
      const isAborted = neverEnds || random(4) === 0;
      if (isAborted) {
        for (let turns = random(60); turns > 0; turns -= 1) await turn();
        controller.abort(number);
      }
      const { outcome } = await report;
      codes[outcome.kind === 'failed' ? 'failed' : 'completed'] += 1;
      expect(guest.said().every((said) => said === number)).toBe(true);
      if (outcome.kind === 'failed' && outcome.failure.code !== 'ERR_GUEST_TRAP') {
        expect(['ERR_GUEST_TIMEOUT', 'ERR_GUEST_ABORTED']).toContain(outcome.failure.code);
        if (outcome.failure.code === 'ERR_GUEST_ABORTED') expect(outcome.failure.cause).toBe(number);
        return;
      }
      expect(neverEnds).toBe(false);
      expect(guest.said()).toEqual([number]);
      if (outcome.kind === 'exited') expect([ending, outcome.exitCode]).toEqual(['exit', number]);
      if (outcome.kind === 'returned') expect(outcome.results).toEqual([String(ending === 'read' ? 0 : number)]);
      if (outcome.kind === 'failed') expect(ending).toBe('trap');
    };
    const lane = async (first: number) => {
      for (let number = first; number < STORM_RUNS; number += 8) await one(number);
    };
    await Promise.all(Array.from({ length: 8 }, (_, first) => lane(first)));
    expect(codes.completed + codes.failed).toBe(STORM_RUNS);
    expect(pool.stats).toMatchObject({ running: 0, queued: 0 });
    expect(pool.stats.completed).toBe(codes.completed);
    const { report } = { report: await pool.run((await numbered(1, 'answer')).request, {}) };
    expect(report.outcome).toEqual(returned(1));
  });

  it('ends with the pool, at whatever moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 200 }), fc.boolean(), async (turns, isAbort) => {
        const pool = new WorkerPool({ threads: 2 });
        const looping = await request(LOOPING);
        const runs = Array.from({ length: 12 }, async (_, number) => {
          const guest = isAbort && number % 3 === 0 ? looping : (await numbered(number, 'answer')).request;
          return (await pool.run(guest, {})).outcome;
        });
        const ends = Promise.allSettled(runs);
        for (let count = 0; count < turns; count += 1) await turn();
        await (isAbort ? pool.abort() : pool.close());
        for (const [number, end] of (await ends).entries()) {
          if (end.status === 'fulfilled') expect(end.value).toEqual(returned(number));
          else expect(end.reason).toMatchObject({ code: 'ERR_POOL_CLOSED' });
        }
        expect(pool.stats).toMatchObject({ running: 0, queued: 0 });
      }),
      { numRuns: 20 },
    );
  });
});

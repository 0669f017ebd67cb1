/** Child processes that were taken over, by native code that a guest's model led astray: they end, and nothing else does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RecordLevel } from '../../src/engine/run-report.ts';
import { createProcessRunner, type ProcessRunner, type ProcessRunnerOptions } from '../../src/pool/process-runner.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { answering, request } from './process-guests.ts';

const HOSTILE = fileURLToPath(new URL('hostile-child.cjs', import.meta.url));
const SILENT = fileURLToPath(new URL('silent-child.cjs', import.meta.url));

const newDirectory = temporaryDirectories();
const runners: ProcessRunner[] = [];
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.dispose();
});

function newRunner(options: Partial<ProcessRunnerOptions> = {}): ProcessRunner {
  const runner = createProcessRunner({ processes: 1, entry: HOSTILE, ...options });
  runners.push(runner);
  return runner;
}

/** Never has anything to read. */
async function* nothing(): AsyncGenerator<Uint8Array> {
  await new Promise(() => {});
}

async function run(
  runner: ProcessRunner,
  action: string,
  { notes = [], record, ...watch }: { notes?: string[]; record?: RecordLevel; timeoutMs?: number } = {},
) {
  const plan = { args: ['guest', action, ...notes], record };
  const stdin = { kind: 'stream', reader: new StreamReader(nothing()) } as const;
  const stdout = { kind: 'write', write: () => new Promise<void>(() => {}) } as const;
  return await runner.run(await request(answering(1), { plan, stdio: { stdin, stdout } }), watch);
}

const notesFile = () => {
  const path = join(newDirectory(), 'notes');
  writeFileSync(path, '');
  return path;
};

const CRASHED = { name: 'PoolError', code: 'ERR_GUEST_CRASHED' };

describe('a child that was taken over', () => {
  it.each([
    'write a few bytes',
    "write what Node's own channels obey",
    'write what is no JSON',
    'say that it hands over a handle',
    'announce a message of four gigabytes',
    'announce sixty megabytes of JSON',
    'say more than a short message has',
    'say what is short as what is long',
    'say what is long as what is short',
    'say beside a message what nobody reads',
    'write pieces of nothing',
    'write too many pieces',
    'say JSON as deep as a message is long',
    'end with spans that nobody asked for',
    'flood with needs',
    'flood with parts of a timeline',
    'flood with output',
    'flood with calls',
    'end with half a message',
  ])('may %s: its run has crashed, and its place is taken', async (action) => {
    const lost: unknown[] = [];
    const runner = newRunner({ onLost: (end) => lost.push(end) });
    const before = process.memoryUsage.rss();
    await expect(run(runner, action)).rejects.toMatchObject(CRASHED);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
    const { outcome } = await run(runner, 'begin, and say nothing more', { timeoutMs: 1 });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TIMEOUT' } });
    await vi.waitFor(() => expect(lost.length).toBeGreaterThan(0), { timeout: 60_000 });
  });

  it.each(['flood with spans', 'flood with operations'])('may %s in a run with a timeline', async (action) => {
    await expect(run(newRunner(), action, { record: 'timeline' })).rejects.toMatchObject(CRASHED);
  });

  it('may close its pipe and go on: it is killed', async () => {
    const runner = newRunner();
    await expect(run(runner, 'close its pipe and go on')).rejects.toMatchObject(CRASHED);
  });

  it('is used no more when it speaks unasked', async () => {
    const runner = newRunner();
    expect((await run(runner, 'speak after the end')).outcome).toEqual({ kind: 'returned', results: ['1'] });
    const before = runner.pids;
    await vi.waitFor(() => expect(before.every((pid) => runner.pids.includes(pid))).toBe(false), { timeout: 60_000 });
    const { outcome } = await run(runner, 'begin, and say nothing more', { timeoutMs: 1 });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TIMEOUT' } });
  });
});

describe('a child that stands still', () => {
  it('before it accepts a run leaves it to another, once', async () => {
    const path = notesFile();
    const runner = newRunner({ patienceMs: 2_000 });
    const { outcome } = await run(runner, 'say nothing, but to the second run', { notes: [path] });
    expect(outcome).toEqual({ kind: 'returned', results: ['2'] });
    expect(readFileSync(path, 'utf8')).toBe('++');
  });

  it('before it accepts a run, as another did, is taken for crashed', async () => {
    const path = notesFile();
    const runner = newRunner({ patienceMs: 2_000 });
    await expect(run(runner, 'say nothing', { notes: [path] })).rejects.toMatchObject(CRASHED);
    expect(readFileSync(path, 'utf8')).toBe('++');
  });

  it('after it has accepted a run is taken for crashed, at once', async () => {
    const path = notesFile();
    const runner = newRunner({ patienceMs: 2_000 });
    const report = run(runner, 'say that it accepts, and nothing more', { notes: [path] });
    await expect(report).rejects.toMatchObject(CRASHED);
    expect(readFileSync(path, 'utf8')).toBe('+');
  });

  it('before it is ready fails who waits for it', async () => {
    const runner = newRunner({ entry: SILENT, patienceMs: 1 });
    await expect(run(runner, 'say nothing')).rejects.toMatchObject({
      ...CRASHED,
      message: expect.stringContaining('did not start'),
    });
  });
});

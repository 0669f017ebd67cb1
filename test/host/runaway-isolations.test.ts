/** Guests that do not end, in threads and in processes: on time the caller has its error, and what they took is there again. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type GuestModule, type GuestTrapError, Host, type HostRunOptions, Pool } from '../../src/index.ts';
import { longToInfer } from '../native/openvino/scenarios/long-models.mjs';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const GUEST = new URL('../../fixtures/guests/wat/runaways.wat', import.meta.url);
const MIB = 2 ** 20;
const MINUTE = 60_000;

/** Guests that are ended at random moments. */
const STORM_RUNS = Number(process.env.STORM_RUNS ?? 1_000);

/** As much as a guest needs to begin, on a machine that is not busy. */
const SOON_MS = 150;

interface Surroundings {
  host: Host;
  pool: Pool;
  module: GuestModule;
}

async function surroundings(isolation: 'thread' | 'process', threads = 1): Promise<Surroundings> {
  const host = new Host();
  const pool = new Pool(host, { isolation, threads, maxHeapBytes: 64 * MIB });
  onTestFinished(async () => {
    await pool.abort();
    await host.close();
  });
  return { host, pool, module: await host.compile(GUEST) };
}

async function expectNextRuns({ pool, module }: Surroundings): Promise<void> {
  const { results, stdout } = await pool.run(module, { invoke: { name: 'answer' } });
  expect(results).toEqual(['42']);
  expect(String(stdout).slice(0, 6)).toBe('begun\n');
}

/** Ends the guest by its time, in which it gets as far as to print: a busy machine takes longer for that. */
async function expectTimedOut({ pool, module }: Surroundings, name: string, newOptions: () => HostRunOptions) {
  for (let timeoutMs = SOON_MS; ; timeoutMs *= 2) {
    const run = pool.run(module, { invoke: { name }, timeoutMs, ...newOptions() });
    const error = (await run.catch((reason: unknown) => reason)) as GuestTrapError;
    expect(error).toMatchObject({ name: 'GuestTrapError', code: 'ERR_GUEST_TIMEOUT' });
    const said = error.stdout?.toString() ?? '';
    if (said === '' && timeoutMs < MINUTE) continue;
    expect(said.slice(0, 6)).toBe('begun\n');
    return;
  }
}

const openFiles = () => readdirSync('/proc/self/fd').length;

function inDirectory(path: string): HostRunOptions {
  return { preopens: [{ hostPath: path }] };
}

function directoryWithFile(byteLength: number): HostRunOptions {
  const directory = newDirectory();
  writeFileSync(join(directory, 'file'), '');
  truncateSync(join(directory, 'file'), byteLength);
  return inDirectory(directory);
}

/** A FIFO of which somebody holds the other end, and writes nothing. */
function silentFifo(): HostRunOptions {
  const directory = newDirectory();
  execFileSync('mkfifo', [join(directory, 'file')]);
  const fd = openSync(join(directory, 'file'), constants.O_RDWR);
  onTestFinished(() => closeSync(fd));
  return inDirectory(directory);
}

const CASES: readonly (readonly [string, string, () => HostRunOptions])[] = [
  ['loops', 'loop', () => ({})],
  ['fills memory', 'fill', () => ({})],
  ['copies memory', 'copy', () => ({})],
  ['asks for the time', 'clock', () => ({})],
  ['asks for much at random', 'random', () => ({})],
  ['asks for little at random', 'little random', () => ({})],
  ['yields', 'yield', () => ({})],
  ['is refused inference', 'refused inference', () => ({})],
  ['renumbers descriptors', 'renumber', () => ({})],
  ['sleeps', 'sleep', () => ({})],
  ['waits for more than it may', 'poll', () => ({ stdin: new PassThrough() })],
  ['waits for what has been', 'poll events', () => ({})],
  ['reads a silent stream', 'read', () => ({ stdin: new PassThrough() })],
  ['reads a silent FIFO', 'read a file', silentFifo],
  ['reads a file', 'read a file', () => directoryWithFile(2 ** 26)],
  ['opens files', 'open for ever', () => directoryWithFile(0)],
  ['nests directories', 'nest directories', () => inDirectory(newDirectory())],
  ['writes to nobody', 'write', () => ({ stderr: 'null' })],
  ['writes what is captured', 'write', () => ({ maxCaptureBytes: 16 * MIB })],
  ['writes little that is captured', 'write a little', () => ({})],
  ['writes to a function', 'write', () => ({ stderr: () => {} })],
  ['writes to a stream', 'write', () => ({ stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) })],
  ['writes to a stream that is full', 'write', () => ({ stderr: new Writable({ write: () => {} }) })],
  ['writes to a file', 'write a little', () => ({ stderr: { file: join(newDirectory(), 'output') } })],
  ['grows', 'grow for ever', () => ({ maxMemoryBytes: 256 * MIB })],
];

/** Catches all that can be caught again and again, by the first exception handling: of a loop without end. */
const CATCHING = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[7, 10, 1, 6, ...new TextEncoder().encode('_start'), 0, 0],
  // (func (loop (try (loop (br 0)) (catch_all)) (br 0)))
  ...[10, 18, 1, 16, 0, 0x03, 0x40, 0x06, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x19, 0x0b, 0x0c, 0, 0x0b, 0x0b],
]);

describe.each(['thread', 'process'] as const)('in a pool of isolation %s a guest', (isolation) => {
  it.each(CASES)('that %s is ended on time', { timeout: 5 * MINUTE }, async (_, name, options) => {
    const before = openFiles();
    const here = await surroundings(isolation);
    await expectTimedOut(here, name, options);
    await expectNextRuns(here);
    await here.pool.close();
    // The FIFO of the test itself.
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(before + 1), MINUTE);
  });

  it.each<[string, () => HostRunOptions]>([
    ['captured', () => ({})],
    ['dropped', () => ({ stderr: 'null' })],
    ['to a function', () => ({ stderr: () => {} })],
    ['to a stream', () => ({ stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) })],
    ['to a file', () => ({ stderr: { file: join(newDirectory(), 'output') } })],
  ])('is ended by the limit of its output (%s)', { timeout: 5 * MINUTE }, async (_, options) => {
    const here = await surroundings(isolation);
    const run = here.pool.run(here.module, { invoke: { name: 'write' }, maxOutputBytes: 80 * MIB, ...options() });
    const error = (await run.catch((reason: unknown) => reason)) as GuestTrapError;
    expect(error).toMatchObject({ name: 'GuestTrapError', code: 'ERR_GUEST_OUTPUT_LIMIT' });
    expect(error.stdout?.toString().slice(0, 6)).toBe('begun\n');
    await expectNextRuns(here);
  });

  it('does not catch its end', { timeout: 5 * MINUTE }, async () => {
    const here = await surroundings(isolation);
    const run = here.pool.run(await here.host.compile(CATCHING), { timeoutMs: SOON_MS });
    await expect(run).rejects.toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    await expectNextRuns(here);
  });

  it('has the memory that it may have, and goes on', { timeout: 5 * MINUTE }, async () => {
    const here = await surroundings(isolation);
    const { results } = await here.pool.run(here.module, { invoke: { name: 'grow' }, maxMemoryBytes: 128 * MIB });
    expect(results).toEqual([String(128 * 16)]);
  });

  it.each(['open', 'open directories'])('is told that it has too many open files (%s)', async (name) => {
    const here = await surroundings(isolation);
    const { results } = await here.pool.run(here.module, { invoke: { name }, ...directoryWithFile(0) });
    expect(results).toEqual(['33']);
    await expectNextRuns(here);
  });

  it('is ended when its table fills the heap', { timeout: 5 * MINUTE }, async () => {
    const here = await surroundings(isolation);
    const growing = `(module (table $table 1 funcref) (func (export "_start")
      (loop $next (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $next))))`;
    const module = await here.host.compile(new TextEncoder().encode(growing));
    await expect(here.pool.run(module)).rejects.toMatchObject({ code: 'ERR_GUEST_HEAP_LIMIT' });
    await expectNextRuns(here);
  });
});

describe('in a thread a guest', () => {
  it.each(['accept', 'receive'])('that waits for a socket is ended on time (%s)', async (name) => {
    const here = await surroundings('thread');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    await expectTimedOut(here, name, () => ({ preopens: [{ socketFd: fd }] }));
    await expectNextRuns(here);
  });
});

/** How many milliseconds of processors this process takes in a fifth of a second. */
async function processorMs(): Promise<number> {
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}

describe.skipIf(skipUnless(nativeRuntime()))('with OpenVINO', () => {
  /** One inference takes minutes. */
  const STEPS = 3000;

  it.each(['thread', 'process'] as const)(
    'a guest that computes is ended on time, and nothing computes any more (%s)',
    { timeout: 5 * MINUTE },
    async (isolation) => {
      const here = await surroundings(isolation);
      await here.host.graphs.register('long', { bytes: longToInfer(STEPS) as Uint8Array[], encoding: 'openvino' });
      await expectTimedOut(here, 'compute', () => ({ graphs: ['long'] }));
      await expectNextRuns(here);
      await vi.waitFor(async () => expect(await processorMs()).toBeLessThan(100), MINUTE);
    },
  );

  it(`guests end at random moments, ${STORM_RUNS} times`, { timeout: 10 * MINUTE }, async () => {
    const here = await surroundings('thread', 2);
    await here.host.graphs.register('long', { bytes: longToInfer(40) as Uint8Array[], encoding: 'openvino' });
    const directory = newDirectory();
    mkdirSync(join(directory, 'file'));
    const kinds: readonly (readonly [string, () => HostRunOptions])[] = [
      ['compute', () => ({ graphs: ['long'] })],
      ['read', () => ({ stdin: new PassThrough() })],
      ['write a little', () => ({ stderr: () => {} })],
      ...['loop', 'sleep', 'refused inference', 'clock'].map((name) => [name, () => ({})] as const),
      ['open for ever', () => inDirectory(directory)],
    ];
    let state = 20_261_124;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let next = 0;
    const lane = async () => {
      while (next < STORM_RUNS) {
        next += 1;
        const [name, options] = kinds[random(kinds.length)] as (typeof kinds)[number];
        const controller = new AbortController();
        const isTimed = random(4) === 0;
        const limits = { signal: controller.signal, ...(isTimed && { timeoutMs: 1 + random(30) }) };
        const ended = here.pool.run(here.module, { invoke: { name }, ...limits, ...options() }).then(
          ({ results }) => results,
          ({ code }: GuestTrapError) => code,
        );
        for (let turns = random(50); turns > 0 && !isTimed; turns -= 1) await turn();
        if (!isTimed) controller.abort();
        expect(await ended).toBe(isTimed ? 'ERR_GUEST_TIMEOUT' : 'ERR_GUEST_ABORTED');
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    await expectNextRuns(here);
    expect(here.pool.stats).toMatchObject({ running: 0, queued: 0 });
  });
});

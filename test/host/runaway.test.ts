/** Guests that do not end, or take all they can get: the caller gets its error, the next guest runs, and nothing of the first stays. */
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Host } from '../../src/host/host.ts';
import type { HostRunOptions } from '../../src/host/host-options.ts';
import { FILLING } from '../pool/process-guests.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const P1 = 'wasi_snapshot_preview1';

/** Each function prints `begun` first, and then does what it is named for. */
const RUNAWAYS = `(module
  (import "${P1}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "${P1}" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "${P1}" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "${P1}" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (import "${P1}" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "${P1}" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "${P1}" "sched_yield" (func $sched_yield (result i32)))
  (import "${P1}" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "${P1}" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1024)
  (data (i32.const 0) "\\40\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "\\00\\01\\00\\00\\00\\00\\f0\\03")
  (data (i32.const 32) "file")
  (data (i32.const 64) "begun\\0a")
  (func $say (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $clock (param $at i32) (i64.store (local.get $at) (i64.const 1))
    (i64.store (i32.add (local.get $at) (i32.const 8)) (i64.const 0))
    (i64.store (i32.add (local.get $at) (i32.const 16)) (i64.const 1))
    (i64.store (i32.add (local.get $at) (i32.const 24)) (i64.const 3600000000000000))
    (i64.store (i32.add (local.get $at) (i32.const 32)) (i64.const 0))
    (i64.store (i32.add (local.get $at) (i32.const 40)) (i64.const 0)))
  (func (export "loop") (call $say) (loop $next (br $next)))
  (func (export "fill") (call $say)
    (loop $next (memory.fill (i32.const 256) (i32.const 1) (i32.const 66000000)) (br $next)))
  (func (export "copy") (call $say)
    (loop $next (memory.copy (i32.const 256) (i32.const 512) (i32.const 66000000)) (br $next)))
  (func (export "write") (call $say)
    (loop $next (drop (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 8))) (br $next)))
  (func (export "clock") (call $say)
    (loop $next (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 128))) (br $next)))
  (func (export "random") (call $say)
    (loop $next (drop (call $random_get (i32.const 256) (i32.const 66000000))) (br $next)))
  (func (export "little random") (call $say)
    (loop $next (drop (call $random_get (i32.const 256) (i32.const 16))) (br $next)))
  (func (export "yield") (call $say) (loop $next (drop (call $sched_yield)) (br $next)))
  (func (export "refused inference") (call $say)
    (loop $next (drop (call $compute (i32.const 7))) (drop (call $load (i32.const 1) (i32.const 9) (i32.const 0)
      (i32.const 0) (i32.const 0))) (br $next)))
  (func (export "renumber") (call $say) (loop $next (drop (call $fd_renumber (i32.const 1) (i32.const 2)))
    (drop (call $fd_renumber (i32.const 2) (i32.const 1))) (br $next)))
  (func (export "read") (call $say)
    (loop $next (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8))) (br $next)))
  (func (export "read a file") (call $say)
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 0) (i64.const 6)
      (i64.const 0) (i32.const 0) (i32.const 128)))
    (loop $next (drop (call $fd_read (i32.load (i32.const 128)) (i32.const 16) (i32.const 1) (i32.const 8)))
      (drop (call $fd_seek (i32.load (i32.const 128)) (i64.const 0) (i32.const 0) (i32.const 136))) (br $next)))
  (func (export "sleep") (call $say) (call $clock (i32.const 160))
    (loop $next (drop (call $poll_oneoff (i32.const 160) (i32.const 512) (i32.const 1) (i32.const 128))) (br $next)))
  (func (export "open") (result i32) (local $errno i32) (call $say)
    (loop $next (local.set $errno (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 1)
      (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 128)))
      (br_if $next (i32.eqz (local.get $errno)))) (local.get $errno))
  (func (export "open for ever") (call $say)
    (loop $next (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 1)
      (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 128))) (br $next)))
  (func (export "grow") (result i32) (local $page i32) (call $say)
    (loop $next (local.set $page (memory.grow (i32.const 16)))
      (if (i32.ne (local.get $page) (i32.const -1)) (then
        (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1) (i32.const 1048576)) (br $next))))
    (memory.size))
  (func (export "grow for ever") (call $say)
    (loop $next (drop (memory.grow (i32.const 16)))
      (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 1)) (br $next)))
  (func $deep (export "deep") (call $deep))
  (func (export "answer") (result i32) (call $say) (i32.const 42)))`;

const MIB = 2 ** 20;
const MINUTE = 60_000;

/** As long as a guest takes that does not end by itself. A busy machine may have let it do nothing until then. */
const SOON_MS = 100;

const newHost = () => new Host({ pool: { threads: 1, maxHeapBytes: 64 * MIB } });
const compile = (host: Host) => host.compile(new TextEncoder().encode(RUNAWAYS), { name: 'runaways.wat' });

const threadCount = () => readdirSync('/proc/self/task').length;

/** How a guest ended that must not end well. */
async function endOf(host: Host, name: string, options: HostRunOptions) {
  const ended = await host.run(await compile(host), { invoke: { name }, ...options }).then(
    ({ results }) => ({ results }),
    (error: unknown) => error,
  );
  return ended as { code: string; stdout: Buffer };
}

/** The next guest runs right after, with the first one's thread perhaps still there. */
async function expectNextRuns(host: Host): Promise<void> {
  const { results } = await host.run(await compile(host), { invoke: { name: 'answer' }, mode: 'thread' });
  expect(results).toEqual(['42']);
}

/** @returns what it printed until then, where that was captured */
async function expectEnded(host: Host, name: string, code: string, options: HostRunOptions): Promise<string> {
  const ended = await endOf(host, name, options);
  expect(ended).toMatchObject({ name: 'GuestTrapError', code });
  await expectNextRuns(host);
  return String(ended.stdout);
}

/** By a signal, when it is known to be at it. */
async function expectAborted(host: Host, name: string, options: HostRunOptions): Promise<void> {
  const controller = new AbortController();
  let printed = '';
  const stdout = (bytes: Uint8Array) => {
    printed += Buffer.from(bytes).toString();
    controller.abort();
  };
  await expectEnded(host, name, 'ERR_GUEST_ABORTED', { ...options, stdout, signal: controller.signal });
  expect(printed.slice(0, 6)).toBe('begun\n');
}

/** One with a file: what lies in it takes no room. */
function directoryWithFile(byteLength: number): HostRunOptions {
  const directory = newDirectory();
  writeFileSync(join(directory, 'file'), '');
  truncateSync(join(directory, 'file'), byteLength);
  return { preopens: [{ hostPath: directory }] };
}

let threadsBefore = 0;
beforeAll(async () => {
  // Threads of Node's and V8's own start at their first use.
  await using host = newHost();
  await expectNextRuns(host);
  await host.close();
  threadsBefore = threadCount();
});

describe('a guest that does not end', () => {
  it.each<[string, () => HostRunOptions]>([
    ['loop', () => ({})],
    ['fill', () => ({})],
    ['copy', () => ({})],
    ['write', () => ({ stderr: 'null' })],
    ['clock', () => ({})],
    ['random', () => ({})],
    ['little random', () => ({})],
    ['yield', () => ({})],
    ['refused inference', () => ({})],
    ['renumber', () => ({})],
    ['sleep', () => ({})],
    ['read', () => ({ stdin: new PassThrough() })],
    ['read a file', () => directoryWithFile(2 ** 26)],
    ['open for ever', () => directoryWithFile(0)],
    ['grow for ever', () => ({ maxMemoryBytes: 256 * MIB })],
    ['write', () => ({ stderr: () => {} })],
    ['write', () => ({ stderr: new Writable({ write: () => {} }) })],
  ])('is ended, and nothing of it stays (%s)', { timeout: 2 * MINUTE }, async (name, options) => {
    const host = newHost();
    await expectEnded(host, name, 'ERR_GUEST_TIMEOUT', { timeoutMs: SOON_MS, ...options() });
    await expectAborted(host, name, options());
    await host.close();
    await vi.waitFor(() => expect(threadCount()).toBeLessThanOrEqual(threadsBefore), MINUTE);
  });

  it('leaves what it wrote before', { timeout: MINUTE }, async () => {
    await using host = newHost();
    const controller = new AbortController();
    const options = { stderr: () => controller.abort(), signal: controller.signal };
    expect(await expectEnded(host, 'write', 'ERR_GUEST_ABORTED', options)).toBe('begun\n');
  });

  it('gives back its memory, whatever it was', { timeout: 2 * MINUTE }, async () => {
    await using host = newHost();
    const bomb = () =>
      expectEnded(host, 'grow for ever', 'ERR_GUEST_TIMEOUT', { timeoutMs: 20, maxMemoryBytes: 512 * MIB });
    for (let round = 0; round < 3; round += 1) await bomb();
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 12; round += 1) await bomb();
    await vi.waitFor(() => expect(process.memoryUsage.rss()).toBeLessThan(before + 300 * MIB), MINUTE);
  });
});

describe('a guest that takes all it can get', () => {
  it('has the memory that it may have, and goes on', async () => {
    await using host = newHost();
    const grown = await endOf(host, 'grow', { mode: 'thread', maxMemoryBytes: 128 * MIB });
    expect(grown).toEqual({ results: [String(128 * 16)] });
  });

  it.each<[string, () => HostRunOptions]>([
    ['captured', () => ({ stderr: 'capture' })],
    ['dropped', () => ({ stderr: 'null' })],
    ['to a function', () => ({ stderr: () => {} })],
    ['to a stream', () => ({ stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) })],
  ])('is ended by the limit of its output (%s)', { timeout: MINUTE }, async (_, options) => {
    await using host = newHost();
    const limits = { mode: 'thread', maxOutputBytes: 100 * MIB } as const;
    expect(await expectEnded(host, 'write', 'ERR_GUEST_OUTPUT_LIMIT', { ...limits, ...options() })).toBe('begun\n');
  });

  it('has written to a file what it may write', { timeout: MINUTE }, async () => {
    await using host = newHost();
    const file = join(newDirectory(), 'output');
    const options = { mode: 'thread', maxOutputBytes: 100 * MIB, stderr: { file } } as const;
    expect(await expectEnded(host, 'write', 'ERR_GUEST_OUTPUT_LIMIT', options)).toBe('begun\n');
    expect(statSync(file).size).toBeLessThanOrEqual(100 * MIB);
  });

  it('is told that it has too many open files', async () => {
    await using host = newHost();
    const before = readdirSync('/proc/self/fd').length;
    const opened = await endOf(host, 'open', { mode: 'thread', ...directoryWithFile(0) });
    expect(opened).toEqual({ results: ['33'] });
    await expectNextRuns(host);
    await host.close();
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before), MINUTE);
  });

  it('ends by itself when it recurses without end', async () => {
    await using host = newHost();
    expect(await endOf(host, 'deep', { mode: 'thread' })).toMatchObject({ code: 'ERR_GUEST_TRAP' });
    await expectNextRuns(host);
  });

  it('is ended when its table fills the heap, and leaves no thread where that takes long', {
    timeout: MINUTE,
  }, async () => {
    const host = newHost();
    const text = `(module (table $table 1 funcref) (func (export "_start")
      (loop $next (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $next))))`;
    const module = await host.compile(new TextEncoder().encode(text));
    const ended = await host.run(module, { timeoutMs: MINUTE }).catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: 'ERR_GUEST_HEAP_LIMIT' });
    await host.close();
    await vi.waitFor(() => expect(threadCount()).toBeLessThanOrEqual(threadsBefore), MINUTE);
  });

  it('is refused with tables that are too large together, and with one beyond its limit', async () => {
    await using host = newHost();
    const run = async (tables: string, options: HostRunOptions = {}) => {
      const module = await host.compile(new TextEncoder().encode(`(module ${tables} (func (export "_start")))`));
      return await host.run(module, { mode: 'thread', ...options });
    };
    const large = '(table 9000000 funcref)';
    await expect(run(large.repeat(60))).rejects.toMatchObject({ code: 'ERR_MODULE_LIMIT' });
    await expect(run(large, { maxTableElements: 1000 })).rejects.toMatchObject({ code: 'ERR_MODULE_LIMIT' });
    await expectNextRuns(host);
  });

  const garbageCollection = {
    met: WebAssembly.validate(FILLING),
    reason: "this Node has no objects of WebAssembly's garbage collection",
    isOptional: true,
  };

  it.skipIf(skipUnless(garbageCollection))('is ended by the limit of its heap', { timeout: MINUTE }, async () => {
    await using host = newHost();
    const module = await host.compile(FILLING);
    await expect(host.run(module, { mode: 'thread' })).rejects.toMatchObject({ code: 'ERR_GUEST_HEAP_LIMIT' });
    const instance = host.instantiate(module);
    await expect(instance.then((guest) => guest.call('_start'))).rejects.toMatchObject({
      code: 'ERR_GUEST_HEAP_LIMIT',
    });
    await expectNextRuns(host);
    await (await instance).dispose();
  });
});

describe('timeoutMs and signal', () => {
  it.each([0.001, Number.MIN_VALUE])('end a guest that has %d ms', async (timeoutMs) => {
    await using host = newHost();
    expect(await endOf(host, 'loop', { timeoutMs })).toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    await expectNextRuns(host);
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])(
    'let a guest end that has %d ms',
    async (timeoutMs) => {
      await using host = newHost();
      expect(await endOf(host, 'answer', { timeoutMs })).toMatchObject({ results: ['42'] });
    },
  );

  it.each([-1, Number.NaN, '5' as never])('refuse %s', async (timeoutMs) => {
    await using host = newHost();
    expect(await endOf(host, 'answer', { timeoutMs })).toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('end a run that never began', async () => {
    await using host = newHost();
    const reason = new Error('enough');
    const aborted = await endOf(host, 'loop', { signal: AbortSignal.abort(reason) });
    expect(aborted).toMatchObject({ code: 'ERR_GUEST_ABORTED', cause: reason });
  });

  it('take a run out of the queue', async () => {
    await using host = newHost();
    const [first, second] = [new AbortController(), new AbortController()];
    const running = endOf(host, 'loop', { signal: first.signal });
    await vi.waitFor(() => expect(host.stats.running).toBe(1), MINUTE);
    const waiting = endOf(host, 'loop', { signal: second.signal });
    await vi.waitFor(() => expect(host.stats.queued).toBe(1), MINUTE);
    second.abort();
    expect(await waiting).toMatchObject({ code: 'ERR_GUEST_ABORTED' });
    expect(host.stats).toMatchObject({ running: 1, queued: 0 });
    first.abort();
    expect(await running).toMatchObject({ code: 'ERR_GUEST_ABORTED' });
    await expectNextRuns(host);
  });

  it('end a run once, at whatever moment it is aborted', { timeout: 2 * MINUTE }, async () => {
    await using host = newHost();
    for (let round = 0; round < 200; round += 1) {
      const controller = new AbortController();
      const running = endOf(host, 'answer', { signal: controller.signal, timeoutMs: MINUTE });
      for (let turns = round % 40; turns > 0; turns -= 1) await turn();
      controller.abort();
      const ended = await running;
      if ('results' in ended) expect(ended.results).toEqual(['42']);
      else expect(ended).toMatchObject({ code: 'ERR_GUEST_ABORTED' });
    }
    await expectNextRuns(host);
  });
});

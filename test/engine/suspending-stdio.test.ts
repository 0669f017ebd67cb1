/** Standard streams, sockets and clocks of guests that are suspended while they wait. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { openSink } from '../../src/stdio/stream-sink.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { skipUnless } from '../support/requirements.ts';
import { runSuspended, suspension } from '../support/suspending-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv" (func $receive (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 40)
  (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))`;

/** Copies standard input to standard output in pieces of at most 1,000,000 bytes; ends with the errno that it meets. */
const COPY = `(module ${IMPORTS}
  (func (export "_start")
    (loop $next
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (i32.const 1000000))
      (call $check (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (if (i32.load (i32.const 4))
        (then
          (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br $next))))))`;

/** Writes so many bytes at once, and ends with the errno, or 100 where fewer were written. */
const writeOnce = (byteLength: number) => `(module ${IMPORTS}
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const ${byteLength}))
    (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (i32.ne (i32.load (i32.const 8)) (i32.const ${byteLength})) (then (call $exit (i32.const 100))))))`;

const exited = (exitCode: number) => expect.objectContaining({ kind: 'exited', exitCode });

/** A named pipe: its two ends in this process, which Node itself does not watch. */
function pipe(): { path: string; fd: number } {
  const path = join(newDirectory(), 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  closers.push(() => closeSync(fd));
  return { path, fd };
}

describe.skipIf(skipUnless(suspension))('a suspended guest', () => {
  it('reads a stream whose chunks come late, while the event loop goes on', async () => {
    const chunks = ['one ', 'two ', 'three'];
    let turns = 0;
    async function* late() {
      for (const chunk of chunks) {
        for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
        turns += 10;
        yield chunk;
      }
    }
    const reader = new StreamReader(late());
    const { outcome, stdout, usage } = await runSuspended(COPY, { stdio: { stdin: { kind: 'stream', reader } } });
    expect([outcome.kind, stdout, turns]).toEqual(['returned', 'one two three', 30]);
    expect(usage).toMatchObject({ bytesRead: 13, bytesWritten: 13, cpuMs: undefined });
    expect(usage.phases.wait?.count).toBeGreaterThanOrEqual(3);
  });

  it('is told once that its stream has failed', async () => {
    const failing = Readable.from(
      (function* () {
        yield 'some';
        throw new Error('no more');
      })(),
    );
    const reader = new StreamReader(failing);
    const { outcome, stdout } = await runSuspended(COPY, { stdio: { stdin: { kind: 'stream', reader } } });
    expect([outcome, stdout]).toEqual([exited(ERRNO.io), 'some']);
    expect(reader.failure).toBeDefined();
  });

  it('waits for a sink that wants no more, and gives it everything in order', async () => {
    const written: Buffer[] = [];
    let pending = 0;
    let most = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _, done) {
        most = Math.max(most, ++pending);
        written.push(Buffer.from(chunk));
        setImmediate(() => {
          pending--;
          done();
        });
      },
    });
    const input = Buffer.alloc(2_500_000, 'abcdefghijk');
    const stdin = { kind: 'bytes', bytes: input } as const;
    const writer = openSink(slow);
    const stdout = { kind: 'write', write: (bytes: Uint8Array) => writer.write(bytes) } as const;
    const { outcome } = await runSuspended(COPY, { stdio: { stdin, stdout } });
    expect([outcome.kind, most]).toEqual(['returned', 1]);
    expect(Buffer.concat(written).equals(input)).toBe(true);
  });

  it.each([
    ['io', new Error('full'), ERRNO.io],
    ['pipe', Object.assign(new Error('gone'), { code: 'EPIPE' }), ERRNO.pipe],
  ])('gets %s from a sink that fails', async (_, error, errno) => {
    const faults: unknown[] = [];
    for (const write of [
      () => Promise.reject(error),
      () => {
        throw error;
      },
    ]) {
      const stdio = { stdin: { kind: 'bytes', bytes: Buffer.from('text') }, stdout: { kind: 'write', write } } as const;
      const onWasiFault = (name: string, reason: unknown) => faults.push([name, reason]);
      expect((await runSuspended(COPY, { stdio, onWasiFault })).outcome).toEqual(exited(errno));
    }
    expect(faults).toEqual(
      errno === ERRNO.io
        ? [
            ['fd_write', error],
            ['fd_write', error],
          ]
        : [],
    );
  });

  it('reads a pipe of the host that is empty, until there is something', async () => {
    const { path, fd } = pipe();
    const end = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    closers.push(() => closeSync(end));
    const running = runSuspended(
      `(module ${IMPORTS} (func (export "_start")
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 64))
      (call $check (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`,
      {
        stdio: { stdin: { kind: 'fd', fd: end } },
      },
    );
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    writeSync(fd, 'at last');
    expect(await running).toMatchObject({ outcome: { kind: 'returned' }, stdout: 'at last' });
  });

  it('writes all to a pipe of the host that is full again and again', async () => {
    const { fd } = pipe();
    const byteLength = 1_000_000;
    let isOver = false;
    const running = runSuspended(writeOnce(byteLength), { stdio: { stdout: { kind: 'fd', fd } } }).finally(() => {
      isOver = true;
    });
    let taken = 0;
    const buffer = Buffer.alloc(65536);
    const take = () => {
      try {
        taken += readSync(fd, buffer);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    };
    while (!isOver) {
      take();
      await new Promise(setImmediate);
    }
    for (let left = -1; left !== taken; ) {
      left = taken;
      take();
    }
    expect([(await running).outcome.kind, taken]).toEqual(['returned', byteLength]);
  });

  it('receives from a socket of the host, and waits for as much as it wants', async () => {
    const server = createServer({ pauseOnConnect: true });
    closers.push(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    closers.push(() => client.destroy());
    const [accepted] = (await once(server, 'connection')) as [Socket];
    closers.push(() => accepted.destroy());
    const { fd } = (accepted as unknown as { _handle: { fd: number } })._handle;
    const running = runSuspended(
      `(module ${IMPORTS} (func (export "_start")
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 10))
      (call $check (call $receive (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 8) (i32.const 12)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (call $check (call $send (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
      (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`,
      {
        plan: { preopens: [{ kind: 'socket', fd }] },
      },
    );
    for (const part of ['0123', '4567', '89']) {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      client.write(part);
    }
    expect(await running).toMatchObject({ outcome: { kind: 'returned' }, stdout: '0123456789' });
    const [echoed] = (await once(client, 'data')) as [Buffer];
    expect(echoed.toString()).toBe('0123456789');
  });

  /** Asks for a clock and standard input together; writes the events' userdata. */
  const ASK = (nanoseconds: number) => `(module ${IMPORTS} (func (export "_start")
    (i64.store (i32.const 0) (i64.const 7)) (i32.store8 (i32.const 8) (i32.const 0))
    (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const ${nanoseconds}))
    (i64.store (i32.const 48) (i64.const 9)) (i32.store8 (i32.const 56) (i32.const 1)) (i32.store (i32.const 64) (i32.const 0))
    (call $check (call $poll (i32.const 0) (i32.const 256) (i32.const 2) (i32.const 512)))
    (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.wrap_i64 (i64.load (i32.const 256)))))
    (i32.store8 (i32.const 601) (i32.add (i32.const 48) (i32.load (i32.const 512))))
    (i32.store (i32.const 608) (i32.const 600)) (i32.store (i32.const 612) (i32.const 2))
    (call $check (call $write (i32.const 1) (i32.const 608) (i32.const 1) (i32.const 8)))))`;

  it('waits for a clock and a stream, and is told what came', async () => {
    const never = new StreamReader(new Readable({ read() {} }));
    const clock = await runSuspended(ASK(3_000_000), { stdio: { stdin: { kind: 'stream', reader: never } } });
    expect([clock.outcome.kind, clock.stdout]).toEqual(['returned', '71']);
    const late = new Readable({ read() {} });
    const running = runSuspended(ASK(600_000_000_000), {
      stdio: { stdin: { kind: 'stream', reader: new StreamReader(late) } },
    });
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    late.push('x');
    expect((await running).stdout).toBe('91');
    late.destroy();
  });

  it('waits for a clock and a pipe of the host, and is told what came', async () => {
    const { fd } = pipe();
    const stdio = { stdin: { kind: 'fd', fd } } as const;
    expect((await runSuspended(ASK(3_000_000), { stdio })).stdout).toBe('71');
    const running = runSuspended(ASK(600_000_000_000), { stdio });
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    writeSync(fd, 'x');
    expect((await running).stdout).toBe('91');
  });

  it('sleeps at least as long as it asked for, however short', async () => {
    for (const nanoseconds of [0, 1_000, 300_000, 1_500_000, 12_000_000]) {
      const { outcome } = await runSuspended(
        `(module ${IMPORTS} (func (export "run") (result i64)
        (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const ${nanoseconds}))
        (call $check (call $now (i32.const 1) (i64.const 0) (i32.const 600)))
        (call $check (call $poll (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))
        (call $check (call $now (i32.const 1) (i64.const 0) (i32.const 608)))
        (i64.sub (i64.load (i32.const 608)) (i64.load (i32.const 600)))))`,
        {
          plan: { invoke: { name: 'run', args: [] } },
        },
      );
      expect(outcome.kind).toBe('returned');
      expect(Number(outcome.kind === 'returned' ? outcome.results[0] : -1)).toBeGreaterThanOrEqual(nanoseconds);
    }
  });
});

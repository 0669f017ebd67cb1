/** Standard streams of the library in every form. Guests end with the errno of the call that failed. */
import { EventEmitter, getEventListeners, once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { ConsoleStdout, Fd, File, OpenFile, wasi } from '@bjorn3/browser_wasi_shim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host, type HostRunOptions } from '../../src/index.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { PROBE } from '../conformance/script.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const fixture = (name: string) => new URL(`../../fixtures/guests/wat/${name}.wat`, import.meta.url);

/** Copies standard input to standard output in pieces of 10,000 bytes, as many as its memory says. */
const COPY = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  (func (export "_start")
    (loop $next
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const 10000))
      (call $check (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (if (i32.load (i32.const 4))
        (then
          (call $check (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br $next))))))`;

/** Writes to standard output until that fails, and then the errno to standard error, as one byte. */
const WRITE_ON = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 4) (i32.const 10000))
    (loop $next
      (i32.store (i32.const 8) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (br_if $next (i32.eqz (i32.load (i32.const 8)))))
    (i32.store (i32.const 0) (i32.const 8))
    (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 12)))))`;

let host: Host;
let copy: GuestModule;
let writeBytes: GuestModule;
let writeOn: GuestModule;
let probe: GuestModule;
beforeAll(async () => {
  host = new Host();
  copy = await host.compile(new TextEncoder().encode(COPY));
  writeBytes = await host.compile(fixture('write-bytes'));
  writeOn = await host.compile(new TextEncoder().encode(WRITE_ON));
  probe = await host.compile(PROBE);
});
afterAll(() => host.dispose());

const run = (module: GuestModule, options: HostRunOptions) => host.run(module, { wasiNn: false, ...options });
const TEXT = 'first line\nsecond line, ü\n';
const LONG = Buffer.alloc(300_000, 'abcdefghijk');

function file(content: string | Uint8Array): string {
  const path = join(directory(), 'file');
  writeFileSync(path, content);
  return path;
}

/** A stream that gets its text while it is waited for. */
function late(): PassThrough {
  const stream = new PassThrough();
  stream.once('newListener', () => setImmediate(() => stream.end(TEXT)));
  return stream;
}

describe('standard input', () => {
  it.each<[string, () => HostRunOptions['stdin']]>([
    ['text', () => ({ text: TEXT })],
    ['bytes', () => Buffer.from(TEXT)],
    ['a file', () => ({ file: file(TEXT) })],
    ['a file by URL', () => ({ file: pathToFileURL(file(TEXT)) })],
    ['an Fd of the shim', () => ({ fd: new OpenFile(new File(Buffer.from(TEXT))) })],
    ['a Readable', () => Readable.from([Buffer.from(TEXT)])],
    ['a Readable of text', () => Readable.from([TEXT.slice(0, 5), TEXT.slice(5)])],
    ['a Readable that is filled later', late],
    ['a Readable of characters', () => new PassThrough({ encoding: 'utf8' }).end(TEXT)],
    ['a ReadableStream', () => new Blob([TEXT]).stream()],
    [
      'an async generator',
      async function* () {
        yield TEXT.slice(0, 3);
        yield new Uint8Array(0);
        yield Buffer.from(TEXT.slice(3));
      } as unknown as () => HostRunOptions['stdin'],
    ],
  ])('comes from %s', async (_, source) => {
    for (const timeoutMs of [undefined, 60_000]) {
      const options = { stdin: source() ?? 'null', ...(timeoutMs && { timeoutMs }) };
      const { exitCode, stdout } = await run(copy, options);
      expect([exitCode, String(stdout)]).toEqual([0, TEXT]);
    }
  });

  it('comes from a descriptor, which stays open', async () => {
    const fd = openSync(file(TEXT), 'r');
    expect(String((await run(copy, { stdin: { fd } })).stdout)).toBe(TEXT);
    closeSync(fd);
  });

  it('is whole, whatever the pieces', async () => {
    const stdin = Readable.from([LONG.subarray(0, 1), LONG.subarray(1, 200_000), LONG.subarray(200_000)]);
    expect((await run(copy, { stdin })).stdout?.equals(LONG)).toBe(true);
  });

  it('is taken from a stream no further than the guest reads', async () => {
    let given = 0;
    let isReturned = false;
    async function* numbers() {
      try {
        for (;;) {
          given++;
          yield new Uint8Array(1000);
        }
      } finally {
        isReturned = true;
      }
    }
    await run(probe, { stdin: numbers(), args: ['fd_read 0 1500', 'fd_read 0 1500', 'fd_read 0 1500'] });
    expect([given, isReturned]).toEqual([3, true]);
  });

  it('leaves a stream alone that the guest does not read', async () => {
    const stdin = new PassThrough();
    stdin.write(TEXT);
    await run(probe, { stdin, args: ['fd_fdstat_get 0'] });
    expect([stdin.destroyed, String(stdin.read())]).toEqual([false, TEXT]);
  });

  it('is polled where it is a stream, together with a clock', async () => {
    const events = new EventEmitter();
    const written = once(events, 'written');
    class Gate extends Fd {
      override fd_fdstat_get() {
        return { ret: 0, fdstat: new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, 0) };
      }
      override fd_write(data: Uint8Array) {
        events.emit('written');
        return { ret: 0, nwritten: data.byteLength };
      }
    }
    async function* afterTheGate() {
      await written;
      yield 'x';
    }
    const calls = ['poll_oneoff clock 1 0 1000000 read 0', 'fd_write 3 go', 'poll_oneoff read 0', 'fd_read 0 10'];
    const preopens = [{ guestPath: 'gate', fd: new Gate() }];
    const ended = ['poll_oneoff read 0', 'fd_read 0 10'];
    const { stdout } = await run(probe, { stdin: afterTheGate(), preopens, args: [...calls, ...ended] });
    const answers = String(stdout).match(/(?<=-> ).*/g);
    const ready = 'errno=0 ready=1 [100 error=0 type=1 nbytes=1 flags=0]';
    expect(answers).toEqual([
      'errno=0 ready=1 [100 error=0 type=0]',
      'errno=0 n=2',
      ready,
      "errno=0 n=1 'x'",
      ready,
      'errno=0 n=0',
    ]);
  });

  it.each<[string, () => HostRunOptions['stdin'], unknown]>([
    ['fails', () => failing(), { cause: new Error('out of order') }],
    ['fails later', () => Readable.from(failing(TEXT)), { cause: new Error('out of order') }],
    ['gives what is no bytes', () => Readable.from([{}]), { message: /bytes or text was expected, got object/ }],
    [
      'is destroyed',
      () => new PassThrough().destroy(),
      { cause: expect.objectContaining({ code: 'ERR_STREAM_PREMATURE_CLOSE' }) },
    ],
    [
      'is locked',
      () => {
        const stream = new ReadableStream();
        stream.getReader();
        return stream;
      },
      { cause: expect.any(TypeError) },
    ],
  ])('that %s is the guest’s io, and the run fails', async (_, source, expected) => {
    let written = '';
    const stdout = (bytes: Uint8Array) => {
      written += String(Buffer.from(bytes));
    };
    const failure = await run(probe, { stdin: source() ?? 'null', stdout, args: READS }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'ERR_STDIO', ...(expected as object) });
    // Told once; then it is at its end.
    expect(written.match(/errno=\d+/g)?.filter((answer) => answer !== 'errno=0')).toEqual([`errno=${ERRNO.io}`]);
    expect(written).toMatch(/errno=0 n=0\s*$/);
  });

  it.each<HostRunOptions>([{ stdin: { file: '/no/such/file' } }, { stdout: { file: '/no/such/directory/file' } }])(
    '%j cannot be opened',
    async (options) => {
      await expect(run(copy, options)).rejects.toMatchObject({ code: 'ERR_STDIO' });
    },
  );
});

const READS = ['fd_read 0 1000', 'fd_read 0 1000', 'fd_read 0 1000'];

async function* failing(...before: string[]) {
  yield* before;
  throw new Error('out of order');
}

/** A stream that takes its time for every chunk, and what came to it. */
function slow(options: { highWaterMark?: number } = {}) {
  const chunks: Buffer[] = [];
  let most = 0;
  const stream = new Writable({
    ...options,
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      most = Math.max(most, stream.writableLength);
      setImmediate(done);
    },
  });
  return { stream, text: () => String(Buffer.concat(chunks)), most: () => most };
}

describe.each(['stdout', 'stderr'] as const)('%s', (name) => {
  const print = name === 'stdout' ? [] : ['print 2'];
  const args = [...print, 'fd_tell 0', 'fd_tell 1'];
  const PRINTED = /fd_tell 0 -> errno=70\s+fd_tell 1 -> errno=70\s*$/;

  it('goes into a file, or behind what is there', async () => {
    const path = file('before');
    await run(probe, { [name]: { file: path }, args });
    const once = readFileSync(path, 'utf8');
    expect(once).toMatch(PRINTED);
    await run(probe, { [name]: { file: pathToFileURL(path), append: true }, args });
    expect(readFileSync(path, 'utf8')).toBe(once + once);
  });

  it('goes to a descriptor, which stays open', async () => {
    const path = file('');
    const fd = openSync(path, 'w');
    await run(probe, { [name]: { fd }, args });
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toMatch(PRINTED);
  });

  it.each([undefined, 60_000])('goes to an Fd of the shim (timeout %s)', async (timeoutMs) => {
    const lines: string[] = [];
    const fd = ConsoleStdout.lineBuffered((line) => lines.push(line));
    await run(probe, { [name]: { fd }, args, ...(timeoutMs && { timeoutMs }) });
    expect(lines.join('\n')).toMatch(PRINTED);
  });

  it('goes to a Writable, which is not ended', async () => {
    const { stream, text } = slow();
    await run(probe, { [name]: stream, args });
    expect(text()).toMatch(PRINTED);
    expect([stream.writableEnded, stream.destroyed, stream.listenerCount('drain')]).toEqual([false, false, 0]);
  });

  it('goes to a WritableStream, which is not closed', async () => {
    let text = '';
    const stream = new WritableStream<Uint8Array>({
      write(chunk) {
        text += Buffer.from(chunk).toString();
      },
    });
    await run(probe, { [name]: stream, args });
    expect(text).toMatch(PRINTED);
    expect(stream.locked).toBe(false);
  });
});

describe('standard output', () => {
  it('and error share the position of a file that is named twice', async () => {
    const path = file('');
    await run(probe, { stdout: { file: path }, stderr: { file: path }, args: ['fd_tell 0', 'print 2', 'fd_tell 1'] });
    expect(readFileSync(path, 'utf8')).toMatch(/^fd_tell 0.*\n.*\nfd_tell 1.*\n$/);
  });

  it('waits for a slow stream', async () => {
    const byteLength = 64 * 2 ** 20;
    let count = 0;
    let mostBuffered = 0;
    const stdout = new Writable({
      highWaterMark: 16_384,
      write(chunk: Buffer, _, done) {
        count += chunk.byteLength;
        mostBuffered = Math.max(mostBuffered, stdout.writableLength);
        setImmediate(done);
      },
    });
    const { exitCode } = await run(writeBytes, { stdout, args: [String(byteLength)] });
    expect([exitCode, count]).toEqual([0, byteLength]);
    // The guest writes 64 KiB at a time.
    expect(mostBuffered).toBeLessThan(16_384 + 2 * 65_536);
  });

  it('waits for a slow WritableStream', async () => {
    let count = 0;
    const stdout = new WritableStream<Uint8Array>({
      async write(chunk) {
        await new Promise(setImmediate);
        count += chunk.byteLength;
      },
    });
    const { exitCode } = await run(writeBytes, {
      stdout: stdout,
      args: ['5000000'],
    });
    expect([exitCode, count]).toEqual([0, 5_000_000]);
  });

  it('waits for the function of an embedder in another thread', async () => {
    let count = 0;
    const stdout = (bytes: Uint8Array) => {
      count += bytes.byteLength;
    };
    expect((await run(writeBytes, { stdout, timeoutMs: 60_000, args: ['20000000'] })).exitCode).toBe(0);
    expect(count).toBe(20_000_000);
  });

  it.each<[string, () => HostRunOptions['stdout'], number, unknown]>([
    [
      'fails',
      () => new Writable({ write: (_, __, done) => done(new Error('the disk is full')) }),
      ERRNO.io,
      { code: 'ERR_STDIO', cause: new Error('the disk is full') },
    ],
    ['was destroyed', () => new PassThrough().destroy(), ERRNO.pipe, { code: 'ERR_STDIO' }],
    ['was ended', () => new PassThrough().end().resume(), ERRNO.pipe, { code: 'ERR_STDIO' }],
    [
      'fails, of the Web,',
      () =>
        new WritableStream({
          write() {
            throw new Error('the disk is full');
          },
        }),
      ERRNO.io,
      { code: 'ERR_STDIO', cause: new Error('the disk is full') },
    ],
    [
      'throws, a function in another thread,',
      () => () => {
        throw new Error('out of order');
      },
      ERRNO.io,
      new Error('out of order'),
    ],
  ])('that %s makes the guest’s writes fail, and the run', async (_, sink, errno, expected) => {
    const told: number[] = [];
    const stderr = (bytes: Uint8Array) => told.push(...bytes);
    const started = run(writeOn, { stdout: sink() ?? 'null', stderr, timeoutMs: 600_000 });
    await expect(started).rejects.toMatchObject(expected as object);
    expect(told).toEqual([errno]);
  });
});

describe('the end of a run', () => {
  /** Aborts when the guest waits for its input, or for room for its output. */
  function abortedInTheMiddle(stdin: PassThrough, stdout: PassThrough): HostRunOptions {
    const controller = new AbortController();
    stdin.once('newListener', () => setImmediate(() => controller.abort()));
    stdout.once('data', () => controller.abort());
    return { signal: controller.signal };
  }

  it.each<[string, (stdin: PassThrough, stdout: PassThrough) => HostRunOptions, string]>([
    ['at its time limit', () => ({ timeoutMs: 200 }), 'ERR_GUEST_TIMEOUT'],
    ['by its signal', abortedInTheMiddle, 'ERR_GUEST_ABORTED'],
  ])('%s lets go of every stream', async (_, optionsFor, code) => {
    const waiting: [GuestModule, string[]][] = [
      [copy, []],
      [writeBytes, ['100000000']],
    ];
    for (const [module, args] of waiting) {
      const streams = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
      const [stdin, stdout, stderr] = streams;
      const options = optionsFor(stdin, stdout);
      // What is written is looked at once and then left lying.
      stdout.once('data', () => stdout.pause());
      const started = run(module, { stdin, stdout, stderr, args, ...options });
      await expect(started).rejects.toMatchObject({ code });
      stdout.removeAllListeners('data');
      const untouched = new PassThrough();
      for (const stream of streams) {
        expect([stream.destroyed, stream.writableEnded]).toEqual([false, false]);
        for (const name of ['readable', 'drain', 'end', 'close', 'error', 'finish']) {
          expect([name, stream.listenerCount(name)]).toEqual([name, untouched.listenerCount(name)]);
        }
      }
    }
  });

  it('comes at the time limit where a stream takes nothing more', async () => {
    const stdout = new Writable({ highWaterMark: 1, write() {} });
    const stuck = run(writeBytes, { stdout, timeoutMs: 500, args: ['1000000000'] });
    await expect(stuck).rejects.toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    // What was underway is given to it in the end; the guest had to wait with all the rest.
    expect(stdout.writableLength).toBeLessThan(2 * 2 ** 20);
    expect(stdout.listenerCount('drain')).toBe(0);
  });

  it('by a signal keeps what was captured', async () => {
    const controller = new AbortController();
    const write = (fd: number) => `(drop (call $write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 32)))`;
    const text = `(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 16) "line")
      (func (export "_start") ${write(1)} ${write(2)} (loop $forever (br $forever))))`;
    using host = new Host();
    const aborted = host.run(await host.compile(Buffer.from(text)), {
      signal: controller.signal,
      stderr: () => controller.abort(),
    });
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED', stdout: Buffer.from('line') });
  });

  it('by a signal is of that run alone', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    expect((await run(copy, { signal, stdin: { text: TEXT } })).exitCode).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const started = run(copy, { signal, stdin: new PassThrough() });
    controller.abort(new Error('enough'));
    await expect(started).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED', cause: new Error('enough') });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await expect(run(copy, { signal })).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED' });
  });
});

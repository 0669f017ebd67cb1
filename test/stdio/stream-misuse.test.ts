/** Streams and functions of an embedder that never come to an end, fail in unusual ways, or give and take very little. */
import { PassThrough, Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host, type HostRunOptions } from '../../src/index.ts';
import { GuestStreams } from '../../src/stdio/guest-streams.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { ERRNO } from '../../src/wasi/errno.ts';

/** Writes a line to standard output, and ends with the errno of that. */
const PRINT = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 16) "line\\n")
  (func (export "_start") (call $exit (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))`;

/** Writes to standard output until that fails, and ends with the errno. */
const PRINT_ON = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\00\\10\\00\\00\\00\\10\\00\\00")
  (func (export "_start") (local $errno i32)
    (loop $next
      (local.set $errno (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
      (br_if $next (i32.eqz (local.get $errno))))
    (call $exit (local.get $errno))))`;

let host: Host;
let print: GuestModule;
let printOn: GuestModule;
beforeAll(async () => {
  host = new Host();
  print = await host.compile(Buffer.from(PRINT));
  printOn = await host.compile(Buffer.from(PRINT_ON));
});
afterAll(() => host.dispose());

const run = (module: GuestModule, options: HostRunOptions) => host.run(module, { wasiNn: false, ...options });

describe('a stream that never takes what the guest wrote', () => {
  const ENOUGH_MS = 2000;

  it.each<[string, () => HostRunOptions['stdout']]>([
    ['a Writable', () => new Writable({ write() {} })],
    ['a Writable that is full at once', () => new Writable({ highWaterMark: 1, write() {} })],
    ['a WritableStream', () => new WritableStream({ write: () => new Promise<void>(() => {}) })],
    ['an asynchronous function', () => () => new Promise<void>(() => {})],
  ])('%s: the run ends at its limit, though the guest has ended before', async (_, sink) => {
    const timedOut = run(print, { stdout: sink() ?? 'null', timeoutMs: ENOUGH_MS });
    const aborted = run(print, { stdout: sink() ?? 'null', signal: AbortSignal.timeout(ENOUGH_MS) });
    await Promise.all([
      expect(timedOut).rejects.toMatchObject({ code: 'ERR_GUEST_TIMEOUT' }),
      expect(aborted).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED' }),
    ]);
  });
});

describe('a Writable that throws', () => {
  const fault = new Error('out of order');

  it.each<[string, () => Writable]>([
    [
      'from _write',
      () =>
        new Writable({
          write() {
            throw fault;
          },
        }),
    ],
    [
      'from write',
      () =>
        Object.assign(new PassThrough(), {
          write() {
            throw fault;
          },
        }),
    ],
  ])('%s has failed', async (_, sink) => {
    for (const module of [print, printOn]) {
      const stdout = sink();
      await expect(run(module, { stdout })).rejects.toMatchObject({ code: 'ERR_STDIO', cause: fault });
      expect(stdout.listenerCount('drain')).toBe(0);
    }
  });
});

describe('an asynchronous function', () => {
  const fault = new Error('out of order');
  const here: HostRunOptions = {};
  const inThread: HostRunOptions = { timeoutMs: 600_000 };
  const forms = [
    ['on this thread', here],
    ['beside a thread', inThread],
  ] as const;

  it.each(forms)('that is rejected makes the run fail, %s', async (_, options) => {
    const stdout = async () => {
      throw fault;
    };
    await expect(run(print, { ...options, stdout })).rejects.toBe(fault);
  });

  it.each(forms)('is waited for, %s', async (_, options) => {
    let text = '';
    const stdout = async (bytes: Uint8Array) => {
      await new Promise(setImmediate);
      text += Buffer.from(bytes).toString();
    };
    expect((await run(print, { ...options, stdout })).exitCode).toBe(ERRNO.success);
    expect(text).toBe('line\n');
  });

  it.each(forms)('may return what is like a promise, %s', async (_, options) => {
    const refused = {
      // biome-ignore lint/suspicious/noThenProperty: what other libraries have for a promise
      then: (_resolve: unknown, reject: (error: unknown) => void) => reject(fault),
    };
    await expect(run(print, { ...options, stdout: () => refused })).rejects.toBe(fault);
  });

  it('that is rejected ends a guest in a thread that writes on', async () => {
    const stdout = async () => {
      throw fault;
    };
    await expect(run(printOn, { ...inThread, stdout })).rejects.toBe(fault);
  });
});

describe('captured output', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');

  function bytesHeld(): number {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  async function captured(pieces: Iterable<Uint8Array>, maxCaptureBytes = 2 ** 26) {
    const streams = await GuestStreams.open({ maxCaptureBytes });
    const { sink } = streams.stdout;
    if (sink.kind === 'write') for (const piece of pieces) sink.write(piece);
    return streams.stdout;
  }

  it('of single bytes needs little more than the bytes', async () => {
    const count = 1_000_000;
    function* singleBytes() {
      for (let index = 0; index < count; index++) yield Uint8Array.of(index);
    }
    const before = bytesHeld();
    const output = await captured(singleBytes());
    const held = bytesHeld() - before;
    expect(output.captured?.byteLength).toBe(count);
    // As one piece for each it were more than 100 bytes for one.
    expect(held).toBeLessThan(30 * count);
  });

  it('is whole, whatever the pieces, up to its limit', async () => {
    const whole = Buffer.from(Uint32Array.from({ length: 800_000 }, (_, index) => index).buffer);
    function* pieces() {
      const lengths = [1, 4095, 1, 0, 70_000, 3, 2_000_000, 10];
      for (let start = 0, index = 0; start < whole.byteLength; index++) {
        const end = start + (lengths[index % lengths.length] ?? 1);
        yield whole.subarray(start, end);
        start = end;
      }
    }
    for (const most of [0, 1, 4096, 4097, 3_000_000, whole.byteLength]) {
      const { captured: kept, truncated } = await captured(pieces(), most);
      expect(kept?.equals(whole.subarray(0, most))).toBe(true);
      expect(truncated).toBe(most < whole.byteLength);
    }
  });
});

describe('a stream as standard input', () => {
  it.each<[string, Uint8Array]>([
    ['a Buffer', Buffer.alloc(100_000, 'abc')],
    ['an array of bytes', new Uint8Array(Buffer.alloc(100_000, 'abc'))],
  ])('gives pieces of %s with nothing else behind them', async (_, chunk) => {
    async function* once() {
      yield chunk;
    }
    const reader = new StreamReader(once());
    const pieces: Uint8Array[] = [];
    for (let piece = await reader.read(30_000); piece.byteLength > 0; piece = await reader.read(30_000)) {
      // All of its buffer is what passes to the guest's thread.
      expect(piece.buffer.byteLength).toBe(piece.byteLength);
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(chunk)).toBe(true);
    reader.release();
  });

  it('that gives empty chunks leaves others their turn', async () => {
    let hadTurn = false;
    setImmediate(() => {
      hadTurn = true;
    });
    async function* empty() {
      for (let count = 0; !hadTurn; count++) {
        if (count === 1_000_000) throw new Error('nothing else has had its turn');
        yield new Uint8Array(0);
      }
      yield 'text';
    }
    const reader = new StreamReader(empty());
    expect(Buffer.from(await reader.read(100)).toString()).toBe('text');
    reader.release();
  });
});

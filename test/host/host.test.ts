import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Directory, File, PreopenDirectory } from '@bjorn3/browser_wasi_shim';
import { describe, expect, it } from 'vitest';
import { GuestTrapError, Host, type HostOptions, type HostRunOptions, type Refusal } from '../../src/index.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const fixture = (path: string) => new URL(`../../fixtures/${path}`, import.meta.url);
const wat = (name: string) => fixture(`guests/wat/${name}.wat`);

async function runWat(name: string, options?: HostRunOptions) {
  using host = new Host();
  return await host.run(await host.compile(wat(name)), options);
}

describe('compile', () => {
  it('takes a path, a URL, binary and text', async () => {
    using host = new Host();
    const path = join(directory(), 'empty.wasm');
    const binary = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    writeFileSync(path, binary);
    expect((await host.compile(path)).name).toBe(path);
    expect((await host.compile(pathToFileURL(path))).name).toBe(path);
    expect((await host.compile(binary)).name).toBe('module');
    expect((await host.compile(new TextEncoder().encode('(module)'), { name: 'named' })).name).toBe('named');
  });

  it('copies bytes', async () => {
    using host = new Host();
    const bytes = Uint8Array.from(readFileSync(fixture('classify.wasm')));
    const module = await host.compile(bytes);
    bytes.fill(0xff);
    // Limits make it compile again.
    await expect(host.run(module, { maxMemoryBytes: 2 ** 24 })).resolves.toMatchObject({
      exitCode: expect.any(Number),
    });
  });

  it.each([[1], [null], [{}]])('refuses %j', async (source) => {
    await expect(new Host().compile(source as unknown as string)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('finds a module that is not valid before it is run', async () => {
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1]);
    await expect(new Host().compile(bytes)).rejects.toMatchObject({ code: 'ERR_MODULE_COMPILE' });
  });
});

describe('run', () => {
  it('gives arguments, environment and stdin, and captures both streams', async () => {
    const { exitCode, stdout, stderr, truncated, results } = await runWat('echo', {
      args: ['one', 'größe'],
      env: { A: '1' },
      stdin: { text: 'from stdin' },
    });
    expect([exitCode, truncated, results]).toEqual([0, false, []]);
    expect(String(stdout)).toContain('größe');
    expect(String(stdout)).toContain('A=1');
    expect(String(stdout)).toContain('from stdin');
    expect(stderr).toHaveLength(0);
  });

  it('streams in order, before the guest goes on', async () => {
    const chunks: Uint8Array[] = [];
    const result = await runWat('write-bytes', { args: ['100000'], stdout: (bytes) => chunks.push(bytes) });
    expect([result.stdout, result.stderr]).toEqual([undefined, Buffer.alloc(0)]);
    expect(Buffer.concat(chunks)).toEqual((await runWat('write-bytes', { args: ['100000'] })).stdout);
    expect(Buffer.concat(chunks)).toHaveLength(100_000);
  });

  it.each([undefined, 60_000])('drops what is beyond the capture, and says so (timeout %s)', async (timeoutMs) => {
    const options = { args: ['100000'], maxCaptureBytes: 1000, ...(timeoutMs && { timeoutMs }) };
    const { stdout, truncated } = await runWat('write-bytes', options);
    expect([stdout?.byteLength, truncated]).toEqual([1000, true]);
  });

  it.each([0, 3, 125, 126, 255])('returns proc_exit(%i) as it is', async (code) => {
    expect((await runWat('exit', { args: [String(code)] })).exitCode).toBe(code);
  });

  it('returns results of an invoked function as text', async () => {
    const invoke = { name: 'mixed', args: ['-1', '2', '0.1', '1e21'] };
    expect((await runWat('invoke', { invoke })).results).toEqual(['-1', '2', '0.1', '1000000000000000000000']);
  });

  it('rejects with a trap, its backtrace, and what was written until then', async () => {
    const text = `(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\05\\00\\00\\00first")
      (func $fails (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))) unreachable))`;
    using host = new Host();
    const module = await host.compile(new TextEncoder().encode(text));
    for (const options of [{}, { timeoutMs: 60_000 }]) {
      const error = await host.run(module, options).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(GuestTrapError);
      expect(error).toMatchObject({
        code: 'ERR_GUEST_TRAP',
        message: 'wasm trap: wasm `unreachable` instruction executed',
        backtrace: [expect.stringMatching(/ - <unknown>!fails$/)],
      });
      expect(String((error as GuestTrapError & { stdout: Buffer }).stdout)).toBe('first');
    }
  });

  it('ends a guest that runs too long', async () => {
    await expect(runWat('endless-loop', { timeoutMs: 50 })).rejects.toMatchObject({
      name: 'GuestTrapError',
      code: 'ERR_GUEST_TIMEOUT',
    });
  });

  it('lets a guest end by itself within its time', async () => {
    expect((await runWat('exit', { args: ['7'], timeoutMs: 60_000 })).exitCode).toBe(7);
  });

  it('bounds memory', async () => {
    const maxMemoryBytes = 40 * 65_536;
    expect(String((await runWat('memory-grower', { maxMemoryBytes })).stdout)).toBe('33\n');
    expect(String((await runWat('memory-grower', { maxMemoryBytes, timeoutMs: 60_000 })).stdout)).toBe('33\n');
  });

  it('runs one module many times, each with a memory of its own', async () => {
    using host = new Host();
    const module = await host.compile(wat('memory-grower'));
    for (const pages of [17, 33, 49]) {
      const { stdout } = await host.run(module, { maxMemoryBytes: pages * 65_536 });
      expect(String(stdout)).toBe(`${pages}\n`);
    }
  });

  it.each([
    ['unknown-import', {}, 'ERR_MODULE_LINK'],
    ['add', { invoke: { name: 'missing' } }, 'ERR_MODULE_EXPORT'],
    ['add', { maxMemoryBytes: 0, invoke: { name: 'add', args: ['x', '1'] } }, 'ERR_MODULE_EXPORT'],
    ['exit', { maxMemoryBytes: 1 }, 'ERR_MODULE_LIMIT'],
    ['exit', { preopens: [{ hostPath: '/no/such/directory' }] }, 'ERR_PREOPEN'],
    ['exit', { preopens: [{ hostPath: '/no/such/directory' }], timeoutMs: 60_000 }, 'ERR_PREOPEN'],
  ])('%s with %j rejects with %s', async (name, options, code) => {
    await expect(runWat(name, options)).rejects.toMatchObject({ code });
  });

  it.each([undefined, 60_000])(
    'rejects with what a sink threw, which gets nothing after (timeout %s)',
    async (timeoutMs) => {
      const failure = new Error('of the embedder');
      let calls = 0;
      const stdout = () => {
        calls++;
        throw failure;
      };
      const options = { args: ['100000'], stdout, ...(timeoutMs && { timeoutMs }) };
      await expect(runWat('write-bytes', options)).rejects.toBe(failure);
      expect(calls).toBe(1);
    },
  );

  it('refuses to run once disposed', async () => {
    const host = new Host();
    const module = await host.compile(wat('exit'));
    host.dispose();
    host.dispose();
    await expect(host.run(module)).rejects.toMatchObject({ code: 'ERR_RELEASED' });
  });
});

describe('options', () => {
  it.each<[HostOptions]>([
    [{ backend: 'other' as 'auto' }],
    [{ openvinoDir: 1 as unknown as string }],
    [{ openvinoDir: '/no/such/directory' }],
    [{ onRefused: 'a' as never }],
    [{ backends: 'native' } as HostOptions],
    [null as never],
    [{ graphs: [] } as never],
    [{ maxModuleBytes: -1 }],
    [{ maxModelBytes: 1.5 }],
    [{ pool: { threads: 0 } }],
    [{ pool: { isolation: 'none' as 'thread' } }],
    [{ pool: { maxQueue: -1 } }],
    [{ pool: { maxHeapBytes: '1' as never } }],
    [{ pool: { defaults: { timeoutMs: 0 } } }],
    [{ pool: { defaults: { args: [] } as never } }],
    [{ properties: { NUM_STREAMS: 1 } } as never],
    [{ allowedGuestProperties: 'all' } as never],
  ])('of a host: %j is refused', (options) => {
    expect(() => new Host(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it.each([
    [{ args: ['a', 1] }, 'args[1]: expected text, received 1 (number)'],
    [{ args: 'a' }, "args: expected an array of text, received 'a'"],
    [{ env: { A: 1 } }, 'env.A: expected text, received 1 (number)'],
    [{ env: { 'A=B': '1' } }, "env: expected names that are not empty, without '=' and NUL, received 'A=B'"],
    [{ env: { 'A\0B': '1' } }, 'env: expected names'],
    [{ env: { '': '1' } }, 'env: expected names'],
    [{ env: null }, 'env: expected an object of text, received null'],
    [{ env: ['A=1'] }, 'env: expected an object of text, received an array'],
    [{ stdin: 'text' }, 'stdin: expected'],
    [
      { stdout: 'file' },
      "stdout: expected 'capture', 'inherit', 'null', a function, { file }, { fd } or a stream, received 'file'",
    ],
    [{ stderr: null }, 'stderr: expected'],
    [{ maxMemoryBytes: -1 }, 'maxMemoryBytes: expected a whole number of bytes, received -1 (number)'],
    [{ maxMemoryBytes: 1.5 }, 'maxMemoryBytes'],
    [{ timeoutMs: '1s' }, 'timeoutMs: expected milliseconds'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs: expected milliseconds'],
    [{ timeoutMs: 0 }, 'timeoutMs: expected milliseconds, more than 0, received 0 (number)'],
    [{ timeoutMS: 1 }, 'options: expected names out of args, '],
    [{ maxOutputBytes: -1 }, 'maxOutputBytes: expected a whole number of bytes'],
    [{ mode: 'fork' }, "mode: expected one of auto, calling-thread, suspending, thread, process, received 'fork'"],
    [{ mode: 'calling-thread', timeoutMs: 1 }, 'mode: expected auto, thread or process with timeoutMs or signal'],
    [{ tenant: 1 }, 'tenant: expected text'],
    [{ priority: Number.NaN }, 'priority: expected a number, received NaN (number)'],
    [{ timeline: 'yes' }, 'timeline: expected true or false'],
    [{ graphs: 'digits' }, 'graphs: expected an array of names, or an object of names'],
    [{ graphs: [1] }, 'graphs[0]: expected text'],
    [{ graphs: { a: 1 } }, 'graphs.a: expected text'],
    [null, 'options: expected an object of args, '],
    [{ invoke: { name: 1 } }, 'invoke.name: expected text'],
    [{ invoke: 'name' }, "invoke: expected an object of name, args, received 'name'"],
    [{ invoke: { name: 'a', arguments: [] } }, 'invoke: expected names out of name, args'],
    [{ stdin: { text: 5 } }, 'stdin.text: expected text, received 5 (number)'],
    [{ stdin: { text: '', file: 'a' } }, "stdin: expected names out of text, received 'file'"],
    [{ stdin: { file: new URL('http://localhost/') } }, 'stdin.file: expected a path or a file: URL'],
    [{ stdout: { file: 'a', apend: true } }, "stdout: expected names out of file, append, received 'apend'"],
    [{ stdout: { fd: -1 } }, 'stdout.fd: expected the number of a descriptor'],
    [{ stdout: { fd: 1, append: true } }, "stdout: expected names out of fd, received 'append'"],
    [{ wasiNn: 1 }, 'wasiNn: expected true or false'],
    [
      { preopens: [{ hostPath: 'd', readonly: true }] },
      "preopens[0]: expected names out of hostPath, guestPath, readOnly, received 'readonly'",
    ],
    [{ preopens: [{ hostPath: 'd', readOnly: null }] }, 'preopens[0].readOnly: expected true or false, received null'],
    [
      { preopens: [{ hostPath: 'd', guestPath: 'd', fd: {} }] },
      "preopens[0]: expected names out of fd, guestPath, readOnly, received 'hostPath'",
    ],
    [{ preopens: [{ socketFd: 3, readOnly: true }] }, 'preopens[0]: expected names out of socketFd'],
    [{ preopens: [{ hostPath: 1 }] }, 'preopens[0]: expected'],
    [{ preopens: [null] }, 'preopens[0]: expected'],
    [{ preopens: [{ hostPath: 'd', guestPath: 1 }] }, 'preopens[0].guestPath: expected'],
    [{ preopens: [{ hostPath: 'd', readOnly: 'no' }] }, 'preopens[0].readOnly: expected'],
    [{ preopens: [{ socketFd: -1 }] }, 'preopens[0].socketFd: expected'],
    [{ preopens: [{ socketFd: undefined }] }, 'preopens[0].socketFd: expected'],
  ])('of a run: %j is refused', async (options, message) => {
    await expect(runWat('exit', options as HostRunOptions)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: expect.stringContaining(message),
    });
  });
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  const digits = { hostPath: fixture('digits').pathname, guestPath: 'fixture' };
  const expected = JSON.parse(readFileSync(fixture('digits/expected.json'), 'utf8')) as unknown;

  it.each([undefined, 60_000])('classifies (timeout %s)', async (timeoutMs) => {
    expect(expected).toBeTruthy();
    using host = new Host({ backend: 'native' });
    const { stdout, exitCode } = await host.run(await host.compile(fixture('classify.wasm')), {
      preopens: [digits],
      ...(timeoutMs && { timeoutMs }),
    });
    expect(exitCode).toBe(0);
    expect(String(stdout)).toMatch(/Found results, sorted top 5: \[InferenceResult\(7, 0\.9\d+\)/);
  });

  it('gives a guest its model from memory alone', async () => {
    const files = ['model.xml', 'model.bin', 'tensor.bgr'].map(
      (name) => [name, new File(readFileSync(fixture(`digits/${name}`)))] as const,
    );
    using host = new Host();
    const { stdout } = await host.run(await host.compile(fixture('classify.wasm')), {
      preopens: [
        { guestPath: 'fixture', fd: new PreopenDirectory('fixture', new Map<string, File | Directory>(files)) },
      ],
    });
    expect(String(stdout)).toContain('InferenceResult(7, 0.9');
  });

  it.each([undefined, 60_000])('tells why a call was refused (timeout %s)', async (timeoutMs) => {
    const refusals: Pick<Refusal, 'call' | 'errnoName'>[] = [];
    using host = new Host({ onRefused: ({ call, errnoName }) => refusals.push({ call, errnoName }) });
    const folder = directory();
    for (const name of ['model.xml', 'model.bin', 'tensor.bgr']) {
      writeFileSync(join(folder, name), name === 'model.xml' ? readFileSync(fixture('digits/model.xml')) : 'damaged');
    }
    await host.run(await host.compile(fixture('classify.wasm')), {
      preopens: [{ hostPath: folder, guestPath: 'fixture' }],
      ...(timeoutMs && { timeoutMs }),
    });
    expect(refusals.map(({ call }) => call)).toContain('load');
  });
});

it('without wasi-nn, its functions are unknown imports', async () => {
  using host = new Host();
  const module = await host.compile(fixture('classify.wasm'));
  await expect(host.run(module, { wasiNn: false })).rejects.toMatchObject({
    code: 'ERR_MODULE_LINK',
    message: expect.stringContaining('wasi_ephemeral_nn::'),
  });
});

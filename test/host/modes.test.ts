/** Where guests run, and what is told of it: the guest sees no difference. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { RunReport } from '../../src/engine/run-report.ts';
import { canSuspend } from '../../src/engine/suspending-run.ts';
import { GuestTrapError, Host, type HostRunOptions, type RunMode } from '../../src/index.ts';
import { CHANNELS } from '../../src/telemetry/channels.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const fixture = (path: string) => new URL(`../../fixtures/${path}`, import.meta.url);
const wat = (name: string) => fixture(`guests/wat/${name}.wat`);
const MODES: readonly RunMode[] = [
  'calling-thread',
  ...(canSuspend() ? (['suspending'] as const) : []),
  'thread',
  'process',
];
const WITHOUT_LIMITS: RunMode = canSuspend() ? 'suspending' : 'thread';

async function runWat(name: string, options: HostRunOptions = {}) {
  using host = new Host();
  return await host.run(await host.compile(wat(name)), options);
}

async function failureOf(running: Promise<unknown>): Promise<GuestTrapError> {
  const error = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(GuestTrapError);
  return error as GuestTrapError;
}

it('of many runs and calls a signal has one listener of ours, and none after them', { timeout: 60_000 }, async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const counts: number[] = [];
  const count = () => void counts.push(getEventListeners(signal, 'abort').length);
  await using host = new Host();
  const module = await host.compile(wat('echo'));
  const modes = MODES.filter((mode) => mode !== 'calling-thread');
  const runs = modes.flatMap((mode) =>
    Array.from({ length: 12 }, () => host.run(module, { mode, signal, stdout: count })),
  );
  const instance = await host.instantiate(await host.compile(new TextEncoder().encode('(module (func (export "f")))')));
  await Promise.all([...runs, instance.call('f', { signal })]);
  expect(new Set(counts)).toEqual(new Set([1]));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const endless = await host.compile(wat('endless-loop'));
  const started = Array.from({ length: 12 }, () => failureOf(host.run(endless, { mode: 'thread', signal })));
  await vi.waitFor(() => expect(host.stats.running).toBeGreaterThan(0), 60_000);
  controller.abort();
  expect((await Promise.all(started)).map(({ code }) => code)).toEqual(started.map(() => 'ERR_GUEST_ABORTED'));
  await instance.dispose();
});

describe.each(MODES)('a guest with mode %s', (mode) => {
  it('gets what it was given and answers as any other', async () => {
    const { stdout, stderr, exitCode, usage, truncated } = await runWat('echo', {
      ...{ mode, args: ['one', 'größe'], env: { A: '1' }, stdin: { text: 'from stdin' } },
    });
    const expected = await runWat('echo', { args: ['one', 'größe'], env: { A: '1' }, stdin: { text: 'from stdin' } });
    expect([String(stdout), stderr, exitCode, truncated]).toEqual([
      String(expected.stdout),
      expected.stderr,
      expected.exitCode,
      false,
    ]);
    expect(usage.mode).toBe(mode);
    expect(usage).toMatchObject({ bytesRead: 'from stdin'.length, bytesWritten: stdout?.byteLength });
    expect(usage.peakMemoryBytes).toBeGreaterThanOrEqual(65_536);
    expect(usage.wallMs).toBeGreaterThanOrEqual(usage.queueMs);
    expect(usage.phases).toMatchObject({ instantiate: { count: 1 }, guest: { count: 1 } });
    expect(usage.phases.queue?.wallMs ?? 0).toBeCloseTo(usage.queueMs, 1);
    expect(usage.spans).toBeUndefined();
  });

  it('that traps has its backtrace, what it used, and what it wrote', async () => {
    const text = `(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\05\\00\\00\\00first")
      (func $fails (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))) unreachable))`;
    using host = new Host();
    const error = await failureOf(host.run(await host.compile(new TextEncoder().encode(text)), { mode }));
    expect(error).toMatchObject({ code: 'ERR_GUEST_TRAP', usage: { mode, bytesWritten: 5, peakMemoryBytes: 65_536 } });
    expect([String(error.stdout), error.backtrace.length]).toEqual(['first', 1]);
  });

  it('fails with what the function for refused calls throws, and the host goes on', async () => {
    const failure = new Error('of the embedder');
    let isThrowing = true;
    using host = new Host({
      onRefused: () => {
        if (isThrowing) throw failure;
      },
    });
    const text = `(module (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (memory (export "memory") 1) (func (export "_start") (drop (call $compute (i32.const 9)))))`;
    const module = await host.compile(new TextEncoder().encode(text));
    await expect(host.run(module, { mode })).rejects.toBe(failure);
    isThrowing = false;
    expect((await host.run(module, { mode })).exitCode).toBe(0);
  });

  it('is ended where it writes too much, and what it wrote until then is delivered', async () => {
    const error = await failureOf(runWat('write-bytes', { mode, args: ['100000'], maxOutputBytes: 1000 }));
    expect(error).toMatchObject({ code: 'ERR_GUEST_OUTPUT_LIMIT', usage: { mode } });
    expect(error.stdout).toHaveLength(1000);
    expect((await runWat('write-bytes', { mode, args: ['1000'], maxOutputBytes: 1000 })).stdout).toHaveLength(1000);
  });

  it('with a timeline has its spans and memory', async () => {
    const { usage } = await runWat('echo', { mode, timeline: true, maxMemoryBytes: 2 ** 26 });
    expect(usage.spans?.map(({ name }) => name)).toEqual(expect.arrayContaining(['compile', 'instantiate', 'guest']));
    expect(usage.memory).not.toHaveLength(0);
  });
});

describe('the mode', () => {
  it.each<[string, HostRunOptions, RunMode]>([
    ['nothing more is asked', {}, WITHOUT_LIMITS],
    ['it is left open', { mode: 'auto' }, WITHOUT_LIMITS],
    ['there is a time limit', { timeoutMs: 60_000 }, 'thread'],
    ['there is a signal', { signal: new AbortController().signal }, 'thread'],
    ['a stream has to be waited for', { stdin: new PassThrough().end('text') }, WITHOUT_LIMITS],
    ['it is the calling thread', { mode: 'calling-thread' }, 'calling-thread'],
    ['it is a thread', { mode: 'thread' }, 'thread'],
  ])('where %s', async (_, options, expected) => {
    expect((await runWat('echo', options)).usage.mode).toBe(expected);
  });

  it.each<[HostRunOptions, string]>([
    [
      { mode: 'calling-thread', signal: new AbortController().signal },
      'auto, thread or process with timeoutMs or signal',
    ],
    [{ mode: 'calling-thread', stdin: new PassThrough() }, 'auto, suspending, thread or process with a stream'],
    [
      { mode: 'suspending', timeoutMs: 1 },
      canSuspend() ? 'auto, thread or process with timeoutMs' : 'one that this Node has',
    ],
  ])('%j is refused', async (options, message) => {
    await expect(runWat('echo', options)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: expect.stringContaining(message),
    });
  });
});

describe('the backend openvino-node', () => {
  // What it cannot stand is an end of its thread while it computes.
  it.each<[string, HostRunOptions, RunMode]>([
    ['has guests that infer on the calling thread', {}, canSuspend() ? 'suspending' : 'calling-thread'],
    ['has them in a worker with a time limit', { timeoutMs: 60_000 }, 'thread'],
    ['has others in a worker', { wasiNn: false }, WITHOUT_LIMITS],
  ])('%s', async (_, options, expected) => {
    using host = new Host({ backend: 'openvino-node' });
    const reports = await reportsOf(async () => {
      await host.run(await host.compile(fixture('classify.wasm'), { name: 'infers' }), options).catch(() => {});
    });
    expect(reports.map(({ module, mode }) => [module, mode])).toContainEqual(['infers', expected]);
  });
});

describe('limits of a host', () => {
  it('hold for runs that have none of their own', async () => {
    using host = new Host({ pool: { defaults: { maxOutputBytes: 1000, maxMemoryBytes: 40 * 65_536 } } });
    const writer = await host.compile(wat('write-bytes'));
    const grower = await host.compile(wat('memory-grower'));
    await expect(host.run(writer, { args: ['1001'] })).rejects.toMatchObject({ code: 'ERR_GUEST_OUTPUT_LIMIT' });
    const undefinedLimit = { args: ['1001'], maxOutputBytes: undefined } as unknown as HostRunOptions;
    await expect(host.run(writer, undefinedLimit)).rejects.toMatchObject({ code: 'ERR_GUEST_OUTPUT_LIMIT' });
    expect((await host.run(writer, { args: ['1001'], maxOutputBytes: 2000 })).stdout).toHaveLength(1001);
    expect(String((await host.run(grower)).stdout)).toBe('33\n');
  });

  it('end a guest on time that nobody limits', async () => {
    using host = new Host({ pool: { defaults: { timeoutMs: 50 } } });
    const error = await failureOf(host.run(await host.compile(wat('endless-loop'))));
    expect(error).toMatchObject({ code: 'ERR_GUEST_TIMEOUT', usage: { mode: 'thread' } });
  });
});

/** What was told of runs while something was done. */
async function reportsOf(action: () => Promise<void>): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  const listen = (message: unknown) => void reports.push(message as RunReport);
  subscribe(CHANNELS.run, listen);
  try {
    await action();
  } finally {
    unsubscribe(CHANNELS.run, listen);
  }
  return reports;
}

it('runs are told of to whoever listens', async () => {
  const reports = await reportsOf(async () => {
    using host = new Host();
    const module = await host.compile(wat('exit'), { name: 'exit' });
    await host.run(module, { args: ['7'], tenant: 'one' });
    await host.run(module, { preopens: [{ hostPath: '/no/such/directory' }] }).catch(() => {});
  });
  const [exited, failed] = reports.filter(({ module }) => module === 'exit');
  expect(exited).toMatchObject({
    ...{ tenant: 'one', outcome: 'exited', exitCode: 7, code: undefined, mode: WITHOUT_LIMITS },
  });
  expect(exited?.usage?.spans?.map(({ name }) => name)).toContain('guest');
  expect(failed).toMatchObject({ outcome: 'failed', code: 'ERR_PREOPEN', exitCode: undefined, usage: undefined });
});

it('what is captured has a type by what was asked', async () => {
  using host = new Host();
  const module = await host.compile(wat('exit'));
  const plain = await host.run(module);
  expectTypeOf(plain.stdout).toEqualTypeOf<Buffer>();
  expectTypeOf(plain.stderr).toEqualTypeOf<Buffer>();
  const one = await host.run(module, { args: ['0'], stdout: 'null', stderr: 'capture' });
  expectTypeOf(one.stdout).toEqualTypeOf<Buffer | undefined>();
  expectTypeOf(one.stderr).toEqualTypeOf<Buffer>();
  const taken = await host.run(module, { stdout: (bytes) => void bytes.byteLength });
  expectTypeOf(taken.stderr).toEqualTypeOf<Buffer>();
  const options: HostRunOptions = {};
  const some = await host.run(module, options);
  expectTypeOf(some.stdout).toEqualTypeOf<Buffer | undefined>();
  // @ts-expect-error a misspelt option
  await expect(host.run(module, { timeoutMS: 1 })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  expect([plain.stdout, one.stdout, taken.stdout]).toEqual([Buffer.alloc(0), undefined, undefined]);
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  it.each(MODES)('mode %s computes the same, and tells the phases', async (mode) => {
    using host = new Host({ backend: 'native' });
    const module = await host.compile(fixture('classify.wasm'));
    const preopens = [{ hostPath: fixture('digits').pathname, guestPath: 'fixture', readOnly: true }];
    const { stdout, usage } = await host.run(module, { mode, preopens });
    expect(String(stdout)).toBe(String((await host.run(module, { preopens })).stdout));
    expect(usage.phases).toMatchObject({
      ...{ load: { count: 1 }, set_input: { count: 1 }, compute: { count: 1 }, get_output: { count: 1 } },
    });
    expect(Object.values(usage.loads ?? {}).reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(usage.bytesRead).toBeGreaterThanOrEqual(readFileSync(fixture('digits/model.bin')).byteLength);
  });
});

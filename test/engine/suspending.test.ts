/** Guests that are suspended: what comes of many at once, of their turns, and of one that is to end while it waits. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { GuestPlan } from '../../src/engine/guest-plan.ts';
import type { NnSupport } from '../../src/engine/guest-run.ts';
import { GuestRoom } from '../../src/engine/suspending-room.ts';
import { GuestTurns } from '../../src/engine/suspending-turns.ts';
import type { BackendGraph } from '../../src/nn/backend.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { f32, smallModel, u32 } from '../nn/abi/guest.ts';
import { call, compileScript, dump, type Step } from '../support/abi-script.ts';
import { compileText } from '../support/assemble.ts';
import { fakeBackend } from '../support/fake-backend.ts';
import { openBelow } from '../support/open-files.mjs';
import { skipUnless } from '../support/requirements.ts';
import { runSuspended, suspension } from '../support/suspending-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

/** Waits for one byte of standard input, or for so many nanoseconds. */
const WAITING = `
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $tell
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $wait
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 99)))))
  (func $sleep (param i64)
    (memory.fill (i32.const 128) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (local.get 0))
    (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 512))))`;

const start = (body: string) => `(module ${WAITING} (func (export "_start") ${body}))`;

/** A stream that gives a byte when it is told to, and then its end. */
function gate() {
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const stream = new Readable({ read: () => ask() });
  return {
    stdin: { kind: 'stream', reader: new StreamReader(stream) } as const,
    /** Settles when the guest waits for it. */
    asked,
    open: () => {
      stream.push('x');
      stream.push(null);
    },
  };
}

const turnsOfLoop = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

const TRAP = 'wasm `unreachable` instruction executed';

describe.skipIf(skipUnless(suspension))('a guest that was suspended', () => {
  it.each([
    ['returns', start('(call $wait)'), { kind: 'returned', results: [] }],
    ['exits', start('(call $wait) (call $exit (i32.const 7))'), { kind: 'exited', exitCode: 7 }],
    ['traps', start('(call $wait) unreachable'), { kind: 'failed', failure: { message: `wasm trap: ${TRAP}` } }],
    [
      'throws',
      `(module ${WAITING} (tag $t) (func (export "_start") (call $wait) (throw $t)))`,
      {
        kind: 'failed',
        failure: { code: 'ERR_GUEST_EXCEPTION' },
      },
    ],
    [
      'recurses without end',
      `(module ${WAITING} (func $f (export "_start") (call $wait) (call $g)) (func $g (call $g)))`,
      {
        kind: 'failed',
        failure: { message: 'wasm trap: call stack exhausted' },
      },
    ],
    ['is a reactor', `(module ${WAITING} (func (export "_initialize") (call $wait)))`, { kind: 'returned' }],
    ['waits in its start function', `(module ${WAITING} (func $s (call $wait)) (start $s))`, { kind: 'returned' }],
  ])('%s', async (_, module, outcome) => {
    const { stdin, asked, open } = gate();
    const running = runSuspended(module, { stdio: { stdin } });
    await asked;
    open();
    expect((await running).outcome).toMatchObject(outcome);
  });

  it('has the frames of its own trap, whatever others do meanwhile, and no more of the process after', async () => {
    const before = Error.stackTraceLimit;
    const module = `(module ${WAITING} (func $inner (call $wait) unreachable) (func $middle (call $inner) (nop))
      (func (export "_start") (call $middle) (nop)))`;
    const { stdin, asked, open } = gate();
    const alone = runSuspended(module, { stdio: { stdin } });
    await asked;
    expect(Error.stackTraceLimit).toBe(before);
    open();
    const { outcome } = await alone;
    const { backtrace } = outcome.kind === 'failed' ? outcome.failure : { backtrace: [] };
    expect(backtrace).toHaveLength(3);
    const gates = Array.from({ length: 20 }, gate);
    const runs = gates.map((one, index) =>
      runSuspended(module, { stdio: { stdin: one.stdin }, plan: { maxBacktraceFrames: index % 4 } }),
    );
    for (const one of gates) await one.asked;
    for (const one of gates) one.open();
    for (const [index, { outcome }] of (await Promise.all(runs)).entries()) {
      expect(outcome).toMatchObject({ kind: 'failed', failure: { backtrace: backtrace.slice(0, index % 4) } });
    }
    expect(Error.stackTraceLimit).toBe(before);
  });

  it('gives and takes numbers of every size', async () => {
    const module = `(module ${WAITING} (func (export "run") (param i64 f64) (result i64 f64)
      (call $sleep (i64.const 1000)) (i64.add (local.get 0) (i64.const 1)) (f64.mul (local.get 1) (f64.const 2))))`;
    const invoke = { name: 'run', args: ['9007199254740993', '1.5'] };
    const { outcome } = await runSuspended(module, { plan: { invoke } });
    expect(outcome).toEqual({ kind: 'returned', results: ['9007199254740994', '3'] });
  });

  it('waits in a module that it imports from, whose memory is another', async () => {
    const library = await compileText(`(module ${WAITING}
      (func (export "wait") (result i32) (call $wait) (i32.load8_u (i32.const 64))))`);
    const module = `(module (import "library" "wait" (func $wait (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "run") (result i32)
        (i32.store8 (i32.const 100) (call $wait))
        (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 1))
        (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))`;
    const { stdin, asked, open } = gate();
    const plan = { preloads: [{ name: 'library', program: library }], invoke: { name: 'run', args: [] } };
    const running = runSuspended(module, { stdio: { stdin }, plan });
    await asked;
    open();
    expect(await running).toMatchObject({ outcome: { kind: 'returned', results: ['0'] }, stdout: 'x' });
  });

  it('lets others have their turn, where it asks for it', async () => {
    let turns = 0;
    const controller = new AbortController();
    const count = () => {
      turns += 1;
      if (turns === 20) controller.abort();
      else setImmediate(count);
    };
    setImmediate(count);
    const endless = start('(loop $l (drop (call $yield)) (br $l))');
    const { outcome } = await runSuspended(endless, { signal: controller.signal });
    expect([outcome, turns]).toMatchObject([{ kind: 'failed', failure: { code: 'ERR_GUEST_ABORTED' } }, 20]);
  });
});

/** A model in the guest's memory, and the calls that compute with it. */
const MODEL = smallModel('relu');
const CLASSIFY: readonly Step[] = [
  call('load', 64, 2, 0, 0, 80),
  call('init_execution_context', 0, 84),
  call('set_input', 0, 0, 128),
  call('compute', 0),
  call('get_output', 0, 0, 512, 16, 88),
  dump(512, 16),
];

function classifyScript(): Promise<Uint8Array> {
  const [xml = new Uint8Array(), weights = new Uint8Array()] = MODEL;
  const at = { xml: 4096, weights: 4096 + xml.byteLength };
  return compileScript({
    steps: CLASSIFY,
    data: [
      [64, u32(at.xml, xml.byteLength, at.weights, weights.byteLength)],
      [128, u32(192, 2, 1, 256, 16)],
      [192, u32(1, 4)],
      [256, f32(-1, 2, -3, 4)],
      [at.xml, xml],
      [at.weights, weights],
    ],
  });
}

/** A backend that is done with nothing before it is told. */
function gatedBackend() {
  const backend = fakeBackend();
  const pending: { call: 'load' | 'compute'; go: () => void; fail: (error: Error) => void }[] = [];
  const wait = (name: 'load' | 'compute') =>
    new Promise<void>((go, fail) => {
      pending.push({ call: name, go, fail });
    });
  const gated = (graph: BackendGraph): BackendGraph => ({
    inputs: graph.inputs,
    outputs: graph.outputs,
    dispose: () => graph.dispose(),
    initExecutionContext: () => {
      const context = graph.initExecutionContext();
      return Object.assign(context, {
        computeAsync: async () => {
          await wait('compute');
          context.compute();
        },
      });
    },
  });
  const loadAsync: NonNullable<typeof backend.loadAsync> = async (builders, options) => {
    const copies = builders.map((bytes) => bytes.slice());
    await wait('load');
    return gated(backend.load(copies, options));
  };
  const refusals: string[] = [];
  const nn: NnSupport = {
    backend: () => ({ ...backend, loadAsync }),
    registry: { get: () => undefined },
    onRefused: ({ reason }) => refusals.push(reason),
  };
  return { backend, pending, nn, refusals };
}

describe.skipIf(skipUnless(suspension))('inference of suspended guests', () => {
  it('goes on beside others, which each get their own', async () => {
    const { backend, pending, nn, refusals } = gatedBackend();
    const module = await classifyScript();
    const runs = Array.from({ length: 50 }, () => runSuspended(module, { nn }));
    for (const stage of ['load', 'compute']) {
      while (pending.length < runs.length) await turnsOfLoop(1);
      expect(new Set(pending.map(({ call }) => call))).toEqual(new Set([stage]));
      // Last come, first served.
      for (const { go } of pending.splice(0).reverse()) go();
    }
    const expected = Buffer.concat([u32(0, 0, 0, 0, 0), f32(0, 2, 0, 4)]).toString('latin1');
    for (const { outcome, stdout, usage } of await Promise.all(runs)) {
      expect([outcome.kind, stdout]).toEqual(['returned', expected]);
      expect(usage.phases).toMatchObject({ load: { count: 1 }, compute: { count: 1 }, queue: { count: 1 } });
    }
    expect([backend.live, refusals]).toEqual([{ graphs: 0, executionContexts: 0 }, []]);
  });

  it('is refused to the guest where it fails', async () => {
    const { pending, nn, refusals } = gatedBackend();
    const running = runSuspended(await classifyScript(), { nn });
    while (pending.length === 0) await turnsOfLoop(1);
    pending[0]?.fail(new Error('no memory'));
    const { stdout } = await running;
    expect(Buffer.from(stdout, 'latin1').readUInt32LE(0)).toBe(5);
    expect(refusals[0]).toBe('load: no memory');
  });

  it.each(['load', 'compute'] as const)('is left when the guest is to end in %s, and leaves nothing', async (stage) => {
    const { backend, pending, nn } = gatedBackend();
    const controller = new AbortController();
    const running = runSuspended(await classifyScript(), { nn, signal: controller.signal });
    for (;;) {
      while (pending.length === 0) await turnsOfLoop(1);
      if (pending[0]?.call === stage) break;
      pending.shift()?.go();
    }
    controller.abort(new Error('enough'));
    const { outcome } = await running;
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ERR_GUEST_ABORTED', cause: { message: 'enough' } },
    });
    // What it had asked for comes too late.
    for (const { go } of pending) go();
    await turnsOfLoop(3);
    expect(backend.live).toEqual({ graphs: 0, executionContexts: 0 });
  });
});

describe.skipIf(skipUnless(suspension))('a guest that is to end', () => {
  const aborted = { kind: 'failed', failure: { code: 'ERR_GUEST_ABORTED', message: 'the run was aborted' } };

  it.each([
    ['reads', '(call $wait)'],
    ['sleeps', '(call $sleep (i64.const 600000000000))'],
    [
      'sleeps and would catch all',
      '(block $caught (try_table (catch_all $caught) (call $sleep (i64.const 600000000000)))) (call $exit (i32.const 3))',
    ],
    [
      'reads and would catch all',
      '(block $caught (try_table (catch_all $caught) (call $wait))) (call $exit (i32.const 3))',
    ],
  ])('ends while it %s', async (_, body) => {
    const controller = new AbortController();
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const stdio = { stdin: gate().stdin, stdout: { kind: 'write', write: () => begin() } } as const;
    const running = runSuspended(start(`(call $tell) ${body}`), { stdio, signal: controller.signal });
    await begun;
    // It goes on from there until it waits, and nobody else has a turn before.
    await turnsOfLoop(1);
    controller.abort();
    expect((await running).outcome).toMatchObject(aborted);
  });

  it('closes what it has open', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), 'text');
    const module = `(module
      (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      ${WAITING} (data (i32.const 16) "file")
      (func (export "_start")
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
          (i32.const 0) (i32.const 8)))
        (call $wait)))`;
    const controller = new AbortController();
    const preopens = [{ kind: 'host', hostPath: directory, guestPath: '.' }] as const;
    const running = runSuspended(module, {
      plan: { preopens },
      stdio: { stdin: gate().stdin },
      signal: controller.signal,
    });
    while (openBelow(directory).length < 2) await turnsOfLoop(1);
    controller.abort();
    expect((await running).outcome).toMatchObject(aborted);
    expect(openBelow(directory)).toEqual([]);
  });

  it('ends whenever it is told to, and leaves nothing', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'file'), 'text');
    const module = `(module
      (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      ${WAITING} (data (i32.const 16) "file")
      (func (export "_start") (local $n i32)
        (loop $l
          (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
            (i32.const 0) (i32.const 8)))
          (call $tell) (drop (call $yield)) (call $sleep (i64.const 100000)) (call $tell)
          (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 4))))))`;
    const preopens = [{ kind: 'host', hostPath: directory, guestPath: '.' }] as const;
    const stdout = { kind: 'write', write: () => new Promise<void>(setImmediate) } as const;
    const endings = new Set<string>();
    for (let turns = 0; turns < 60; turns++) {
      const controller = new AbortController();
      const running = runSuspended(module, { plan: { preopens }, stdio: { stdout }, signal: controller.signal });
      await turnsOfLoop(turns);
      controller.abort();
      const { outcome } = await running;
      endings.add(outcome.kind === 'failed' ? outcome.failure.code : outcome.kind);
      expect(openBelow(directory)).toEqual([]);
    }
    expect([...endings].filter((ending) => !['ERR_GUEST_ABORTED', 'returned'].includes(ending))).toEqual([]);
    expect(endings).toContain('ERR_GUEST_ABORTED');
  });

  it('never begins where it was to end before, or waits for its turn', async () => {
    const over = await runSuspended(start('unreachable'), { signal: AbortSignal.abort() });
    expect(over.outcome).toMatchObject(aborted);
    const room = new GuestRoom(1);
    const { stdin, asked, open } = gate();
    const first = runSuspended(start('(call $wait)'), { room, stdio: { stdin } });
    await asked;
    const controller = new AbortController();
    const second = runSuspended(start('unreachable'), { room, signal: controller.signal });
    while (room.waiting < 1) await turnsOfLoop(1);
    const third = runSuspended(start('(call $exit (i32.const 4))'), { room });
    while (room.waiting < 2) await turnsOfLoop(1);
    expect([room.used, room.waiting]).toEqual([1, 2]);
    controller.abort();
    expect((await second).outcome).toMatchObject(aborted);
    open();
    expect((await first).outcome).toMatchObject({ kind: 'returned' });
    expect((await third).outcome).toMatchObject({ kind: 'exited', exitCode: 4 });
    expect([room.used, room.waiting]).toEqual([0, 0]);
  });
});

describe('turns of guests', () => {
  it('come in order, one at a time', async () => {
    const turns = new GuestTurns();
    const order: string[] = [];
    const guest = async (name: string) => {
      for (let turn = 1; turn <= 3; turn++) {
        await turns.next();
        order.push(`${name}${turn} begins`);
        await Promise.resolve();
        order.push(`${name}${turn} ends`);
        turns.end();
      }
    };
    await Promise.all([guest('a'), guest('b')]);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3'].flatMap((turn) => [`${turn} begins`, `${turn} ends`]));
    expect(turns.waiting).toBe(0);
  });

  it('leave the event loop to others when they have lasted', async () => {
    const turns = new GuestTurns();
    const long = async () => {
      await turns.next();
      for (const startMs = performance.now(); !turns.isOver && performance.now() - startMs < 60_000; );
      const { isOver } = turns;
      turns.end();
      return isOver;
    };
    let immediates = 0;
    const count = () => {
      immediates += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    expect(await Promise.all(Array.from({ length: 10 }, long))).toEqual(Array(10).fill(true));
    clearImmediate(next);
    expect(immediates).toBeGreaterThanOrEqual(9);
  });
});

describe('room for guests', () => {
  it('is for as many memories as it was made for, and for one guest of more', async () => {
    const plan = (memories: number) =>
      ({ program: { shape: { memories: Array(memories), imports: [] } }, preloads: [] }) as unknown as GuestPlan;
    const [none, one, three, nine] = [plan(0), plan(1), plan(3), plan(9)];
    const room = new GuestRoom(4);
    expect([await room.enter(one), await room.enter(three)]).toEqual([1, 3]);
    const entered: number[] = [];
    const waiting = [room.enter(nine), room.enter(none)].map((entering) =>
      entering.then((weight) => entered.push(weight)),
    );
    await turnsOfLoop(3);
    expect([entered, room.waiting]).toEqual([[], 2]);
    room.leave(1);
    await turnsOfLoop(3);
    // Whoever comes later does not overtake.
    expect(entered).toEqual([]);
    room.leave(3);
    await turnsOfLoop(3);
    expect(entered).toEqual([4]);
    room.leave(4);
    await Promise.all(waiting);
    expect([entered, room.used]).toEqual([[4, 1], 1]);
  });
});

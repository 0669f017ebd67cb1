/** What the host makes of a child that says what none of ours would: native code in it may have been taken over. */
import { describe, expect, it } from 'vitest';
import type { NotBegun } from '../../src/pool/process-attempt.ts';
import type { ChildListener, GuestChild } from '../../src/pool/process-child.ts';
import { readMessage } from '../../src/pool/process-message.ts';
import { ProcessRun } from '../../src/pool/process-run.ts';
import type { ProcessOrder } from '../../src/worker/guest-process-messages.ts';
import { answering, request, type TestRequest } from './process-guests.ts';

const DIED = { exitCode: null, signal: 'SIGKILL' } as const;
const USAGE = {
  ...{ cpuMs: 1, peakMemoryBytes: 65536, bytesRead: 0, bytesWritten: 3 },
  ...{ phases: { guest: { count: 1, wallMs: 2 } }, loads: { hits: 0, misses: 0 } },
};
const ENDED = { type: 'ended', outcome: { kind: 'returned', results: [] }, usage: USAGE };

/** A child of which only the words are there. */
class SpeakingChild {
  readonly known = { modules: new Set<string>(), graphs: new Set<number>() };
  readonly orders: ProcessOrder[] = [];
  readonly unreadBytes = 0;
  runs = 0;
  listener: ChildListener | undefined;
  isKilled = false;
  readonly #speak: (child: SpeakingChild, run: number) => void;
  readonly #die: (child: SpeakingChild, run: number) => void;

  constructor(
    speak: (child: SpeakingChild, run: number) => void,
    die: (child: SpeakingChild, run: number) => void = () => {},
  ) {
    this.#speak = speak;
    this.#die = die;
  }

  get #run(): number {
    return this.orders.find((order) => order.type === 'run')?.run ?? -1;
  }

  listen(listener: ChildListener | undefined): void {
    this.listener = listener;
  }
  send(order: ProcessOrder): void {
    this.orders.push(order);
    if (order.type === 'run') queueMicrotask(() => this.#speak(this, order.run));
  }
  kill(): void {
    if (this.isKilled) return;
    this.isKilled = true;
    queueMicrotask(() => {
      this.#die(this, this.#run);
      this.listener?.lost(DIED);
    });
  }

  /** @param message as it would have it in a head */
  say(message: unknown, body: string | Uint8Array = ''): void {
    try {
      const head = Buffer.from(JSON.stringify(message));
      this.listener?.hear(readMessage(head, Buffer.from(body)), head.byteLength);
    } catch (error) {
      this.isKilled = true;
      this.listener?.distrust(error);
    }
  }
  begin(run: number): void {
    this.say({ type: 'accepted', run });
    this.relay(run, { type: 'started', atMs: 1 });
  }
  relay(run: number, message: unknown): void {
    this.say({ type: 'relay', run, message });
  }
}

async function runOn(child: SpeakingChild, options: TestRequest = {}, patienceMs = 600_000) {
  const given = { processes: 1, patienceMs, onGraphAsked: () => {} };
  const run = new ProcessRun(await request(answering(1), options), {}, given);
  try {
    return await run.on(child as unknown as GuestChild);
  } finally {
    run.close();
  }
}

const sink = (pieces: Uint8Array[]) => ({
  stdio: { stdout: { kind: 'write', write: (bytes: Uint8Array) => void pieces.push(bytes) } as const },
});

const output = (run: number, byteLength: unknown = 1, stream: unknown = 'stdout') => ({
  ...{ type: 'output', run, pieces: [{ stream, byteLength }] },
});

describe('a child', () => {
  it.each<[string, (run: number) => unknown]>([
    ['nothing', () => null],
    ['a number', () => 5],
    ['that it is ready, again', () => ({ type: 'ready' })],
    ['something of no type', (run) => ({ run })],
    ['something of a type of prototypes', (run) => ({ type: 'toString', run })],
    ['something about another run', (run) => output(run + 1)],
    ['output without pieces', (run) => ({ type: 'output', run })],
    ['output whose pieces are text', (run) => ({ type: 'output', run, pieces: '' })],
    ['output whose pieces are no list', (run) => ({ type: 'output', run, pieces: {} })],
    ['output of another stream', (run) => output(run, 1, 'x')],
    ['output of the prototype', (run) => output(run, 1, '__proto__')],
    ['output that nobody is to get', (run) => output(run, 1, 'stderr')],
    ['output of more bytes than come', (run) => output(run, 2)],
    ['output of fewer bytes than come', (run) => ({ type: 'output', run, pieces: [] })],
    ['output of less than nothing', (run) => output(run, -1)],
    ['a need of nothing', (run) => ({ type: 'need', run })],
    ['a need of what it has', (run) => ({ type: 'need', run, modules: ['x'], graphs: [] })],
    ['that it accepts, again', (run) => ({ type: 'accepted', run })],
    ['that it has flushed what nobody asked for', (run) => ({ type: 'flushed', run })],
    ['a guest that says nothing', (run) => ({ type: 'relay', run })],
    ['that the guest begins, again', (run) => ({ type: 'relay', run, message: { type: 'started', atMs: 1 } })],
    [
      'a part of a timeline that nobody wants',
      (run) => ({ type: 'relay', run, message: { type: 'entries', entries: [] } }),
    ],
    [
      'a refusal that nobody wants',
      (run) => ({ type: 'relay', run, message: { type: 'refused', refusal: { call: 'load', errno: 1, reason: '' } } }),
    ],
    ['a call of a text', (run) => ({ type: 'call', run, call: 0, target: '__proto__', method: 'read', args: [] })],
    ['a call without arguments', (run) => ({ type: 'call', run, call: 0, target: 0, method: 'close' })],
    ['a failure by a code of its own', (run) => ({ type: 'failed', run, code: { a: 1 }, message: '' })],
    ['a failure without words', (run) => ({ type: 'failed', run, message: { toString: 1 } })],
  ])('that says %s is taken for crashed, and killed', async (_, message) => {
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      self.say(message(run), 'x');
    });
    await expect(runOn(child, sink([]))).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_GUEST_CRASHED' });
    expect(child.isKilled).toBe(true);
  });

  const failed = (failure: unknown) => ({
    outcome: { kind: 'failed', failure, phase: { at: 'invoke' } },
    usage: USAGE,
  });
  const used = (usage: object) => ({ ...ENDED, usage: { ...USAGE, ...usage } });
  const span = (of: object) => used({ spans: [{ name: 'load', startMs: 1, endMs: 2, ...of }] });
  it.each<[string, object]>([
    ['nothing', {}],
    ['no usage', { outcome: ENDED.outcome }],
    ['no outcome', { usage: USAGE }],
    ['another outcome', { ...ENDED, outcome: { kind: 'weird' } }],
    ['results that are none', { ...ENDED, outcome: { kind: 'returned', results: 5 } }],
    ['an exit code that is none', { ...ENDED, outcome: { kind: 'exited', exitCode: -1, phase: {}, backtrace: [] } }],
    ['a code of its own', failed({ code: 'ERR_MINE', message: '', backtrace: [] })],
    ['a code of the prototype', failed({ code: 'constructor', message: '', backtrace: [] })],
    ['a backtrace that is none', failed({ code: 'ERR_GUEST_TRAP', message: '', backtrace: 7 })],
    ['less time than none', used({ cpuMs: -5 })],
    ['time that is none', used({ cpuMs: 'x' })],
    ['memory that is none', used({ peakMemoryBytes: 'abc' })],
    ['bytes that are no number', used({ bytesRead: null })],
    ['phases that are none', used({ phases: 5 })],
    ['a phase of its own', used({ phases: { mine: { count: 1, wallMs: 1 } } })],
    ['a phase of the prototype', used({ phases: JSON.parse('{"__proto__":{"count":1,"wallMs":1}}') })],
    ['spans that are none', used({ spans: 7 })],
    ['a span of its own', span({ name: 'mine' })],
    ['a span that ends before it begins', span({ endMs: 0 })],
    ['a span with operations, which come before', span({ operations: [] })],
    ['a span beyond all times', span({ endMs: 1e300 })],
    ['a detail of a length beyond all', span({ detail: { graph: 'x'.repeat(100_000) } })],
    ['a detail that is none', span({ detail: { graph: {} } })],
    ['what was left out as less than nothing', used({ leftOut: { spans: -3, operations: 0 } })],
  ])('whose guest ends with %s is taken for crashed', async (_, ended) => {
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      self.relay(run, { type: 'ended', ...ended });
    });
    const report = runOn(child, { plan: { record: 'timeline' } });
    await expect(report).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_GUEST_CRASHED' });
    expect(child.isKilled).toBe(true);
  });

  it('says errnos by their own names alone', async () => {
    const detail = { errno: 8, errnoName: 'mine' };
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      const spans = [{ name: 'load', startMs: 1, endMs: 2, detail }];
      self.relay(run, { ...ENDED, usage: { ...USAGE, spans: [...spans, { ...spans[0], detail: { errno: 999 } }] } });
    });
    const { usage } = await runOn(child, { plan: { record: 'spans' } });
    expect(usage.spans?.map((one) => one.detail)).toEqual([
      { errno: 8, errnoName: 'not_found' },
      { errno: 999, errnoName: 'unknown' },
    ]);
  });

  it('that sends more than its window has is taken for crashed', async () => {
    let given = 0;
    const write = (bytes: Uint8Array) => {
      given += bytes.byteLength;
      return new Promise<void>(() => {});
    };
    const piece = new Uint8Array(2 ** 20);
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      for (let times = 0; times < 1000 && !self.isKilled; times++) self.say(output(run, piece.byteLength), piece);
    });
    const run = runOn(child, { stdio: { stdout: { kind: 'write', write } } });
    await expect(run).rejects.toMatchObject({ code: 'ERR_GUEST_CRASHED' });
    expect(given).toBeLessThanOrEqual(3 * piece.byteLength);
  });

  it('that asks for a module again is taken for crashed', async () => {
    const child = new SpeakingChild((self, run) => {
      const order = self.orders[0];
      const modules = order?.type === 'run' ? [order.task.plan.program.key] : [];
      for (let times = 0; times < 1000 && !self.isKilled; times++) self.say({ type: 'need', run, modules, graphs: [] });
    });
    await expect(runOn(child)).rejects.toMatchObject({ code: 'ERR_GUEST_CRASHED' });
    expect(child.orders.filter(({ type }) => type === 'supply')).toHaveLength(1);
  });

  it('that calls again before it is answered is taken for crashed', async () => {
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      for (const call of [0, 1]) self.say({ type: 'call', run, call, target: 0, method: 'read', args: [1] });
    });
    await expect(runOn(child)).rejects.toMatchObject({ code: 'ERR_GUEST_CRASHED' });
  });

  it('that calls what was not given to its guest is answered with an error', async () => {
    const calls = [
      { target: 0, method: 'read', args: [1] },
      { target: -1, method: 'read', args: [1] },
      { target: 0, method: 'constructor', args: [] },
      { target: 0, method: 'close', args: [] },
    ];
    const child = new SpeakingChild(async (self, run) => {
      self.begin(run);
      for (const [call, what] of calls.entries()) {
        self.say({ type: 'call', run, call, ...what });
        await new Promise(setImmediate);
      }
      self.relay(run, { type: 'error', message: 'the end' });
    });
    await expect(runOn(child)).rejects.toThrow('the end');
    const replies = child.orders.flatMap((order) => (order.type === 'answer' ? [order.reply] : []));
    expect(replies).toEqual(calls.map(() => ({ error: expect.any(String) })));
  });

  it('that goes on after the end is killed, and its report stands', async () => {
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      self.relay(run, ENDED);
      self.relay(run, { type: 'error', message: 'of another' });
    });
    expect(await runOn(child)).toMatchObject({ outcome: ENDED.outcome, usage: USAGE });
    expect(child.isKilled).toBe(true);
  });

  it('gives its listener memory of no other piece', async () => {
    const stdout: Uint8Array[] = [];
    const child = new SpeakingChild((self, run) => {
      self.begin(run);
      const pieces = [3, 4].map((byteLength) => ({ stream: 'stdout', byteLength }));
      self.say({ type: 'output', run, pieces }, 'one two');
      self.relay(run, ENDED);
    });
    await runOn(child, sink(stdout));
    expect(stdout.map((bytes) => Buffer.from(bytes.buffer).toString())).toEqual(['one', ' two']);
    expect(child.isKilled).toBe(false);
  });
});

describe('a child that stands still', () => {
  it('is killed, and another may run what it had not accepted', async () => {
    const child = new SpeakingChild(() => {});
    const error = await runOn(child, {}, 1).catch((reason: NotBegun) => reason);
    expect(error).toMatchObject({ message: 'the guest has not begun', isLate: true });
    expect(child.isKilled).toBe(true);
  });

  it.each<[string, (child: SpeakingChild, run: number) => void]>([
    ['accepted it', (child, run) => child.say({ type: 'accepted', run })],
    ['began it', (child, run) => child.begin(run)],
  ])('is killed, and nobody runs again what it may have begun: it %s before it died', async (_, die) => {
    const child = new SpeakingChild(() => {}, die);
    await expect(runOn(child, {}, 1)).rejects.toMatchObject({ code: 'ERR_GUEST_CRASHED' });
  });

  it('after it has accepted a run is taken for crashed', async () => {
    const child = new SpeakingChild((self, run) => self.say({ type: 'accepted', run }));
    await expect(runOn(child, {}, 1)).rejects.toMatchObject({
      code: 'ERR_GUEST_CRASHED',
      message: expect.stringContaining('stood still'),
    });
    expect(child.isKilled).toBe(true);
  });
});

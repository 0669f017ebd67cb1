/** What the host makes of a child that says what none of ours would: native code in it may have been taken over. */
import { describe, expect, it } from 'vitest';
import type { ChildListener, GuestChild } from '../../src/pool/process-child.ts';
import { ProcessRun } from '../../src/pool/process-run.ts';
import type { ProcessMessage, ProcessOrder } from '../../src/worker/guest-process-messages.ts';
import { answering, request, type TestRequest } from './process-guests.ts';

/** A child of which only the words are there. */
class SpeakingChild {
  readonly known = { modules: new Set<string>(), graphs: new Set<number>() };
  readonly orders: ProcessOrder[] = [];
  listener: ChildListener | undefined;
  isKilled = false;
  readonly #speak: (child: SpeakingChild, run: number) => void;

  constructor(speak: (child: SpeakingChild, run: number) => void) {
    this.#speak = speak;
  }

  listen(listener: ChildListener | undefined): void {
    this.listener = listener;
  }
  send(order: ProcessOrder): void {
    this.orders.push(order);
    if (order.type === 'run') queueMicrotask(() => this.#speak(this, order.run));
  }
  kill(): void {
    this.isKilled = true;
  }
  say(message: unknown): void {
    this.listener?.hear(message as ProcessMessage);
  }
}

async function runOn(child: SpeakingChild, options: TestRequest = {}) {
  const run = new ProcessRun(await request(answering(1), options), {}, 1);
  try {
    return await run.on(child as unknown as GuestChild);
  } finally {
    run.close();
  }
}

describe('a child', () => {
  it.each<[string, (run: number) => unknown]>([
    ['nothing', () => null],
    ['output without pieces', (run) => ({ type: 'output', run })],
    [
      'output of another stream',
      (run) => ({ type: 'output', run, pieces: [{ stream: 'x', bytes: new Uint8Array(1) }] }),
    ],
    [
      'output of the prototype',
      (run) => ({ type: 'output', run, pieces: [{ stream: 'toString', bytes: new Uint8Array() }] }),
    ],
    ['output of no bytes', (run) => ({ type: 'output', run, pieces: [{ stream: 'stdout', bytes: 'text' }] })],
    ['a need of nothing', (run) => ({ type: 'need', run })],
    ['a guest that says nothing', (run) => ({ type: 'relay', run })],
  ])('that says %s is taken for crashed, and killed', async (_, message) => {
    const child = new SpeakingChild((self, run) => self.say(message(run)));
    await expect(runOn(child)).rejects.toMatchObject({ name: 'PoolError', code: 'ERR_GUEST_CRASHED' });
    expect(child.isKilled).toBe(true);
  });

  it('that calls what was not given to its guest is answered with an error', async () => {
    const calls = [
      { target: 0, method: 'read', args: [1] },
      { target: -1, method: 'read', args: [1] },
      { target: '__proto__', method: 'constructor', args: [] },
      { target: 0, method: 'close' },
    ];
    const child = new SpeakingChild((self, run) => {
      for (const [call, what] of calls.entries()) self.say({ type: 'call', run, call, ...what });
      setImmediate(() => self.say({ type: 'relay', run, message: { type: 'error', message: 'the end' } }));
    });
    await expect(runOn(child)).rejects.toThrow('the end');
    const replies = child.orders.flatMap((order) => (order.type === 'answer' ? [order.reply] : []));
    expect(replies).toEqual(calls.map(() => ({ error: expect.any(String) })));
  });

  it('is not heard about runs that it does not have', async () => {
    const stdout: Uint8Array[] = [];
    const sink = { kind: 'write', write: (bytes: Uint8Array) => void stdout.push(bytes) } as const;
    const child = new SpeakingChild((self, run) => {
      const pieces = [{ stream: 'stdout', bytes: new Uint8Array(3) }];
      self.say({ type: 'output', run: run - 1, pieces });
      self.say({ type: 'relay', run: run + 1, message: { type: 'error', message: 'of another' } });
      self.say({ type: 'output', run, pieces });
      self.say({ type: 'relay', run, message: { type: 'ended', outcome: { kind: 'returned', results: [] } } });
    });
    expect((await runOn(child, { stdio: { stdout: sink } })).outcome).toEqual({ kind: 'returned', results: [] });
    expect([stdout.length, child.isKilled]).toEqual([1, false]);
  });

  it('gives its listener memory of no other piece', async () => {
    const stdout: Uint8Array[] = [];
    const sink = { kind: 'write', write: (bytes: Uint8Array) => void stdout.push(bytes) } as const;
    const child = new SpeakingChild((self, run) => {
      const bytes = Buffer.from('one message').subarray(0, 3);
      self.say({ type: 'output', run, pieces: [{ stream: 'stdout', bytes }] });
      self.say({ type: 'relay', run, message: { type: 'ended', outcome: { kind: 'returned', results: [] } } });
    });
    await runOn(child, { stdio: { stdout: sink } });
    expect(stdout.map((bytes) => Buffer.from(bytes.buffer).toString())).toEqual(['one']);
  });
});

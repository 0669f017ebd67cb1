/** What a child process tells of the spans of a run: in parts, bounded in sum, and put together again. */
import { describe, expect, it } from 'vitest';
import type { RunSpan } from '../../src/engine/run-report.ts';
import { ReceivedEntries } from '../../src/pool/process-entries.ts';
import { readMessage } from '../../src/pool/process-message.ts';
import { encodeMessage, MESSAGE_LIMITS } from '../../src/worker/guest-process-encoding.ts';
import { EntrySender } from '../../src/worker/guest-process-entries.ts';
import { MOST_ENTRY_BYTES, type SentEntry } from '../../src/worker/guest-process-messages.ts';

const usage = {
  ...{ cpuMs: 1, peakMemoryBytes: 0, bytesRead: 0, bytesWritten: 0 },
  ...{ phases: {}, loads: { hits: 0, misses: 0 } },
};
const computation = (count: number, name = 'operation'): RunSpan => ({
  ...{ name: 'compute', startMs: 1, endMs: 2 },
  operations: Array.from({ length: count }, (_, index) => ({
    ...{ name: `${name} ${index}`, type: 'Convolution', implementation: 'jit', wallMs: 1, cpuMs: 1 },
  })),
});
const sample = { atMs: 1, guestBytes: 2, residentBytes: 3 };

/** What is sent is read as it comes from a child. */
function passing(received: ReceivedEntries) {
  let sentBytes = 0;
  const sender = new EntrySender((entries) => {
    const { kind, head } = encodeMessage({ type: 'relay', run: 1, message: { type: 'entries', entries } });
    const bytes = Buffer.from(head);
    expect(kind).toBe('long');
    expect(bytes.byteLength).toBeLessThanOrEqual(MESSAGE_LIMITS.long.headBytes);
    const message = readMessage(bytes, Buffer.alloc(0));
    if (message.type !== 'relay' || message.message.type !== 'entries') throw new Error(message.type);
    received.add(message.message.entries, bytes.byteLength);
    sentBytes += bytes.byteLength;
    return bytes.byteLength;
  });
  return { sender, sentBytes: () => sentBytes };
}

describe('the entries of a run', () => {
  it('come as they were recorded', () => {
    const received = new ReceivedEntries('timeline');
    const { sender } = passing(received);
    const spans = [computation(3), computation(1_000), computation(0)];
    for (const span of spans) sender.add({ span });
    sender.add({ sample });
    const rest = sender.rest({ ...usage, spans, memory: [sample] });
    const bare = { name: 'compute', startMs: 1, endMs: 2 };
    expect(rest).toEqual({ ...usage, spans: [], memory: [] });
    expect(received.complete(rest)).toEqual({ ...usage, spans: [spans[0], spans[1], bare], memory: [sample] });
  });

  it('come before the end where nobody waits for them, but for the last', () => {
    const received = new ReceivedEntries('spans');
    const { sender } = passing(received);
    const spans = Array.from({ length: 1_000 }, (_, startMs) => ({ name: 'load', startMs, endMs: startMs }) as const);
    const rest = sender.rest({ ...usage, spans });
    expect(rest.spans?.length).toBeLessThan(100);
    expect(received.complete(rest)).toEqual({ ...usage, spans });
  });

  it.each(['\u0001', '\ud800', '€'])('come with whatever a model names its operations: %j', (character) => {
    const received = new ReceivedEntries('timeline');
    const { sender } = passing(received);
    sender.add({ span: computation(500, character.repeat(10_000)) });
    const { spans, leftOut } = received.complete(sender.rest({ ...usage, spans: [] }));
    expect(spans?.map(({ operations }) => operations?.length)).toEqual([500]);
    expect(leftOut).toBeUndefined();
  });

  it('are left out, and counted, beyond what may be sent', () => {
    const received = new ReceivedEntries('timeline');
    const { sender, sentBytes } = passing(received);
    const span = computation(4_000, 'x'.repeat(1_000));
    const count = 40;
    for (let times = 0; times < count; times++) sender.add({ span });
    const { spans = [], leftOut } = received.complete(sender.rest({ ...usage, spans: [] }));
    const kept = spans.reduce((total, { operations = [] }) => total + operations.length, 0);
    expect(sentBytes()).toBeLessThanOrEqual(MOST_ENTRY_BYTES);
    expect(kept).toBeGreaterThan(0);
    expect(leftOut).toEqual({ spans: count - spans.length, operations: count * 4_000 - kept });
    expect(leftOut?.operations).toBeGreaterThan(0);
  });
});

describe('entries of a child that was taken over', () => {
  const span = { name: 'load', startMs: 1, endMs: 1 } as const;
  it.each<[string, 'phases' | 'spans' | 'timeline', SentEntry[], number]>([
    ['that nobody asked for', 'phases', [{ span }], 1],
    ['of memory that nobody asked for', 'spans', [{ sample }], 1],
    ['that are none', 'timeline', [], 1],
    ['with operations of no span', 'timeline', [{ operations: [] }], 1],
    ['with operations of a sample', 'timeline', [{ span }, { sample }, { operations: [] }], 1],
    ['of more bytes than any run has', 'timeline', [{ span }], MOST_ENTRY_BYTES + 1],
  ])('%s are refused', (_, level, entries, headBytes) => {
    expect(() => new ReceivedEntries(level).add(entries, headBytes)).toThrow(Error);
  });

  it.each([
    ['phases', { spans: [] }],
    ['phases', { memory: [] }],
    ['spans', { memory: [] }],
  ] as const)('are refused at the end of a run with %s alone', (level, more) => {
    expect(() => new ReceivedEntries(level).check({ ...usage, ...more })).toThrow(Error);
  });

  it('are refused in sum', () => {
    const received = new ReceivedEntries('timeline');
    received.add([{ span }], MOST_ENTRY_BYTES);
    expect(() => received.add([{ span }], 1)).toThrow(Error);
  });
});

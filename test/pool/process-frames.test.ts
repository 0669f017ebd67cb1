/** How what passes between a host and its child is cut into messages. */
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../src/pool/process-message.ts';
import { encodeMessage } from '../../src/worker/guest-process-encoding.ts';
import { FrameReader, framePrefix } from '../../src/worker/guest-process-frames.ts';
import type { ProcessMessage } from '../../src/worker/guest-process-messages.ts';

const frame = (head: string, body = '') =>
  Buffer.concat([framePrefix('output', head.length, body.length), Buffer.from(head + body)]);

describe('frames', () => {
  const sent = [
    ['one', 'body'],
    ['', ''],
    ['two', ''],
    ['', 'body alone'],
    ['x'.repeat(100), 'y'.repeat(50)],
  ] as const;
  const bytes = Buffer.concat(sent.map(([head, body]) => frame(head, body)));

  it.each([1, 2, 3, 5, 7, 8, 11, 12, 13, 64, bytes.byteLength])('are found in pieces of %i bytes', (pieceBytes) => {
    const heard: [string, string][] = [];
    const reader = new FrameReader((head, body) => heard.push([head.toString(), body.toString()]));
    for (let start = 0; start < bytes.byteLength; start += pieceBytes) {
      reader.push(bytes.subarray(start, start + pieceBytes));
    }
    expect(heard).toEqual(sent);
  });

  it.each([
    ['head', [11, 0]],
    ['body', [0, 21]],
    ['lengths beyond all', [0xffff_ffff, 0xffff_ffff]],
  ] as const)('are refused for a %s that is too long, before it comes', (_, [headBytes, bodyBytes]) => {
    const reader = new FrameReader(() => {}, { output: { headBytes: 10, bodyBytes: 20 } });
    reader.push(frame('x'.repeat(10), 'y'.repeat(20)));
    expect(() => reader.push(framePrefix('output', headBytes, bodyBytes))).toThrow(RangeError);
  });

  it.each([
    ['that is not there', Buffer.alloc(12, 5)],
    ['that does not come from there', framePrefix('order', 0, 0)],
  ])('are refused for a kind %s', (_, prefix) => {
    const reader = new FrameReader(() => {}, { brief: { headBytes: 10, bodyBytes: 0 } });
    reader.push(framePrefix('brief', 0, 0));
    expect(() => reader.push(prefix)).toThrow(RangeError);
  });
});

const read = (message: ProcessMessage) => {
  const { head, body } = encodeMessage(message);
  return readMessage(Buffer.from(head), Buffer.concat(body));
};

describe('a message', () => {
  const usage = {
    ...{ cpuMs: undefined, peakMemoryBytes: 1, bytesRead: 2, bytesWritten: 3 },
    ...{ phases: { load: { count: 1, wallMs: 0.5 } }, loads: { hits: 1, misses: 0 } },
  };
  it.each<[string, ProcessMessage]>([
    ['of a child that is ready', { type: 'ready' }],
    ['of output', { type: 'output', run: 1, pieces: [{ stream: 'stderr', bytes: Uint8Array.of(0, 255) }] }],
    ['of a need', { type: 'need', run: 1, modules: ['key'], graphs: [7] }],
    [
      'of a call',
      {
        ...{ type: 'call', run: 1, call: 2, target: 3, method: 'writeAt' },
        args: [Uint8Array.of(1, 2), -5n, 2n ** 64n - 1n, Number.POSITIVE_INFINITY, undefined, 'text', { create: true }],
      },
    ],
    ['of a failure', { type: 'failed', run: 1, code: 'ERR_MODULE_COMPILE', message: 'é\u2028' }],
    [
      'of an exit',
      {
        ...{ type: 'relay', run: 1 },
        message: {
          ...{ type: 'ended', usage },
          outcome: { kind: 'exited', exitCode: 2 ** 32 - 1, phase: { at: 'invoke' }, backtrace: ['frame'] },
        },
      },
    ],
    [
      'of a trap',
      {
        ...{ type: 'relay', run: 1 },
        message: {
          ...{ type: 'ended', usage },
          outcome: {
            kind: 'failed',
            failure: { code: 'ERR_GUEST_TRAP', message: 'trap', backtrace: [] },
            phase: { at: 'preload', name: 'lib' },
          },
        },
      },
    ],
  ])('%s comes as it was sent', (_, message) => {
    expect(read(message)).toEqual(message);
  });

  it('of a failure that is too long comes cut', () => {
    const message: ProcessMessage = { type: 'failed', run: 1, code: undefined, message: 'é'.repeat(2 ** 20) };
    expect(read(message)).toMatchObject({ type: 'failed', message: expect.stringMatching(/^é+$/) });
  });

  it('of a call that is too long does not pass', () => {
    const call: ProcessMessage = {
      type: 'call',
      run: 1,
      call: 2,
      target: 3,
      method: 'open',
      args: ['x'.repeat(2 ** 16)],
    };
    expect(() => read(call)).toThrow(RangeError);
  });
});

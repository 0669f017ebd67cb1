import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import type { NnCall } from '../../../src/nn/index.ts';
import { AT, smallModel, TestGuest, utf8 } from './guest.ts';

function observedGuest(options: ConstructorParameters<typeof TestGuest>[0] = {}) {
  const calls: NnCall[] = [];
  const onCall = (call: NnCall) => calls.push(call);
  return { guest: new TestGuest({ ...options, nn: { ...options.nn, onCall } }), calls };
}

describe('a guest whose calls are observed', () => {
  it('has each call told in its order, with what it was about', () => {
    const { guest, calls } = observedGuest();
    const context = guest.contextOf('relu');
    guest.setInput(context);
    guest.call('compute', [context]);
    guest.getOutput(context, 16);
    const byteLength = smallModel('relu').reduce((total, bytes) => total + bytes.byteLength, 0);
    expect(calls.map(({ name, errno, detail }) => ({ name, errno, detail }))).toEqual([
      { name: 'load', errno: 0, detail: { encoding: 'openvino', byteLength } },
      { name: 'init_execution_context', errno: 0, detail: undefined },
      { name: 'set_input', errno: 0, detail: { index: 0, byteLength: 16 } },
      { name: 'compute', errno: 0, detail: undefined },
      { name: 'get_output', errno: 0, detail: { index: 0, byteLength: 16 } },
    ]);
  });

  it('has times on one clock, each call after the one before', () => {
    const { guest, calls } = observedGuest();
    const before = performance.timeOrigin + performance.now();
    guest.contextOf('relu');
    const after = performance.timeOrigin + performance.now();
    const times = calls.flatMap(({ startMs, endMs }) => [startMs, endMs]);
    expect(times).toHaveLength(4);
    expect([before, ...times, after]).toEqual([before, ...times, after].sort((a, b) => a - b));
  });

  it('has refused calls told, and nothing of one call in the next', () => {
    const { guest, calls } = observedGuest();
    const context = guest.contextOf('relu');
    calls.length = 0;
    expect(guest.setInput(context, 7)).toBe(ERRNO.runtime_error);
    expect(guest.call('compute', [99])).toBe(ERRNO.unsupported_operation);
    expect(calls.map(({ name, errno, detail }) => ({ name, errno, detail }))).toEqual([
      { name: 'set_input', errno: ERRNO.runtime_error, detail: { index: 7, byteLength: 16 } },
      { name: 'compute', errno: ERRNO.unsupported_operation, detail: undefined },
    ]);
  });

  it('tells the name that a graph was asked for by, cut where it is long', () => {
    const { guest, calls } = observedGuest();
    guest.write(AT.name, utf8('n'.repeat(300)));
    guest.call('load_by_name', [AT.name, 8, AT.graph]);
    guest.call('load_by_name', [AT.name, 300, AT.graph]);
    expect(calls.map(({ detail }) => detail?.graph)).toEqual(['nnnnnnnn', `${'n'.repeat(80)}…`]);
  });

  it('asks graphs for the times of their operations only where it is told to', () => {
    for (const profile of [true, false]) {
      const { guest } = observedGuest({ nn: { profile } });
      guest.load('relu');
      expect(guest.backend.loads.map((options) => options.profile ?? false)).toEqual([profile]);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { type RecordedEntry, RunRecorder } from '../../src/engine/run-recorder.ts';
import type { RecordLevel } from '../../src/engine/run-report.ts';
import type { NnCall } from '../../src/nn/index.ts';

const ELSEWHERE = { cpuMs: undefined, bytesRead: 3, bytesWritten: 4 };

function call(name: string, startMs: number, endMs: number, more: Partial<NnCall> = {}): NnCall {
  return { name, startMs, endMs, errno: 0, detail: undefined, operations: undefined, ...more };
}

function recorder(level?: RecordLevel, guestBytes = () => 65_536) {
  return new RunRecorder({ level, guestBytes });
}

describe('a recorder of phases', () => {
  it('counts and adds up, and keeps nothing else', () => {
    const run = recorder();
    run.onCall(call('compute', 10, 12));
    run.onCall(call('compute', 20, 23));
    run.onCall(call('load', 0, 5, { detail: { isHit: true } }));
    run.onCall(call('load', 5, 6, { detail: { isHit: false } }));
    run.onCall(call('load', 6, 7));
    run.onCall(call('load', 7, 8, { errno: 5 }));
    run.note('instantiate', 0, 4);
    expect(run.usage(ELSEWHERE)).toEqual({
      ...ELSEWHERE,
      peakMemoryBytes: 65_536,
      phases: {
        compute: { count: 2, wallMs: 5 },
        load: { count: 4, wallMs: 8 },
        instantiate: { count: 1, wallMs: 4 },
      },
      loads: { hits: 1, misses: 2 },
    });
  });

  it('has the calls of other hosts under the names of the specification', () => {
    const run = recorder();
    for (const name of ['load_by_name_with_config', 'load_by_name', 'unload', 'unload_graph', 'no_such_call']) {
      run.onCall(call(name, 0, 1));
    }
    expect(run.usage(ELSEWHERE).phases).toEqual({
      load_by_name: { count: 2, wallMs: 2 },
      unload: { count: 2, wallMs: 2 },
    });
  });

  it('times an action that throws, too', () => {
    const run = recorder();
    expect(run.time('instantiate', () => 7)).toBe(7);
    expect(() =>
      run.time('instantiate', () => {
        throw new RangeError('of the guest');
      }),
    ).toThrow(RangeError);
    expect(run.usage(ELSEWHERE).phases.instantiate?.count).toBe(2);
  });
});

describe('a recorder of spans', () => {
  it('keeps each with its details, and names the errno of a refused call', () => {
    const run = recorder('spans');
    run.onCall(call('set_input', 1, 2, { detail: { index: 0, byteLength: 16 } }));
    run.onCall(call('compute', 2, 3, { errno: 5 }));
    const { spans, memory, leftOut } = run.usage(ELSEWHERE);
    expect(spans).toEqual([
      { name: 'set_input', startMs: 1, endMs: 2, detail: { index: 0, byteLength: 16 } },
      { name: 'compute', startMs: 2, endMs: 3, detail: { errno: 5, errnoName: 'runtime_error' } },
    ]);
    expect([memory, leftOut]).toEqual([undefined, undefined]);
  });

  it('keeps no operations, which are for a timeline', () => {
    const run = recorder('spans');
    const operations = [{ name: 'a', type: 'Relu', implementation: 'jit', wallMs: 1, cpuMs: 1 }];
    run.onCall(call('compute', 2, 3, { operations }));
    expect(run.usage(ELSEWHERE).spans).toEqual([{ name: 'compute', startMs: 2, endMs: 3 }]);
  });

  it.each([
    ['spans', 1_000],
    ['timeline', 20_000],
  ] as const)('of level %s keeps %i of what a guest does without end, and tells how much is missing', (level, most) => {
    const run = recorder(level);
    for (let at = 0; at < most + 500; at++) run.onCall(call('compute', at, at + 1));
    run.note('guest', 0, 1e6);
    const { spans, phases, leftOut } = run.usage(ELSEWHERE);
    expect(spans).toHaveLength(most + 1);
    expect(spans?.at(-1)?.name).toBe('guest');
    expect(phases.compute).toEqual({ count: most + 500, wallMs: most + 500 });
    expect(leftOut).toEqual({ spans: 500, operations: 0 });
  });
});

describe('a recorder of a timeline', () => {
  const operations = Array.from({ length: 500 }, (_, index) => ({
    name: `operation ${index}`,
    type: 'Convolution',
    implementation: 'jit',
    wallMs: 0.1,
    cpuMs: 0.1,
  }));

  it('keeps operations up to a bound, whole computations only', () => {
    const run = recorder('timeline');
    for (let at = 0; at < 500; at++) run.onCall(call('compute', at, at + 1, { operations }));
    const { spans = [], leftOut } = run.usage(ELSEWHERE);
    const kept = spans.filter((span) => span.operations !== undefined);
    expect(kept).toHaveLength(400);
    expect(kept.every((span) => span.operations?.length === operations.length)).toBe(true);
    expect(leftOut).toEqual({ spans: 0, operations: 100 * operations.length });
  });

  it('looks at memory with each call, and knows the peak', () => {
    let bytes = 65_536;
    const run = recorder('timeline', () => bytes);
    run.onCall(call('load', 0, 10));
    bytes = 3 * 65_536;
    run.onCall(call('compute', 10, 20));
    const { memory = [], peakMemoryBytes } = run.usage(ELSEWHERE);
    expect(memory.map(({ atMs, guestBytes }) => [atMs, guestBytes])).toEqual([
      [10, 65_536],
      [20, 3 * 65_536],
    ]);
    expect(memory.every(({ residentBytes }) => residentBytes > 2 ** 20)).toBe(true);
    expect(peakMemoryBytes).toBe(3 * 65_536);
  });

  it('has a bounded number of samples, over the whole of a long run', () => {
    const run = recorder('timeline');
    for (let at = 0; at < 30_000; at += 2) run.sample(at);
    const { memory = [] } = run.usage(ELSEWHERE);
    expect(memory.length).toBeGreaterThan(1_000);
    expect(memory.length).toBeLessThanOrEqual(4_000);
    expect(memory[0]?.atMs).toBe(0);
    expect(memory.at(-1)?.atMs).toBeGreaterThan(29_900);
  });

  it('can be followed from another thread', () => {
    const entries: RecordedEntry[] = [];
    const run = new RunRecorder({
      level: 'timeline',
      guestBytes: () => 65_536,
      onEntry: (entry) => entries.push(entry),
    });
    run.onCall(call('load', 0, 10, { detail: { isHit: true, byteLength: 9 } }));
    run.onCall(call('compute', 10, 20, { operations }));
    run.note('guest', 0, 30);
    const follower = new RunRecorder({ level: 'timeline', guestBytes: () => 0 });
    for (const entry of structuredClone(entries)) follower.add(entry);
    expect(follower.usage(ELSEWHERE)).toEqual(run.usage(ELSEWHERE));
  });
});

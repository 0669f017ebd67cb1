import { afterAll, describe, expect, it } from 'vitest';
import { GuestTrapError } from '../../src/errors.ts';
import { Host } from '../../src/host/host.ts';
import { renderTimeline, type TimelineSource } from '../../src/telemetry/timeline.ts';
import type { TraceFile } from '../../src/telemetry/trace-event.ts';
import { traceFaults } from './trace-rules.ts';

const host = new Host();
afterAll(() => host.dispose());

const ASKING = (then: string) => `(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "absent")
  (func (export "_start") (drop (call $load (i32.const 64) (i32.const 6) (i32.const 0))) ${then}))`;

const compiled = (text: string) => host.compile(new TextEncoder().encode(text), { name: 'asking.wat' });

async function trace(source: TimelineSource): Promise<TraceFile> {
  const file = JSON.parse(await renderTimeline(source, 'json')) as TraceFile;
  expect(traceFaults(file)).toEqual([]);
  return file;
}

const names = (file: TraceFile) => file.traceEvents.filter(({ ph }) => ph === 'X').map(({ name }) => name);

describe('the timeline of a run of a host', () => {
  it.each(['calling-thread', 'thread'] as const)('has its phases and calls, in mode %s', async (mode) => {
    const module = await compiled(ASKING(''));
    const { exitCode, usage } = await host.run(module, { timeline: true, mode });
    const file = await trace({ module: module.name, exitCode, usage });
    expect(names(file)).toEqual(expect.arrayContaining(['instantiate', 'guest', 'load_by_name']));
    expect(file.otherData).toMatchObject({ outcome: 'returned', exitCode: 0, mode });
    expect(file.traceEvents.some(({ ph }) => ph === 'C')).toBe(true);
    expect(await renderTimeline({ module: module.name, exitCode, usage }, 'html')).toMatch(/^<!doctype html>/);
  });

  it('has what a guest did until it trapped, by its error', async () => {
    const module = await compiled(ASKING('unreachable'));
    const error = await host.run(module, { timeline: true }).catch((caught: unknown) => caught);
    if (!(error instanceof GuestTrapError)) throw error;
    const { code, message, usage } = error;
    const file = await trace({ module: module.name, code, message, usage });
    expect(names(file)).toContain('load_by_name');
    expect(file.otherData).toMatchObject({ outcome: 'failed', code: 'ERR_GUEST_TRAP' });
  });

  it('has less of a run that recorded none, and is drawn all the same', async () => {
    const module = await compiled(ASKING(''));
    const { exitCode, usage } = await host.run(module);
    expect(names(await trace({ module: module.name, exitCode, usage }))).not.toContain('load_by_name');
    expect(names(await trace({ module: module.name, usage: undefined }))).toEqual([]);
  });

  it('has two formats', async () => {
    const source = { module: 'a', usage: undefined };
    await expect(renderTimeline(source, 'svg' as 'html')).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});

/** Guests that never stop to write or to be refused, while who hears of it takes its time. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Host } from '../../src/host/host.ts';

const FLOODS = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 16) "x")
  (func $write (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "write one") (call $write))
  (func (export "write") (loop $again (call $write) (br $again)))
  (func (export "be refused") (loop $again (drop (call $compute (i32.const 7))) (br $again))))`;

let heard = 0;
let heardInTurn = 0;
let mostInTurn = 0;
let turnsMeanwhile = 0;

/** Takes longer than a guest does to send the next. */
function hearSlowly(): void {
  const untilMs = performance.now() + 0.02;
  heard += 1;
  heardInTurn += 1;
  mostInTurn = Math.max(mostInTurn, heardInTurn);
  while (performance.now() < untilMs);
}

const host = new Host({ onRefused: hearSlowly });
const compiled = host.compile(new TextEncoder().encode(FLOODS), { name: 'floods.wat' });
afterAll(() => host.close());

/** Counts turns of the loop until the promise settles. */
async function countTurns(running: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  running.then(over, over);
  while (!isOver) {
    await turn();
    turnsMeanwhile += 1;
    heardInTurn = 0;
  }
}

describe.each(['write', 'be refused'])('a guest that does nothing but %s', (invoke) => {
  it.each(['a run', 'an instance'])('is ended at its time limit, and holds up nothing before: %s', async (kind) => {
    heard = mostInTurn = heardInTurn = turnsMeanwhile = 0;
    const module = await compiled;
    const stdout = hearSlowly;
    const limits = { timeoutMs: 500 };
    const instance = kind === 'an instance' ? await host.instantiate(module, { stdout }) : undefined;
    const running =
      instance === undefined
        ? host.run(module, { invoke: { name: invoke }, stdout, mode: 'thread', ...limits })
        : instance.call(invoke, limits);
    const ended = expect(running).rejects.toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    await countTurns(running);
    await ended;
    expect(heard).toBeGreaterThan(0);
    expect(turnsMeanwhile).toBeGreaterThan(1);
    // Of Node's own: as many as have come when it begins, or 1,000. What ends the guest hears the rest.
    expect(mostInTurn).toBeLessThanOrEqual(4_000);
    await instance?.dispose();
  });
});

describe('an instance whose output nobody ever takes', () => {
  const never = () => new Promise(() => {});
  const instantiate = async () => await host.instantiate(await compiled, { stdout: never });

  it('is ended by the time limit of a call', async () => {
    const instance = await instantiate();
    await expect(instance.call('write one', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    expect(instance.hasEnded).toBe(true);
    await instance.dispose();
  });

  it('is ended by the signal of a call, and when it is disposed of', async () => {
    for (const end of ['abort', 'dispose'] as const) {
      const taking = vi.fn(never);
      const instance = await host.instantiate(await compiled, { stdout: taking });
      const controller = new AbortController();
      const call = instance.call('write one', { signal: controller.signal });
      const code = end === 'abort' ? 'ERR_GUEST_ABORTED' : 'ERR_RELEASED';
      const ended = expect(call).rejects.toMatchObject({ code });
      await vi.waitFor(() => expect(taking).toHaveBeenCalled(), 30_000);
      await turn();
      if (end === 'abort') controller.abort();
      else await instance.dispose();
      await ended;
      await instance.dispose();
    }
  });
});

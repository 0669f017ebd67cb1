import { afterAll, describe, expect, it } from 'vitest';
import { GuestTrapError } from '../../src/errors.ts';
import { Host } from '../../src/host/host.ts';

const host = new Host();
afterAll(() => host.close());

/** Writes parts of these lengths, each of the next letter, to its outputs in turn, or to the first; and does something then. */
function writer(lengths: readonly number[], outputs: 1 | 2, then = ''): Promise<Awaited<ReturnType<Host['compile']>>> {
  const writes = lengths.map(
    (length, index) => `(memory.fill (i32.const 64) (i32.const ${97 + (index % 26)}) (i32.const ${length}))
      (i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (i32.const ${length}))
      (drop (call $fd_write (i32.const ${1 + (index % outputs)}) (i32.const 0) (i32.const 1) (i32.const 8)))`,
  );
  const text = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 64)
    (func (export "_start") ${writes.join('\n')} ${then}))`;
  return host.compile(new TextEncoder().encode(text));
}

/** Says to whom it may concern that everything is written, and goes on for ever. */
const END = `(i32.store (i32.const 0) (i32.const 64))
  (i32.store (i32.const 4) (i32.const 1))
  (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
  (loop $for_ever (br $for_ever))`;

function expected(lengths: readonly number[], outputs: 1 | 2): [string, string] {
  const texts: [string, string] = ['', ''];
  for (const [index, length] of lengths.entries()) {
    texts[(index % outputs) as 0 | 1] += String.fromCharCode(97 + (index % 26)).repeat(length);
  }
  return texts;
}

const CASES: readonly (readonly number[])[] = [
  [5, 7],
  [4096, 4096],
  [4095, 4095, 1, 1],
  [4095, 4095, 2, 2, 1, 1],
  [4097, 4097, 1, 1],
  [1, 1, 3_000_000, 3_000_000, 1, 1],
  [0, 0, 3, 3],
  Array.from({ length: 60 }, (_, index) => index * 7),
];

describe.each(CASES.map((lengths) => ({ lengths })))('output of $lengths bytes that is captured', ({ lengths }) => {
  it('is all there, in order, of a guest in a thread', async () => {
    const { stdout, stderr } = await host.run(await writer(lengths, 2), { mode: 'thread' });
    expect([String(stdout), String(stderr)]).toEqual(expected(lengths, 2));
  });

  it('is all there of a guest that is ended', async () => {
    const controller = new AbortController();
    const module = await writer(lengths, 1, END);
    const run = host.run(module, { mode: 'thread', stderr: () => controller.abort(), signal: controller.signal });
    const error: unknown = await run.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GuestTrapError);
    const { code, stdout } = error as GuestTrapError;
    expect(code).toBe('ERR_GUEST_ABORTED');
    expect(String(stdout)).toBe(expected(lengths, 1)[0]);
  });
});

it('what a function is given is given at once', async () => {
  const controller = new AbortController();
  const written: string[] = [];
  const stdout = (bytes: Uint8Array) => {
    written.push(String(Buffer.from(bytes)));
    controller.abort();
  };
  const module = await writer([3], 1, '(loop $for_ever (br $for_ever))');
  const run = host.run(module, { mode: 'thread', stdout, signal: controller.signal });
  await expect(run).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED' });
  expect(written).toEqual(['aaa']);
});

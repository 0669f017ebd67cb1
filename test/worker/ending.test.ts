/** A guest's end is no guest's to stop, and leaves nothing behind. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { GuestTrapError } from '../../src/errors.ts';
import { Host } from '../../src/host/host.ts';
import { openBelow } from '../support/open-files.mjs';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { runTextGuest } from '../support/text-guest.ts';

const newDirectory = temporaryDirectories();

/** A part of a binary module with its length before it. */
const sized = (bytes: readonly number[]) => [bytes.length, ...bytes];
const section = (id: number, items: readonly (readonly number[])[]) => [id, ...sized([items.length, ...items.flat()])];
const text = (characters: string) => sized([...new TextEncoder().encode(characters)]);

/** How a guest catches all that can be caught, and returns as if nothing had been. */
const CATCHING = {
  'catch_all of the first exception handling': (body: readonly number[]) => [0x06, 0x40, ...body, 0x19, 0x0b],
  'try_table with catch_all': (body: readonly number[]) => [0x02, 0x40, 0x1f, 0x40, 1, 2, 0, ...body, 0x0b, 0x0b],
  'try_table with catch_all_ref': (body: readonly number[]) => [
    // The reference is dropped.
    ...[0x02, 0x69, 0x1f, 0x40, 1, 3, 0, ...body, 0x0b, 0xd0, 0x69, 0x0b, 0x1a],
  ],
};

const ENDINGS = {
  proc_exit: { body: [0x41, 7, 0x10, 0], outcome: { kind: 'exited', exitCode: 7 } },
  unreachable: { body: [0x00], outcome: trap('wasm `unreachable` instruction executed') },
  'a division by zero': { body: [0x41, 1, 0x41, 0, 0x6d, 0x1a], outcome: trap('integer divide by zero') },
  'an access out of bounds': { body: [0x41, 0x7f, 0x28, 2, 0, 0x1a], outcome: trap('out of bounds memory access') },
  'recursion without end': { body: [0x10, 1], outcome: trap('call stack exhausted') },
};

function trap(words: string) {
  return { kind: 'failed', failure: { code: 'ERR_GUEST_TRAP', message: `wasm trap: ${words}` } };
}

type Entry = '_start' | '_initialize' | 'start';

/** Function 1 has the body within the handler, function 2 calls it within another, and is what begins. */
function guest(entry: Entry, catching: (body: readonly number[]) => number[], body: readonly number[]): Uint8Array {
  const code = (instructions: readonly number[]) => sized([0, ...instructions, 0x0b]);
  const exported = entry === 'start' ? [] : [[...text(entry), 0, 2]];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [
      [0x60, 0, 0],
      [0x60, 1, 0x7f, 0],
    ]),
    ...section(2, [[...text('wasi_snapshot_preview1'), ...text('proc_exit'), 0, 1]]),
    ...section(3, [[0], [0]]),
    ...section(5, [[0, 1]]),
    ...section(7, [[...text('memory'), 2, 0], ...exported]),
    ...(entry === 'start' ? [8, 1, 2] : []),
    ...section(10, [code(catching(body)), code(catching([0x10, 1]))]),
  ]);
}

const ENTRIES: readonly Entry[] = ['_start', '_initialize', 'start'];
/** What this engine compiles: Node 20 has the first exception handling only. */
const known = Object.entries(CATCHING).filter(([, catching]) =>
  WebAssembly.validate(Uint8Array.from(guest('_start', catching, [0x01]))),
);

it('is tried with the handlers that this engine has', () => {
  const [major = 0] = process.versions.node.split('.').map(Number);
  expect(known).toHaveLength(major >= 25 ? 3 : 1);
});

describe.each(known)('a guest with %s', (_, catching) => {
  describe.each(Object.entries(ENDINGS))('does not catch %s', (_name, { body, outcome }) => {
    it.each(ENTRIES)('in %s', async (entry) => {
      expect((await runTextGuest(guest(entry, catching, body))).outcome).toMatchObject(outcome);
    });
  });
});

const OPENING = `(import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 16) "file")
  (func $deep (call $deep))
  (func $open5 (local i32)
    (loop $next
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
        (i32.const 0) (i32.const 32)) (then unreachable))
      (br_if $next (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32))))`;

async function opener(body: string) {
  const hostPath = newDirectory();
  writeFileSync(join(hostPath, 'file'), '');
  const host = new Host();
  const module = await host.compile(
    new TextEncoder().encode(`(module ${OPENING} (func (export "_start") (call $open5) ${body}))`),
  );
  return { hostPath, run: (options: object = {}) => host.run(module, { preopens: [{ hostPath }], ...options }) };
}

describe('what a guest wrote and opened', () => {
  const ways: [string, string][] = [
    ['a return', ''],
    ['proc_exit', '(call $exit (i32.const 3))'],
    ['a trap', 'unreachable'],
    ['recursion without end', '(call $deep)'],
  ];

  it.each(ways)('is out once, and closed, at %s', async (_, body) => {
    const { hostPath, run } = await opener(body);
    for (const options of [{}, { timeoutMs: 600_000 }]) {
      const stdout: Uint8Array[] = [];
      const ended = await run({ ...options, stdout: (bytes: Uint8Array) => stdout.push(bytes) }).catch(
        (error) => error,
      );
      expect(Buffer.concat(stdout).toString()).toBe('file');
      expect(ended).toHaveProperty(body === '' || body.includes('$exit') ? 'exitCode' : 'code');
      await vi.waitFor(() => expect(openBelow(hostPath)).toEqual([]), { timeout: 30_000 });
    }
  });

  it.each([
    ['computes', '(loop (br 0))'],
    ['calls the host', '(loop (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32))) (br 0))'],
  ])('is closed when its time is over while it %s', async (_, body) => {
    const { hostPath, run } = await opener(body);
    const error = await run({ timeoutMs: 500, stderr: 'null' }).catch((reason) => reason);
    expect(error).toBeInstanceOf(GuestTrapError);
    expect(error).toMatchObject({ code: 'ERR_GUEST_TIMEOUT' });
    // The thread may still be at its end.
    await vi.waitFor(() => expect(openBelow(hostPath)).toEqual([]), { timeout: 30_000 });
  });

  it('is closed where the time of many is over at once', async () => {
    const openers = await Promise.all(Array.from({ length: 6 }, () => opener('(loop (br 0))')));
    const ends = await Promise.all(openers.map(({ run }) => run({ timeoutMs: 500 }).catch(({ code }) => code)));
    expect(ends).toEqual(openers.map(() => 'ERR_GUEST_TIMEOUT'));
    await vi.waitFor(() => expect(openers.flatMap(({ hostPath }) => openBelow(hostPath))).toEqual([]), {
      timeout: 30_000,
    });
  });
});

describe('memory.grow', () => {
  it.each([
    ['the maximum', '(memory 1 2)', '5'],
    ['what there is of addresses', '(memory 1)', '65536'],
    ['any number', '(memory 1)', '-1'],
  ])('beyond %s answers -1', async (_, memory, pages) => {
    const module = `(module ${memory} (func (export "_start") (result i32) (memory.grow (i32.const ${pages}))))`;
    expect((await runTextGuest(module)).outcome).toEqual({ kind: 'returned', results: ['-1'] });
  });
});

it.each([
  ['(import "wasi" "thread-spawn" (func (param i32) (result i32)))'],
  ['(import "env" "memory" (memory 1 2 shared)) (import "wasi" "thread-spawn" (func (param i32) (result i32)))'],
])('%s is refused by name', async (imports) => {
  expect((await runTextGuest(`(module ${imports})`)).outcome).toMatchObject({
    failure: {
      code: 'ERR_MODULE_LINK',
      message: expect.stringMatching(
        /^unknown import: `wasi::thread-spawn` has not been defined \(wasi-threads is not supported/,
      ),
    },
  });
});

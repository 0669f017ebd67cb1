/** Calls that do without JavaScript answer what JavaScript answers, in any order and whatever came before. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

const PATH = 0x100;
const NEW_PATH = 0x200;
const VECTORS = 0x300;
const RESULT = 0x400;
const BUFFER = 0x800;

function nativeFs(): NativeFs {
  const { fs } = loadAddon();
  if (fs?.directCalls === undefined) throw new Error('the addon has no direct calls');
  return fs;
}

function newTree(): string {
  const root = newDirectory();
  mkdirSync(join(root, 'sub', 'deep'), { recursive: true });
  writeFileSync(join(root, 'a'), 'the first file, and what it holds');
  writeFileSync(join(root, 'sub', 'b'), 'another');
  symlinkSync('sub/b', join(root, 'link'));
  symlinkSync('..', join(root, 'sub', 'up'));
  symlinkSync('/etc/passwd', join(root, 'out'));
  return root;
}

/** Names and contents of everything below, links by what they are. */
function treeText(directory: string, prefix = ''): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      const name = `${prefix}${entry.name}`;
      if (entry.isDirectory()) return [`${name}/`, ...treeText(path, `${name}/`)];
      return [entry.isFile() ? `${name} ${readFileSync(path, 'hex')}` : `${name} ->`];
    });
}

type Step = readonly [name: string, ...args: (number | bigint)[]];

const fd = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 3, max: 7 }) }, { weight: 1, arbitrary: fc.nat(9) });
const names = fc.constantFrom(
  'a',
  'c',
  'link',
  'out',
  'sub',
  'sub/b',
  'sub/up',
  'sub/up/a',
  'sub/deep/c',
  './a',
  '..',
  '',
);
const pathText = fc.oneof(
  { weight: 8, arbitrary: names },
  { weight: 1, arbitrary: fc.constantFrom('a/', '/a', 'é', 'a\0') },
);
const rights = fc.constantFrom(0n, 2n, 64n, 66n, 1n << 31n);
const length = fc.oneof(fc.nat(40), fc.constantFrom(0, 0x10000, -1));
const offset = fc.oneof(fc.bigInt({ min: -5n, max: 50n }), fc.constantFrom(1n << 60n, -(1n << 63n), 1n << 53n));

/** Steps with the two paths and the buffer that they use. */
const step = fc.record({
  path: pathText,
  newPath: pathText,
  length,
  call: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(
        fc.constant('path_open'),
        fc.constant(3),
        fc.nat(1),
        fc.constantFrom(0, 0, 1, 5, 8, 9, 2),
        rights,
        fc.constantFrom(0, 0, 0, 1, 4),
      ),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant('fd_close'), fd) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('fd_read'), fd) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('fd_write'), fd) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('fd_seek'), fd, offset, fc.nat(3)) },
    fc.tuple(fc.constant('fd_tell'), fd),
    fc.tuple(fc.constant('fd_fdstat_get'), fd),
    fc.tuple(fc.constant('fd_fdstat_set_flags'), fd, fc.constantFrom(0, 1, 4)),
    fc.tuple(fc.constant('fd_renumber'), fd, fd),
    fc.tuple(fc.constant('fd_filestat_get'), fd),
    fc.tuple(fc.constant('path_filestat_get'), fd, fc.nat(2)),
    fc.tuple(fc.constant('path_unlink_file'), fd),
    fc.tuple(fc.constant('path_rename'), fd, fd),
    fc.tuple(fc.constant('random_get'), fc.nat(300)),
    fc.tuple(fc.constant('clock_time_get'), fc.nat(4)),
  ) as fc.Arbitrary<Step>,
});

type StepOf<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

/** What a step answers, and what it wrote that does not depend on the time or the disk. */
function take(guest: Preview1Guest, { path, newPath, length, call: [name, ...args] }: StepOf<typeof step>): string {
  guest.mask();
  const view = new DataView(guest.wasmMemory.buffer);
  const [from, to] = [path, newPath].map((text) => Buffer.from(text)) as [Buffer, Buffer];
  guest.put(PATH, from);
  guest.put(NEW_PATH, to);
  view.setUint32(VECTORS, BUFFER, true);
  view.setUint32(VECTORS + 4, 0, true);
  view.setUint32(VECTORS + 8, BUFFER, true);
  view.setUint32(VECTORS + 12, length, true);
  const [first = 0, second = 0] = args;
  const all: Record<string, (number | bigint)[]> = {
    path_open: [first, second, PATH, from.length, args[2] ?? 0, args[3] ?? 0n, 0n, args[4] ?? 0, RESULT],
    fd_read: [first, VECTORS, 2, RESULT],
    fd_write: [first, VECTORS, 2, RESULT],
    path_filestat_get: [first, second, PATH, from.length, RESULT],
    path_unlink_file: [first, PATH, from.length],
    path_rename: [first, PATH, from.length, second, NEW_PATH, to.length],
    random_get: [RESULT, first],
    clock_time_get: [first, 0n, RESULT],
    fd_close: args,
    fd_renumber: args,
    fd_fdstat_set_flags: args,
  };
  const errno = guest.call(name, ...(all[name] ?? [...args, RESULT]));
  const bytes = Buffer.from(guest.bytes());
  // Of a status: type, links, and the size of what is no directory.
  if (name.endsWith('filestat_get')) {
    const isDirectory = bytes[RESULT + 16] === 3;
    bytes.fill(0, RESULT, RESULT + 16).fill(0, RESULT + (isDirectory ? 32 : 40), RESULT + 64);
  }
  if (name === 'random_get') bytes.fill(0, RESULT, RESULT + Number(first));
  if (name === 'clock_time_get') bytes.fill(0, RESULT, RESULT + 8);
  return `${name}(${args.join()}) ${path} ${newPath} ${length}: ${errno} ${bytes.subarray(RESULT, BUFFER + 64).toString('hex')}`;
}

function play(fs: NativeFs, readOnly: boolean, steps: readonly StepOf<typeof step>[]): string[] {
  const root = newTree();
  const guest = preview1Guest({
    fs,
    maxOpenFiles: 8,
    preopens: [{ kind: 'host', hostPath: root, guestPath: '/', readOnly }],
  });
  try {
    const answers = steps.map((one) => take(guest, one));
    return [...answers, ...guest.reports.map(String), ...treeText(root)];
  } finally {
    guest.preview1.dispose();
  }
}

describe('direct calls', () => {
  it.each([
    ['', false, 150],
    [' below a read-only directory', true, 50],
  ] as const)('answer as JavaScript does%s', (_, readOnly, numRuns) => {
    const fs = nativeFs();
    const { directCalls: _direct, ...plain } = fs;
    const before = readdirSync('/proc/self/fd').length;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        expect(play(fs, readOnly, steps)).toEqual(play(plain, readOnly, steps));
      }),
      { numRuns },
    );
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('see a memory that has grown, and one that was attached later', () => {
    const guest = preview1Guest({}, { initial: 1, maximum: 3 });
    const far = 0x10000 + 8;
    expect(guest.call('random_get', far, 8)).toBe(ERRNO.fault);
    guest.wasmMemory.grow(1);
    expect(guest.call('random_get', far, 8)).toBe(ERRNO.success);
    expect(guest.call('clock_time_get', 1, 0n, far)).toBe(ERRNO.success);
    const other = new WebAssembly.Memory({ initial: 3 });
    guest.memory.attach(other);
    expect(guest.call('random_get', 2 * far, 64)).toBe(ERRNO.success);
    expect(new Uint8Array(other.buffer).some((byte) => byte !== 0)).toBe(true);
  });

  it('give out random bytes once', () => {
    const guest = preview1Guest({});
    const seen = new Set<string>();
    for (let index = 0; index < 2000; index++) {
      expect(guest.call('random_get', RESULT, 16)).toBe(ERRNO.success);
      seen.add(Buffer.from(guest.bytes().subarray(RESULT, RESULT + 16)).toString('hex'));
    }
    expect(seen.size).toBe(2000);
  });

  it('keep the position of what JavaScript asks about later', () => {
    const root = newTree();
    const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath: root, guestPath: '/' }] });
    guest.put(PATH, Buffer.from('a'));
    const view = new DataView(guest.wasmMemory.buffer);
    expect(guest.call('path_open', 3, 0, PATH, 1, 0, 2n, 0n, 0, RESULT)).toBe(ERRNO.success);
    const opened = view.getUint32(RESULT, true);
    view.setUint32(VECTORS, BUFFER, true);
    view.setUint32(VECTORS + 4, 4, true);
    expect(guest.call('fd_read', opened, VECTORS, 1, RESULT)).toBe(ERRNO.success);
    expect(guest.call('fd_tell', opened, RESULT)).toBe(ERRNO.success);
    expect(view.getBigUint64(RESULT, true)).toBe(4n);
    expect(guest.call('fd_read', opened, VECTORS, 1, RESULT)).toBe(ERRNO.success);
    expect(Buffer.from(guest.bytes().subarray(BUFFER, BUFFER + 4)).toString()).toBe('firs');
    expect(statSync(join(root, 'a')).size).toBe(33);
    guest.preview1.dispose();
  });
});

/** Every way out of a directory that needs no luck: by path, by link, by what the guest made itself. */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const SECRET = 'outside of everything that was given';
const READ = 2n;
const WRITE = 64n;
const newDirectory = temporaryDirectories();

interface Field {
  guest: Preview1Guest;
  given: string;
  outside: string;
  path(name: string, at?: number): readonly [pointer: number, byteLength: number];
  open(name: string, oflags?: number, rights?: bigint, fd?: number): number;
}

/** Negative numbers are errnos; by name in messages. */
function named(result: number): string | number {
  return result < 0 ? errnoName(-result) : result;
}

function field(fs?: NativeFs): Field {
  const root = newDirectory();
  const given = join(root, 'given');
  const outside = join(root, 'outside');
  mkdirSync(join(given, 'd', 'e'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), SECRET);
  writeFileSync(join(root, 'secret'), SECRET);
  writeFileSync(join(given, 'f'), 'ours');
  symlinkSync(outside, join(given, 'absolute'));
  symlinkSync('../outside', join(given, 'relative'));
  symlinkSync('d/../../outside', join(given, 'winding'));
  symlinkSync('relative', join(given, 'chained'));
  symlinkSync('../../outside', join(given, 'd', 'deep'));
  symlinkSync('/', join(given, 'root'));
  symlinkSync('/proc/self/root', join(given, 'magic'));
  symlinkSync('../made-by-link', join(given, 'dangling'));
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath: given, guestPath: '/' }], ...(fs && { fs }) });
  const path = (name: string, at = 0) => [guest.put(at, name), Buffer.byteLength(name)] as const;
  const open = (name: string, oflags = 0, rights = READ, fd = 3) => {
    const errno = guest.call('path_open', fd, 1, ...path(name), oflags, rights, 0n, 0, 0x1000);
    return errno === ERRNO.success ? new DataView(guest.wasmMemory.buffer).getUint32(0x1000, true) : -errno;
  };
  return { guest, given, outside, path, open };
}

/** What is outside has not changed, and nothing has come beside it. */
function expectOutsideUntouched({ given, outside }: Field): void {
  expect(readdirSync(join(given, '..')).sort()).toEqual(['given', 'outside', 'secret']);
  expect(readdirSync(outside)).toEqual(['secret']);
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe(SECRET);
  expect(statSync(join(outside, 'secret')).nlink).toBe(1);
}

const WAYS_OUT = [
  ...['..', '../secret', '../outside/secret', './../secret', 'd/../../secret', 'd/e/../../../secret', 'd/../..'],
  ...['/', '/etc/passwd', '//etc/passwd', '/proc/self/root/etc/passwd', '///', 'f/../../secret', 'd//..//..//secret'],
  ...['absolute', 'absolute/secret', 'relative', 'relative/secret', 'winding/secret', 'chained/secret'],
  ...['d/deep', 'd/deep/secret', 'root', 'root/etc/passwd', 'magic', 'magic/etc/passwd', 'relative/../secret'],
  ...['absolute/.', 'relative/', 'd/e/../deep/secret', 'relative/../given/f', 'dangling/..', 'magic/../secret'],
];

/** Functions that take one path, and what they would do with it. */
const BY_PATH: [name: string, call: (field: Field, way: string) => number][] = [
  ['open for reading', ({ open }, way) => -open(way)],
  ['open a directory', ({ open }, way) => -open(way, 2)],
  ['open for writing', ({ open }, way) => -open(way, 0, WRITE)],
  ['create', ({ open }, way) => -open(way, 1, WRITE)],
  ['cut', ({ open }, way) => -open(way, 8, WRITE)],
  ['create below', ({ open }, way) => -open(`${way}/new`, 5, WRITE)],
  ['make a directory below', ({ guest, path }, way) => guest.call('path_create_directory', 3, ...path(`${way}/new`))],
  ['remove below', ({ guest, path }, way) => guest.call('path_unlink_file', 3, ...path(`${way}/secret`))],
  ['remove a directory below', ({ guest, path }, way) => guest.call('path_remove_directory', 3, ...path(`${way}/x`))],
  ['follow to its status', ({ guest, path }, way) => guest.call('path_filestat_get', 3, 1, ...path(way), 0x1000)],
  ['status below', ({ guest, path }, way) => guest.call('path_filestat_get', 3, 0, ...path(`${way}/secret`), 0x1000)],
  ['set times', ({ guest, path }, way) => guest.call('path_filestat_set_times', 3, 1, ...path(way), 1n, 1n, 5)],
  [
    'set times below',
    ({ guest, path }, way) => guest.call('path_filestat_set_times', 3, 0, ...path(`${way}/secret`), 1n, 1n, 5),
  ],
  [
    'link below',
    ({ guest, path }, way) => guest.call('path_link', 3, 0, ...path(`${way}/secret`), 3, ...path('s', 500)),
  ],
  ['link to below', ({ guest, path }, way) => guest.call('path_link', 3, 0, ...path('f'), 3, ...path(`${way}/s`, 500))],
  [
    'rename from below',
    ({ guest, path }, way) => guest.call('path_rename', 3, ...path(`${way}/secret`), 3, ...path('s', 500)),
  ],
  [
    'rename to below',
    ({ guest, path }, way) => guest.call('path_rename', 3, ...path('f'), 3, ...path(`${way}/s`, 500)),
  ],
  [
    'make a link below',
    ({ guest, path }, way) => guest.call('path_symlink', ...path('x', 500), 3, ...path(`${way}/s`)),
  ],
  [
    'read a link below',
    ({ guest, path }, way) => guest.call('path_readlink', 3, ...path(`${way}/s`), 0x1000, 100, 0x800),
  ],
];

describe.each([
  ['openat2', false, undefined],
  ['the walk by components', true, undefined],
  ['the file calls of Node', false, createNodeFs()],
] as const)('over %s', (_, walk, fs) => {
  beforeAll(() => {
    loadAddon().fs?.setResolver(walk);
  });
  afterAll(() => {
    loadAddon().fs?.setResolver(false);
  });

  it.each(BY_PATH)('%s leads nowhere outside', (_name, call) => {
    const place = field(fs);
    for (const way of WAYS_OUT) {
      expect(['perm', 'notdir', 'loop', 'noent', 'isdir'], way).toContain(errnoName(call(place, way)));
    }
    expectOutsideUntouched(place);
    place.guest.preview1.dispose();
  });

  it('a link that the guest made is no better than one that was there', () => {
    const place = field(fs);
    const { guest, path, open } = place;
    expect(guest.call('path_symlink', ...path('../outside', 500), 3, ...path('mine'))).toBe(ERRNO.success);
    expect(named(open('mine/secret'))).toBe('perm');
    expect(guest.call('path_symlink', ...path('/etc/passwd', 500), 3, ...path('other'))).toBe(ERRNO.perm);
    expect(guest.call('path_symlink', ...path('..', 500), 3, ...path('d/up'))).toBe(ERRNO.success);
    expect(open('d/up/f')).toBeGreaterThan(3);
    // The same link leads out once it lies higher.
    expect(guest.call('path_rename', 3, ...path('d/up'), 3, ...path('up', 500))).toBe(ERRNO.success);
    expect(named(open('up/secret'))).toBe('perm');
    expect(guest.call('path_link', 3, 0, ...path('up'), 3, ...path('d/e/up', 500))).toBe(ERRNO.success);
    expect(named(open('d/e/up/../up/secret'))).toBe('perm');
    expectOutsideUntouched(place);
    guest.preview1.dispose();
  });

  it('a directory that was carried out keeps its guest inside', () => {
    const place = field(fs);
    const { guest, given, outside, open } = place;
    const fd = open('d', 2);
    renameSync(join(given, 'd'), join(outside, 'd'));
    // What the guest has open is still its own; what is above it never was.
    expect(open('e', 2, READ, fd)).toBeGreaterThan(fd);
    for (const way of ['..', '../secret', 'e/../../secret', 'deep/secret'])
      expect(named(open(way, 0, READ, fd))).toBe('perm');
    renameSync(join(outside, 'd'), join(given, 'd'));
    expectOutsideUntouched(place);
    guest.preview1.dispose();
  });

  it('a preopen that was replaced is still the one that was given', () => {
    const place = field(fs);
    const { guest, given, open } = place;
    renameSync(given, `${given}-moved`);
    symlinkSync('outside', given);
    expect(named(open('secret'))).toBe('noent');
    expect(open('f')).toBeGreaterThan(3);
    guest.preview1.dispose();
  });

  it('descriptors that were never given are none', () => {
    const place = field(fs);
    for (const fd of [4, 5, 17, 20, 255, 1023, -1, -100, 0x7fffffff]) {
      expect(named(place.open('secret', 0, READ, fd))).toBe('badf');
      expect(place.guest.call('fd_close', fd)).toBe(ERRNO.badf);
      expect(place.guest.call('fd_renumber', fd, 3)).toBe(ERRNO.badf);
    }
    place.guest.preview1.dispose();
  });

  it('descriptors of the host itself are none of the guest’s', () => {
    const place = field(fs);
    const { guest } = place;
    // The preopen's own, the event loop's, the addon's: whatever this process has open under that number.
    const numbers = readdirSync('/proc/self/fd').map(Number);
    expect(Math.max(...numbers)).toBeGreaterThan(3);
    for (const fd of numbers.filter((number) => number > 3)) {
      guest.put(0x100, Uint8Array.of(0, 2, 0, 0, 1, 0, 0, 0));
      expect(named(place.open('f', 0, READ, fd)), `${fd}`).toBe('badf');
      for (const [name, ...args] of [
        ['fd_read', 0x100, 1, 0x1000],
        ['fd_write', 0x100, 1, 0x1000],
        ['fd_filestat_get', 0x1000],
        ['fd_readdir', 0x1000, 100, 0n, 0x800],
        ['sock_accept', 0, 0x1000],
        ['fd_filestat_set_size', 0n],
      ] as const) {
        expect(errnoName(guest.call(name, fd, ...args)), `${name} ${fd}`).toBe('badf');
      }
    }
    guest.preview1.dispose();
  });

  it('text that is no path of POSIX leads nowhere', () => {
    const place = field(fs);
    const { guest, path, open } = place;
    const long = `${'d/../'.repeat(900)}../secret`;
    for (const way of ['../secret\0', 'f\0/../../secret', '\0', 'absolute\0/secret', long, `${'x'.repeat(300)}/..`]) {
      for (const errno of [-open(way), -open(way, 1, WRITE), guest.call('path_unlink_file', 3, ...path(way))])
        expect(['inval', 'nametoolong', 'perm', 'noent', 'notdir'], JSON.stringify(way)).toContain(errnoName(errno));
      const made = guest.call('path_symlink', ...path(way, 0x1800), 3, ...path('made'));
      if (made === ERRNO.success) expect(guest.call('path_unlink_file', 3, ...path('made'))).toBe(ERRNO.success);
    }
    // Dots in more bytes than they need.
    guest.put(0, Uint8Array.of(0xc0, 0xae, 0xc0, 0xae, 0x2f, 0x73));
    expect(guest.call('path_open', 3, 1, 0, 6, 0, READ, 0n, 0, 0x1000)).toBe(ERRNO.ilseq);
    expectOutsideUntouched(place);
    guest.preview1.dispose();
  });

  it('directories that the guest renames and removes below its descriptors stay its own', () => {
    const place = field(fs);
    const { guest, given, path, open } = place;
    const d = open('d', 2);
    const e = open('d/e', 2);
    expect(guest.call('path_rename', 3, ...path('d/e'), 3, ...path('top', 500))).toBe(ERRNO.success);
    // Above `e` there is now what was given, and neither is above it for the guest.
    for (const way of ['..', '../f', '../../secret']) expect(named(open(way, 0, READ, e))).toBe('perm');
    expect(guest.call('path_rename', 3, ...path('d'), e, ...path('d', 500))).toBe(ERRNO.success);
    for (const way of ['../..', 'deep/secret', '../../../secret']) expect(named(open(way, 0, READ, d))).toBe('perm');
    expect(named(open('d/../../f', 0, READ, e))).toBe('perm');
    expect(guest.call('path_rename', 3, ...path('top'), d, ...path('below-itself', 500))).toBe(ERRNO.inval);
    rmSync(join(given, 'top'), { recursive: true });
    for (const fd of [d, e]) {
      expect(named(open('new', 1, WRITE, fd))).toBe('noent');
      expect(named(open('..', 2, READ, fd))).toBe('perm');
    }
    expectOutsideUntouched(place);
    guest.preview1.dispose();
  });

  it('what the guest links, hard or soft, is no more than it had', () => {
    const place = field(fs);
    const { guest, given, path, open } = place;
    expect(guest.call('path_link', 3, 1, ...path('relative'), 3, ...path('followed', 500))).toBe(ERRNO.inval);
    expect(guest.call('path_link', 3, 0, ...path('d'), 3, ...path('d2', 500))).toBe(ERRNO.perm);
    for (const link of ['absolute', 'relative', 'magic']) {
      expect(guest.call('path_link', 3, 0, ...path(link), 3, ...path('d/hard', 500))).toBe(ERRNO.success);
      expect(lstatSync(join(given, 'd', 'hard')).isSymbolicLink()).toBe(true);
      for (const way of ['d/hard', 'd/hard/secret', 'd/hard/etc/passwd'])
        expect(['perm', 'noent']).toContain(named(open(way)));
      expect(guest.call('path_unlink_file', 3, ...path('d/hard'))).toBe(ERRNO.success);
    }
    for (let index = 0; index < 45; index++) symlinkSync(index === 0 ? 'f' : `c${index - 1}`, join(given, `c${index}`));
    expect(open('c39')).toBeGreaterThan(3);
    expect(named(open('c40'))).toBe('loop');
    expectOutsideUntouched(place);
    guest.preview1.dispose();
  });

  it('a hard link that the host made is a file like any other', () => {
    const place = field(fs);
    linkSync(join(place.outside, 'secret'), join(place.given, 'hard'));
    expect(place.open('hard')).toBeGreaterThan(3);
    place.guest.preview1.dispose();
  });

  it.each([
    ['/proc/self', ['root/etc/passwd', 'cwd/package.json', 'exe', 'fd/0', 'fd/1/..', 'task/../root', 'root/', 'cwd']],
    ['/proc/self/fd', ['0', '1', '2', '3', '4', '0/', '../root', '../cwd/package.json']],
    ['/proc', ['self/root/etc/passwd', 'self/fd/0', 'thread-self/root', 'self/../self/cwd', '1/root']],
    ['/dev', ['fd/0', 'fd', 'stdin', 'stdout', '../etc/passwd']],
  ])('links of %s that name open files lead nowhere', (hostPath, ways) => {
    const preopens = [{ kind: 'host', hostPath, guestPath: '/' }] as const;
    const guest = preview1Guest({ preopens, ...(fs && { fs }) });
    for (const way of ways) {
      const args = [guest.put(0, way), way.length] as const;
      // The text of some is no path: `pipe:[1]`; a container's `self` may not be looked at.
      const known = ['loop', 'perm', 'noent', 'notdir', 'acces'];
      for (const errno of [
        guest.call('path_open', 3, 1, ...args, 0, READ, 0n, 0, 0x1000),
        guest.call('path_open', 3, 1, ...args, 2, READ, 0n, 0, 0x1000),
        guest.call('path_filestat_get', 3, 1, ...args, 0x1000),
        guest.call('path_filestat_set_times', 3, 1, ...args, 1n, 1n, 5),
      ]) {
        expect(known, `${hostPath} ${way}`).toContain(errnoName(errno));
      }
    }
    guest.preview1.dispose();
  });
});

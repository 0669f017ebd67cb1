import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ConsoleStdout,
  Directory,
  Fd,
  File,
  type Inode,
  OpenFile,
  PreopenDirectory,
  wasi,
} from '@bjorn3/browser_wasi_shim';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { type Preopen, type Preview1Options, SymbolicLink } from '../../../src/wasi/index.ts';
import { preview1Guest } from '../../support/preview1-guest.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const OUT = 0x1000;
const BUFFER = 0x2000;
const newDirectory = temporaryDirectories();
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data);

function shimGuest(preopens: readonly Preopen[], options: Partial<Preview1Options> = {}) {
  const guest = preview1Guest({ preopens, ...options });
  const view = new DataView(guest.wasmMemory.buffer);
  const path = (name: string) => [guest.put(0, name), Buffer.byteLength(name)] as const;
  const vector = (start: number, byteLength: number) => {
    view.setUint32(0x800, start, true);
    view.setUint32(0x804, byteLength, true);
    return 0x800;
  };
  return {
    ...guest,
    path,
    open(name: string, oflags = 0, rights = 66n, fd = 3) {
      const errno = guest.call('path_open', fd, 0, ...path(name), oflags, rights, 0n, 0, OUT);
      return errno === ERRNO.success ? view.getUint32(OUT, true) : -errno;
    },
    read(fd: number, byteLength: number) {
      const errno = guest.call('fd_read', fd, vector(BUFFER, byteLength), 1, OUT);
      return errno === ERRNO.success ? text(guest.bytes().slice(BUFFER, BUFFER + view.getUint32(OUT, true))) : -errno;
    },
    write(fd: number, content: string) {
      const data = bytes(content);
      guest.bytes().set(data, BUFFER);
      const errno = guest.call('fd_write', fd, vector(BUFFER, data.byteLength), 1, OUT);
      return errno === ERRNO.success ? view.getUint32(OUT, true) : -errno;
    },
  };
}

function tree(contents: Record<string, Inode>): { preopen: Preopen; root: Map<string, Inode> } {
  const fd = new PreopenDirectory('.', new Map(Object.entries(contents)));
  return { preopen: { kind: 'shim', guestPath: '/m', fd }, root: fd.dir.contents };
}

describe('a tree in memory', () => {
  it('shows the embedder what the guest has written', () => {
    const file = new File(bytes('hello'));
    const { preopen, root } = tree({ f: file, d: new Directory(new Map()) });
    const guest = shimGuest([preopen]);
    expect(guest.write(guest.open('f'), 'HE')).toBe(2);
    expect(text(file.data)).toBe('HEllo');
    const made = guest.open('d/made', 1);
    for (let count = 0; count < 1000; count++) guest.write(made, 'piece of text ');
    const inner = (root.get('d') as Directory).contents.get('made') as File;
    expect(inner).toBeInstanceOf(File);
    expect(inner.data.byteLength).toBe(14000);
    expect(text(inner.data)).toBe('piece of text '.repeat(1000));
    expect(guest.call('path_create_directory', 3, ...guest.path('d/e'))).toBe(ERRNO.success);
    expect((root.get('d') as Directory).contents.get('e')).toBeInstanceOf(Directory);
    expect(guest.reports).toEqual([]);
  });

  it('never writes into the bytes that the embedder gave, beyond their file', () => {
    const given = new Uint8Array(100).fill(7);
    const file = new File(given.subarray(0, 10));
    // The shim copies what it is given; this is a file over somebody else's bytes.
    file.data = given.subarray(0, 10);
    const { preopen } = tree({ f: file });
    const guest = shimGuest([preopen]);
    const fd = guest.open('f');
    guest.call('fd_seek', fd, 0n, 2, OUT);
    expect(guest.write(fd, 'more')).toBe(4);
    expect(given.subarray(10)).toEqual(new Uint8Array(90).fill(7));
    expect(text(file.data.subarray(10))).toBe('more');
  });

  it('reads zeros where a file was cut and has grown again', () => {
    const { preopen } = tree({ f: new File(bytes('secret')) });
    const guest = shimGuest([preopen]);
    const fd = guest.open('f');
    guest.write(fd, 'secret, long enough to move');
    for (const byteLength of [3n, 10n]) {
      expect(guest.call('fd_filestat_set_size', fd, byteLength)).toBe(ERRNO.success);
    }
    guest.call('fd_seek', fd, 0n, 0, OUT);
    expect(guest.read(fd, 20)).toBe('sec\0\0\0\0\0\0\0');
  });

  it('keeps files apart that the embedder marked as read-only', () => {
    const { preopen } = tree({ f: new File(bytes('x'), { readonly: true }) });
    const guest = shimGuest([preopen]);
    expect(guest.open('f')).toBe(-ERRNO.perm);
    expect(guest.open('f', 8, 2n)).toBe(-ERRNO.perm);
    expect(guest.read(guest.open('f', 0, 2n), 5)).toBe('x');
  });

  it('takes a bounded part of the host’s memory', () => {
    const { preopen } = tree({ f: new File(bytes('hello')) });
    const guest = shimGuest([preopen], { maxMemoryFileBytes: 100_000 });
    const fd = guest.open('f');
    expect(guest.call('fd_filestat_set_size', fd, 50_000n)).toBe(ERRNO.success);
    expect(guest.call('fd_filestat_set_size', fd, 200_000n)).toBe(ERRNO.nospc);
    expect(guest.call('fd_filestat_set_size', fd, 1n << 40n)).toBe(ERRNO.fbig);
    expect(guest.call('fd_filestat_set_size', fd, 10n)).toBe(ERRNO.success);
    let made = 0;
    while (guest.call('path_create_directory', 3, ...guest.path(`d${made}`)) === ERRNO.success) made++;
    expect(made).toBeGreaterThan(10);
    expect(made).toBeLessThan(1000);
    // What is removed may be used again, for ever.
    for (let round = 0; round < 1000; round++) {
      expect(guest.call('path_remove_directory', 3, ...guest.path('d1'))).toBe(ERRNO.success);
      expect(guest.call('path_create_directory', 3, ...guest.path('d1'))).toBe(ERRNO.success);
    }
  });

  it('gives back what removed files took, once they are closed', () => {
    const { preopen } = tree({});
    const guest = shimGuest([preopen], { maxMemoryFileBytes: 100_000 });
    const fill = () => {
      const fd = guest.open('f', 1);
      const errno = guest.call('fd_filestat_set_size', fd, 60_000n);
      return { fd, errno };
    };
    for (let round = 0; round < 10; round++) {
      const { fd, errno } = fill();
      expect(errno).toBe(ERRNO.success);
      expect(guest.call('path_unlink_file', 3, ...guest.path('f'))).toBe(ERRNO.success);
      expect(fill().errno).toBe(ERRNO.nospc);
      guest.call('path_unlink_file', 3, ...guest.path('f'));
      expect(guest.call('fd_close', fd)).toBe(ERRNO.success);
    }
  });

  it('and a directory of the host are two file systems', () => {
    const hostPath = newDirectory();
    writeFileSync(join(hostPath, 'h'), '');
    const { preopen } = tree({ m: new File(bytes('')) });
    const guest = shimGuest([preopen, { kind: 'host', hostPath, guestPath: '/h' }]);
    const [memory, memoryLength] = guest.path('m');
    guest.put(10, 'h');
    expect(guest.call('path_rename', 3, memory, memoryLength, 4, 10, 1)).toBe(ERRNO.xdev);
    expect(guest.call('path_link', 4, 0, 10, 1, 3, 10, 1)).toBe(ERRNO.xdev);
    guest.preview1.dispose();
  });

  it('has an entry renamed into another directory list its own parent', () => {
    const inner = new Directory(new Map());
    const { preopen, root } = tree({ a: new Directory(new Map([['x', inner]])), b: new Directory(new Map()) });
    const guest = shimGuest([preopen]);
    guest.put(10, 'b/x');
    expect(guest.call('path_rename', 3, ...guest.path('a/x'), 3, 10, 3)).toBe(ERRNO.success);
    expect(inner.parent_ino()).toBe((root.get('b') as Directory).ino);
  });
});

describe('links in a tree in memory', () => {
  it('that the embedder made are followed, and those of the guest are seen by the embedder', () => {
    const { preopen, root } = tree({
      f: new File(bytes('hello')),
      l: new SymbolicLink('d/../f'),
      d: new Directory([]),
    });
    const guest = shimGuest([preopen]);
    const follow = guest.call('path_open', 3, 1, ...guest.path('l'), 0, 2n, 0n, 0, OUT);
    expect([follow, guest.open('l', 0, 2n)]).toEqual([ERRNO.success, -ERRNO.loop]);
    guest.put(10, 'd/made');
    expect(guest.call('path_symlink', ...guest.path('../f'), 3, 10, 6)).toBe(ERRNO.success);
    const made = (root.get('d') as Directory).contents.get('made');
    expect(made).toBeInstanceOf(SymbolicLink);
    expect((made as unknown as SymbolicLink).target).toBe('../f');
    expect(guest.read(guest.open('d/made/../made', 0, 2n), 5)).toBe(-ERRNO.badf);
  });

  it.each([
    ['/etc/passwd', ERRNO.perm],
    ['../..', ERRNO.perm],
    ['l', ERRNO.loop],
    ['', ERRNO.noent],
    ['nowhere', ERRNO.noent],
  ])('to %j are errno %i', (target, errno) => {
    const { preopen } = tree({ l: new SymbolicLink(target) });
    const guest = shimGuest([preopen]);
    expect(guest.call('path_open', 3, 1, ...guest.path('l'), 0, 2n, 0n, 0, OUT)).toBe(errno);
  });

  it('take of the budget what they are', () => {
    const { preopen } = tree({});
    const guest = shimGuest([preopen], { maxMemoryFileBytes: 10_000 });
    guest.put(100, 'a'.repeat(100));
    const make = (name: string) => guest.call('path_symlink', 100, 100, 3, ...guest.path(name));
    let made = 0;
    while (make(`l${made}`) === ERRNO.success) made++;
    expect(made).toBeGreaterThan(5);
    expect(make('more')).toBe(ERRNO.nospc);
    expect(guest.call('path_unlink_file', 3, ...guest.path('l0'))).toBe(ERRNO.success);
    expect(make('more')).toBe(ERRNO.success);
  });
});

describe('the budget of a tree in memory', () => {
  /** How many entries fit into 100,000 bytes, and that they may be had again once they are removed. */
  function fitting(make: (guest: ReturnType<typeof shimGuest>, name: string) => number, digits = 4): number {
    const guest = shimGuest([tree({}).preopen], { maxMemoryFileBytes: 100_000 });
    const nameOf = (index: number) => String(index).padStart(digits, '0');
    const fill = () => {
      let made = 0;
      while (make(guest, nameOf(made)) === ERRNO.success) made++;
      expect(make(guest, nameOf(made))).toBe(ERRNO.nospc);
      return made;
    };
    const made = fill();
    for (let index = 0; index < made; index++) {
      const path = guest.path(nameOf(index));
      if (guest.call('path_unlink_file', 3, ...path) === ERRNO.success) continue;
      expect(guest.call('path_remove_directory', 3, ...guest.path(nameOf(index)))).toBe(ERRNO.success);
    }
    expect(fill()).toBe(made);
    return made;
  }
  type Guest = ReturnType<typeof shimGuest>;
  const directory = (guest: Guest, name: string) => guest.call('path_create_directory', 3, ...guest.path(name));
  const linkTo = (target: string) => (guest: Guest, name: string) => {
    guest.put(0x4000, target);
    return guest.call('path_symlink', 0x4000, target.length, 3, ...guest.path(name));
  };

  it('counts what entries, their names and their targets take of the heap', () => {
    expect(fitting(directory)).toBeLessThanOrEqual(100);
    expect(fitting(directory, 250)).toBeLessThanOrEqual(66);
    expect(fitting(linkTo('t'))).toBeLessThanOrEqual(100);
    expect(fitting(linkTo('t'.repeat(4095)))).toBeLessThanOrEqual(12);
  });

  it('counts a name as long as it has become', () => {
    const guest = shimGuest([tree({}).preopen], { maxMemoryFileBytes: 1200 });
    const long = 'n'.repeat(200);
    const rename = (from: string, to: string) => {
      guest.put(0x4000, to);
      return guest.call('path_rename', 3, ...guest.path(from), 3, 0x4000, to.length);
    };
    expect(directory(guest, 'd')).toBe(ERRNO.success);
    expect(rename('d', long)).toBe(ERRNO.nospc);
    expect(rename('d', 'n'.repeat(80))).toBe(ERRNO.success);
    expect(rename('n'.repeat(80), 'd')).toBe(ERRNO.success);
    expect(rename('d', 'n'.repeat(80))).toBe(ERRNO.success);
  });
});

describe('a tree in memory to read only', () => {
  const setUp = () => {
    const { preopen, root } = tree({
      f: new File(bytes('hello')),
      d: new Directory([]),
      l: new SymbolicLink('f'),
      own: new Counting([]),
    });
    return { guest: shimGuest([{ ...preopen, readOnly: true } as Preopen]), root };
  };
  class Counting extends File {
    override path_open() {
      return { ret: 0, fd_obj: new Counter() as unknown as OpenFile };
    }
  }

  it('is read as any other', () => {
    const { guest } = setUp();
    expect(guest.read(guest.open('f', 0, 2n), 5)).toBe('hello');
    expect(guest.call('path_filestat_get', 3, 1, ...guest.path('l'), OUT)).toBe(ERRNO.success);
    expect(guest.read(guest.open('own', 0, 2n), 5)).toBe('0');
  });

  it('is rofs where something would change', () => {
    const { guest, root } = setUp();
    const before = [...root.keys()];
    expect([guest.open('f'), guest.open('new', 1), guest.open('f', 8, 2n)]).toEqual([-69, -69, -69]);
    const f = guest.path('f');
    guest.put(10, 'new');
    const to = [3, 10, 3] as const;
    const fd = guest.open('f', 0, 2n);
    const own = guest.open('own', 0, 2n);
    const answers = [
      guest.call('path_create_directory', ...to),
      guest.call('path_remove_directory', 3, ...f),
      guest.call('path_unlink_file', 3, ...f),
      guest.call('path_rename', 3, ...f, ...to),
      guest.call('path_link', 3, 0, ...f, ...to),
      guest.call('path_symlink', ...f, ...to),
      guest.call('path_filestat_set_times', 3, 0, ...f, 1n, 1n, 5),
      guest.call('fd_filestat_set_times', fd, 1n, 1n, 5),
      guest.call('fd_filestat_set_size', fd, 1n),
      guest.call('fd_filestat_set_size', own, 1n),
    ];
    expect(new Set(answers)).toEqual(new Set([ERRNO.rofs]));
    expect([guest.write(fd, 'x'), guest.write(own, 'x')]).toEqual([-ERRNO.badf, -ERRNO.badf]);
    expect([...root.keys()]).toEqual(before);
    expect(guest.reports).toEqual([]);
  });
});

/** A class of an embedder: a counter that is read as text. */
class Counter extends Fd {
  closed = 0;
  #count = 0;
  override fd_fdstat_get() {
    return { ret: 0, fdstat: new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, 0) };
  }
  override fd_read(size: number) {
    return { ret: 0, data: bytes(String(this.#count++)).subarray(0, size) };
  }
  override fd_close() {
    this.closed++;
    return 0;
  }
}

describe('an Fd of the embedder', () => {
  it('is called as it is, and closed once', () => {
    const counter = new Counter();
    const guest = shimGuest([{ kind: 'shim', guestPath: '/counter', fd: counter }]);
    expect([guest.read(3, 5), guest.read(3, 5)]).toEqual(['0', '1']);
    expect(guest.write(3, 'x')).toBe(-ERRNO.badf);
    expect(guest.call('fd_tell', 3, OUT)).toBe(ERRNO.spipe);
    expect(guest.call('fd_close', 3)).toBe(ERRNO.success);
    guest.preview1.dispose();
    expect(counter.closed).toBe(1);
  });

  it('serves as standard streams', () => {
    const lines: string[] = [];
    const guest = shimGuest([], {
      stdin: { kind: 'shim', fd: new OpenFile(new File(bytes('typed'))) },
      stdout: { kind: 'shim', fd: ConsoleStdout.lineBuffered((line) => lines.push(line)) },
    });
    expect([guest.read(0, 2), guest.read(0, 10), guest.read(0, 10)]).toEqual(['ty', 'ped', '']);
    expect(guest.write(1, 'one\ntw')).toBe(6);
    expect(guest.write(1, 'o\n')).toBe(2);
    expect(lines).toEqual(['one', 'two']);
  });

  it('opens itself where it is an inode of a tree', () => {
    class Device extends File {
      override path_open() {
        return { ret: 0, fd_obj: new Counter() as unknown as OpenFile };
      }
    }
    const { preopen } = tree({ device: new Device([]) });
    const guest = shimGuest([preopen]);
    expect(guest.read(guest.open('device'), 5)).toBe('0');
  });

  it('may be a directory with paths of its own', () => {
    class Upper extends PreopenDirectory {
      override path_open(flags: number, path: string, ...rest: [number, bigint, bigint, number]) {
        return super.path_open(flags, path.toLowerCase(), ...rest);
      }
    }
    const fd = new Upper('.', new Map([['f', new File(bytes('found'))]]));
    const guest = shimGuest([{ kind: 'shim', guestPath: '/', fd }]);
    expect(guest.read(guest.open('F', 0, 2n), 10)).toBe('found');
    expect(guest.call('fd_readdir', 3, BUFFER, 1000, 0n, OUT)).toBe(ERRNO.success);
    expect(guest.call('path_filestat_get', 3, 0, ...guest.path('f'), OUT)).toBe(ERRNO.success);
  });

  const throws = () => {
    throw new Error('out of order');
  };
  const nonsense: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', 1000],
    ['a promise', Promise.resolve({ ret: 0 })],
    ['an errno that is none', { ret: 1000 }],
    ['an errno that is text', { ret: '0' }],
    ['success and nothing else', { ret: 0 }],
    ['bytes that are none', { ret: 0, data: { length: 3, byteLength: 3 } }],
    ['more than was asked for', { ret: 0, data: new Uint8Array(100) }],
    ['a count that is too high', { ret: 0, nwritten: 11 }],
    ['a count that is none', { ret: 0, nwritten: Number.NaN }],
    ['an offset that is no bigint', { ret: 0, offset: 1 }],
    ['a status of text', { ret: 0, fdstat: { fs_filetype: 'x' }, filestat: { ino: 'x' } }],
    ['an entry without a name', { ret: 0, dirent: { d_ino: 1n, d_next: 1n, d_type: 1 } }],
    ['something open that is nothing', { ret: 0, fd_obj: 7, inode_obj: null }],
  ];
  const calls: [string, string, (guest: ReturnType<typeof shimGuest>) => number][] = [
    ['fd_read', 'fd_read', (guest) => -(guest.read(3, 10) as number)],
    ['fd_write', 'fd_write', (guest) => -guest.write(3, '0123456789')],
    ['fd_seek', 'fd_seek', (guest) => guest.call('fd_seek', 3, 0n, 0, OUT)],
    ['fd_fdstat_get', 'fd_fdstat_get', (guest) => guest.call('fd_fdstat_get', 3, OUT)],
    ['fd_filestat_get', 'fd_filestat_get', (guest) => guest.call('fd_filestat_get', 3, OUT)],
    ['fd_sync', 'fd_sync', (guest) => guest.call('fd_sync', 3)],
    ['fd_allocate', 'fd_allocate', (guest) => guest.call('fd_allocate', 3, 0n, 1n)],
    ['fd_readdir_single', 'fd_readdir', (guest) => guest.call('fd_readdir', 4, BUFFER, 100, 0n, OUT)],
    ['path_open', 'path_open', (guest) => -guest.open('x', 0, 2n, 4)],
    ['path_create_directory', 'path_create_directory', (guest) => guest.call('path_create_directory', 4, 0, 1)],
    ['path_unlink', 'path_rename', (guest) => guest.call('path_rename', 4, 0, 1, 4, 0, 1)],
    ['path_readlink', 'path_readlink', (guest) => guest.call('path_readlink', 4, 0, 1, BUFFER, 10, OUT)],
    ['path_filestat_get', 'path_filestat_get', (guest) => guest.call('path_filestat_get', 4, 0, 0, 1, OUT)],
  ];
  const broken = calls.flatMap(([method, name, call]) =>
    [['an exception', throws] as const, ...nonsense.map(([what, value]) => [what, () => value] as const)]
      .filter(([what]) => !(what === 'success and nothing else' && /sync|allocate|create/.test(method)))
      .map(([what, misbehave]) => ({ method, what, name, call, misbehave })),
  );

  it.each(broken)('that answers $method by $what is the guest’s io', ({ method, name, call, misbehave }) => {
    class Listing extends Counter {
      override fd_fdstat_get() {
        return { ret: 0, fdstat: new wasi.Fdstat(wasi.FILETYPE_DIRECTORY, 0) };
      }
    }
    const file = new Counter();
    const directory = new Listing();
    const guest = shimGuest([
      { kind: 'shim', guestPath: '/f', fd: file },
      { kind: 'shim', guestPath: '/d', fd: directory },
    ]);
    for (const fd of [file, directory]) Object.assign(fd, { [method]: misbehave });
    guest.mask();
    expect(call(guest)).toBe(ERRNO.io);
    expect(guest.reports).toEqual([[name, expect.any(Error)]]);
    guest.expectUntouched(OUT, OUT + 100);
    guest.expectUntouched(BUFFER + 10, BUFFER + 200);
  });

  it('that throws when it is closed keeps nothing else open', () => {
    const closed = new Counter();
    const guest = shimGuest(
      [Object.assign(new Counter(), { fd_close: throws }), closed].map((fd) => ({ kind: 'shim', guestPath: '/', fd })),
    );
    guest.preview1.dispose();
    expect(closed.closed).toBe(1);
    expect(guest.reports).toEqual([['fd_close', expect.any(Error)]]);
  });
});

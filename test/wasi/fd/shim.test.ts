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
import type { Preopen, Preview1Options } from '../../../src/wasi/index.ts';
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

  it.each([
    [
      'throws',
      () => {
        throw new Error('out of order');
      },
    ],
    ['gives more than was asked for', () => ({ ret: 0, data: new Uint8Array(100) })],
  ])('that %s is the guest’s io, and nothing is written', (_, misbehave) => {
    class Broken extends Counter {
      override fd_read = misbehave as Counter['fd_read'];
    }
    const guest = shimGuest([{ kind: 'shim', guestPath: '/', fd: new Broken() }]);
    expect(guest.read(3, 10)).toBe(-ERRNO.io);
    guest.expectUntouched(BUFFER, BUFFER + 200);
    expect(guest.reports).toHaveLength(1);
  });
});

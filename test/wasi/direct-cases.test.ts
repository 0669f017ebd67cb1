/** Single cases of direct calls, each with what JavaScript answers by itself beside it. */
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
const READ = 2n;
const WRITE = 64n;
const CREATE = 1;
const EXCLUSIVE = 4;
const TRUNCATE = 8;

function nativeFs(): NativeFs & Required<Pick<NativeFs, 'kinds' | 'positions' | 'directCalls'>> {
  const { fs } = loadAddon();
  if (fs?.directCalls === undefined) throw new Error('the addon has no direct calls');
  return fs as ReturnType<typeof nativeFs>;
}

function withoutDirectCalls(): NativeFs {
  const { directCalls: _, ...plain } = nativeFs();
  return plain;
}

/** With a file of ten bytes in it. */
function newTree(): string {
  const root = newDirectory();
  writeFileSync(join(root, 'file'), '0123456789');
  return root;
}

const preopen = (hostPath: string, readOnly = false) => ({
  preopens: [{ kind: 'host', hostPath, guestPath: '/', readOnly } as const],
});

const answerAt = (guest: Preview1Guest) => new DataView(guest.wasmMemory.buffer).getUint32(RESULT, true);

function open(guest: Preview1Guest, path: string, oflags = 0, rights = READ | WRITE, lookup = 0): number {
  guest.put(PATH, path);
  return guest.call('path_open', 3, lookup, PATH, path.length, oflags, rights, 0n, 0, RESULT);
}

/** Opens what can be opened. */
function opened(guest: Preview1Guest, path: string, oflags = 0): number {
  expect(open(guest, path, oflags)).toBe(ERRNO.success);
  return answerAt(guest);
}

function move(guest: Preview1Guest, name: 'fd_read' | 'fd_write', fd: number, vectors = 1): number {
  const view = new DataView(guest.wasmMemory.buffer);
  guest.bytes().fill(0, VECTORS, VECTORS + 8 * vectors);
  view.setUint32(VECTORS, BUFFER, true);
  view.setUint32(VECTORS + 4, 4, true);
  return guest.call(name, fd, VECTORS, vectors, RESULT);
}

function read(guest: Preview1Guest, fd: number): string | number {
  const errno = move(guest, 'fd_read', fd);
  if (errno !== ERRNO.success) return errno;
  return Buffer.from(guest.bytes().slice(BUFFER, BUFFER + answerAt(guest))).toString('latin1');
}

describe.each([
  ['direct calls', nativeFs],
  ['JavaScript alone', withoutDirectCalls],
])('%s', (_, fsOf) => {
  it('keep the directions of streams apart that stand for one descriptor of the host', () => {
    const path = join(newTree(), 'file');
    const fd = openSync(path, 'r+');
    const stream = { kind: 'fd', fd } as const;
    const guest = preview1Guest({ fs: fsOf(), stdin: stream, stdout: stream, stderr: stream });
    guest.put(BUFFER, 'text');
    expect(move(guest, 'fd_write', 0)).toBe(ERRNO.badf);
    expect(read(guest, 1)).toBe(ERRNO.badf);
    expect(read(guest, 2)).toBe(ERRNO.badf);
    expect(read(guest, 0)).toBe('0123');
    guest.put(BUFFER, 'text');
    expect(move(guest, 'fd_write', 1)).toBe(ERRNO.success);
    guest.put(BUFFER, '!!!!');
    expect(move(guest, 'fd_write', 2)).toBe(ERRNO.success);
    expect(guest.call('fd_renumber', 1, 0)).toBe(ERRNO.success);
    expect(read(guest, 0)).toBe(ERRNO.badf);
    expect(move(guest, 'fd_write', 1)).toBe(ERRNO.badf);
    guest.preview1.dispose();
    closeSync(fd);
    expect(readFileSync(path, 'latin1')).toBe('0123text!!!!');
  });

  it('read no more of standard input once it has failed', () => {
    const fd = openSync(join(newTree(), 'file'), 'r');
    const fs = { ...fsOf(), readNow: () => -5 };
    const guest = preview1Guest({ fs, stdin: { kind: 'fd', fd } });
    // So many buffers are not for direct calls.
    expect(move(guest, 'fd_read', 0, 17)).toBe(ERRNO.io);
    expect(read(guest, 0)).toBe('');
    guest.preview1.dispose();
    closeSync(fd);
  });

  it('create a file once, whatever number the host has for it', () => {
    const root = newTree();
    const fs = fsOf();
    // As if what was opened first had the last number that direct calls know.
    let known = fs.kinds?.length ?? 0;
    const few = Object.defineProperties(
      {
        ...fs,
        openDirectory(path: string) {
          const fd = fs.openDirectory(path);
          known = fd + 1;
          return fd;
        },
      },
      {
        kinds: { get: () => fs.kinds?.subarray(0, known) },
        positions: { get: () => fs.positions?.subarray(0, known) },
      },
    ) as NativeFs;
    const guest = preview1Guest({ fs: few, ...preopen(root) });
    const fd = opened(guest, 'new', CREATE | EXCLUSIVE);
    guest.put(BUFFER, 'text');
    expect(move(guest, 'fd_write', fd)).toBe(ERRNO.success);
    expect(guest.call('fd_seek', fd, 1n, 0, RESULT)).toBe(ERRNO.success);
    expect(read(guest, fd)).toBe('ext');
    expect(guest.call('fd_close', fd)).toBe(ERRNO.success);
    const directory = open(guest, '.', 0, READ) === ERRNO.success ? answerAt(guest) : -1;
    guest.put(PATH, 'new');
    expect(guest.call('path_filestat_get', directory, 0, PATH, 3, RESULT)).toBe(ERRNO.success);
    const left = opened(guest, 'file', TRUNCATE);
    expect(guest.call('fd_close', left)).toBe(ERRNO.success);
    expect(guest.call('fd_close', opened(guest, 'new'))).toBe(ERRNO.success);
    guest.preview1.dispose();
    expect(readFileSync(join(root, 'new'), 'latin1')).toBe('text');
    expect(readFileSync(join(root, 'file'), 'latin1')).toBe('');
  });

  it('let nothing change below a read-only directory', () => {
    const root = newTree();
    const guest = preview1Guest({ fs: fsOf(), ...preopen(root, true) });
    for (const oflags of [CREATE, TRUNCATE, CREATE | TRUNCATE, CREATE | EXCLUSIVE]) {
      expect(open(guest, 'file', oflags, READ)).toBe(ERRNO.rofs);
    }
    expect(open(guest, 'file', 0, WRITE)).toBe(ERRNO.rofs);
    guest.put(NEW_PATH, 'other');
    expect(guest.call('path_unlink_file', 3, PATH, 4)).toBe(ERRNO.rofs);
    expect(guest.call('path_rename', 3, PATH, 4, 3, NEW_PATH, 5)).toBe(ERRNO.rofs);
    expect(open(guest, '.', 0, READ)).toBe(ERRNO.success);
    expect(guest.call('path_unlink_file', answerAt(guest), PATH, 4)).not.toBe(ERRNO.success);
    guest.preview1.dispose();
    expect(readFileSync(join(root, 'file'), 'latin1')).toBe('0123456789');
  });

  it('open no more than the guest may have', () => {
    const guest = preview1Guest({ fs: fsOf(), maxOpenFiles: 5, ...preopen(newTree()) });
    const fd = opened(guest, 'file');
    expect(open(guest, 'new', CREATE)).toBe(ERRNO.mfile);
    expect(guest.call('fd_close', fd)).toBe(ERRNO.success);
    expect(open(guest, 'new', CREATE | EXCLUSIVE)).toBe(ERRNO.success);
    guest.preview1.dispose();
  });

  it('follow a descriptor to another number', () => {
    const guest = preview1Guest({ fs: fsOf(), ...preopen(newTree()) });
    const [one, other] = [opened(guest, 'file'), opened(guest, 'file')];
    expect(read(guest, one)).toBe('0123');
    expect(guest.call('fd_renumber', one, other)).toBe(ERRNO.success);
    expect(read(guest, one)).toBe(ERRNO.badf);
    expect(read(guest, other)).toBe('4567');
    expect(guest.call('fd_close', other)).toBe(ERRNO.success);
    expect(read(guest, other)).toBe(ERRNO.badf);
    expect(guest.call('fd_close', other)).toBe(ERRNO.badf);
    guest.preview1.dispose();
  });

  it('know of what wasi_unstable closed, and the other way round', () => {
    const guest = preview1Guest({ fs: fsOf(), ...preopen(newTree()) });
    const fd = opened(guest, 'file');
    expect(guest.callUnstable('fd_close', fd)).toBe(ERRNO.success);
    expect(read(guest, fd)).toBe(ERRNO.badf);
    expect(guest.call('fd_close', fd)).toBe(ERRNO.badf);
    expect(opened(guest, 'file')).toBe(fd);
    expect(guest.call('fd_close', fd)).toBe(ERRNO.success);
    expect(guest.callUnstable('fd_close', fd)).toBe(ERRNO.badf);
    guest.preview1.dispose();
  });

  it('read, open and stat for a guest with shared memory, also when it has grown', () => {
    const guest = preview1Guest({ fs: fsOf(), ...preopen(newTree()) }, { initial: 1, maximum: 2, shared: true });
    const fd = opened(guest, 'file');
    expect(read(guest, fd)).toBe('0123');
    expect(guest.call('fd_filestat_get', fd, 0x10000)).toBe(ERRNO.fault);
    guest.wasmMemory.grow(1);
    expect(guest.call('fd_filestat_get', fd, 0x10000)).toBe(ERRNO.success);
    expect(new DataView(guest.wasmMemory.buffer).getBigUint64(0x10000 + 32, true)).toBe(10n);
    expect(read(guest, fd)).toBe('4567');
    guest.preview1.dispose();
  });
});

describe('what direct calls know of the host’s descriptors', () => {
  const known = () => nativeFs().kinds.filter((kind) => kind !== 0).length;

  it('ends with the guest, whatever it left open', () => {
    const root = newTree();
    mkdirSync(join(root, 'sub'));
    const input = openSync(join(root, 'file'), constants.O_RDWR);
    for (let run = 0; run < 3; run++) {
      const guest = preview1Guest({
        stdin: { kind: 'fd', fd: input },
        stdout: { kind: 'fd', fd: input },
        ...preopen(root),
      });
      const [direct, asked, sub] = [opened(guest, 'file'), opened(guest, 'file'), open(guest, 'sub', 0, READ)];
      expect([direct, sub]).toEqual([4, ERRNO.success]);
      expect(guest.call('fd_tell', asked, RESULT)).toBe(ERRNO.success);
      expect(guest.callUnstable('fd_close', opened(guest, 'file'))).toBe(ERRNO.success);
      expect(known()).toBe(4);
      guest.preview1.dispose();
      expect(known()).toBe(0);
      expect(read(guest, direct)).toBe(ERRNO.badf);
      expect(read(guest, 0)).toBe(ERRNO.badf);
    }
    closeSync(input);
  });

  it('is nothing after a guest that could not be made', () => {
    const root = newTree();
    const preopens = [root, join(root, 'absent')].map(
      (hostPath) => ({ kind: 'host', hostPath, guestPath: '/' }) as const,
    );
    expect(() => preview1Guest({ preopens })).toThrow(expect.objectContaining({ code: 'ERR_PREOPEN' }));
    expect(known()).toBe(0);
  });

  it('is not what a number meant that the embedder has closed', () => {
    const root = newTree();
    const input = openSync(join(root, 'file'), 'r');
    preview1Guest({ stdin: { kind: 'fd', fd: input } }).preview1.dispose();
    closeSync(input);
    // Most likely the same number again, for what is no stream: a directory.
    const again = openSync(root, 'r');
    const guest = preview1Guest({ stdin: { kind: 'fd', fd: again } });
    expect(read(guest, 0)).toBe(ERRNO.isdir);
    expect(known()).toBe(0);
    guest.preview1.dispose();
    closeSync(again);
  });
});

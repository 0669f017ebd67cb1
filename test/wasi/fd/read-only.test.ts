/** A preopen that nothing may change, by any way there is. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { cli } from '../../support/cli.ts';
import { preview1Guest } from '../../support/preview1-guest.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const PATH = 0;
const OUT = 0x1000;
const READ = 2n;
const WRITE = 64n;

/** Creates a file below its first preopen and ends with the errno of that. */
const CREATING = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "made")
  (func (export "_start")
    (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1) (i64.const 64)
      (i64.const 0) (i32.const 0) (i32.const 100)))))`;

/** Descriptor 3 is read-only, 4 may be written, 5 is the file of 3, 6 its directory. */
function guestWithBoth() {
  const given = newDirectory();
  const other = newDirectory();
  mkdirSync(join(given, 'd'));
  mkdirSync(join(given, 'e'));
  writeFileSync(join(given, 'f'), 'hello');
  writeFileSync(join(given, 'd', 'f'), 'below');
  symlinkSync('f', join(given, 'l'));
  writeFileSync(join(other, 'o'), 'other');
  execFileSync('mkfifo', [join(given, 'p')]);
  const guest = preview1Guest({
    preopens: [
      { kind: 'host', hostPath: given, guestPath: '/ro', readOnly: true },
      { kind: 'host', hostPath: other, guestPath: '/rw' },
    ],
  });
  guest.put(PATH, 'fdelop');
  expect(guest.call('path_open', 3, 0, F, 1, 0, READ, 0n, 0, OUT)).toBe(ERRNO.success);
  expect(guest.call('path_open', 3, 0, D, 1, 2, READ, 0n, 0, OUT)).toBe(ERRNO.success);
  return { guest, given, other };
}

const [F, D, E, L, O, P, NEW] = [PATH, PATH + 1, PATH + 2, PATH + 3, PATH + 4, PATH + 5, PATH + 6];

function stateOf(root: string): unknown[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(root, name);
      const { mode, nlink, size, mtimeMs, ctimeMs } = lstatSync(path);
      return [name, mode, nlink, size, mtimeMs, ctimeMs];
    });
}

describe('a read-only preopen', () => {
  it.each<[string, (number | bigint)[]]>([
    ['path_open', [3, 0, F, 1, 0, WRITE, 0n, 0, OUT]],
    ['path_open', [3, 0, F, 1, 0, READ | WRITE, 0n, 0, OUT]],
    ['path_open', [3, 1, L, 1, 0, WRITE, 0n, 0, OUT]],
    ['path_open', [3, 0, F, 1, 8, READ, 0n, 0, OUT]],
    ['path_open', [3, 0, NEW, 1, 1, READ, 0n, 0, OUT]],
    ['path_open', [3, 0, F, 1, 1, READ, 0n, 0, OUT]],
    ['path_open', [6, 0, F, 1, 0, WRITE, 0n, 0, OUT]],
    ['path_open', [6, 0, NEW, 1, 1, READ, 0n, 0, OUT]],
    ['path_open', [6, 0, F, 1, 8, READ, 0n, 0, OUT]],
    ['path_open', [6, 0, F, 1, 9, READ | WRITE, 0n, 1, OUT]],
    ['path_open', [3, 0, P, 1, 0, WRITE, 0n, 4, OUT]],
    ['path_open', [3, 0, P, 1, 0, READ | WRITE, 0n, 0, OUT]],
    ['path_symlink', [F, 1, 6, NEW, 1]],
    ['path_remove_directory', [6, E, 1]],
    ['path_rename', [6, F, 1, 3, NEW, 1]],
    ['path_rename', [4, O, 1, 6, NEW, 1]],
    ['path_rename', [3, E, 1, 4, NEW, 1]],
    ['path_link', [6, 0, F, 1, 4, NEW, 1]],
    ['path_link', [4, 0, O, 1, 6, NEW, 1]],
    ['path_link', [3, 0, L, 1, 4, NEW, 1]],
    ['path_unlink_file', [3, P, 1]],
    ['path_filestat_set_times', [6, 0, F, 1, 1n, 1n, 5]],
    ['path_filestat_set_times', [3, 1, D, 1, 0n, 0n, 10]],
    ['fd_filestat_set_size', [5, 0n]],
    ['path_create_directory', [3, NEW, 1]],
    ['path_create_directory', [6, NEW, 1]],
    ['path_remove_directory', [3, E, 1]],
    ['path_unlink_file', [3, F, 1]],
    ['path_unlink_file', [6, F, 1]],
    ['path_symlink', [F, 1, 3, NEW, 1]],
    ['path_rename', [3, F, 1, 3, NEW, 1]],
    ['path_rename', [3, F, 1, 4, NEW, 1]],
    ['path_rename', [4, O, 1, 3, NEW, 1]],
    ['path_rename', [6, F, 1, 4, NEW, 1]],
    ['path_link', [3, 0, F, 1, 3, NEW, 1]],
    ['path_link', [3, 0, F, 1, 4, NEW, 1]],
    ['path_link', [4, 0, O, 1, 3, NEW, 1]],
    ['path_filestat_set_times', [3, 1, F, 1, 1n, 1n, 5]],
    ['path_filestat_set_times', [3, 0, L, 1, 1n, 1n, 5]],
    ['fd_filestat_set_times', [5, 1n, 1n, 5]],
    ['fd_filestat_set_times', [6, 1n, 1n, 5]],
    ['fd_filestat_set_size', [5, 1n]],
  ])('%s: rofs, and nothing has changed', (name, args) => {
    const { guest, given, other } = guestWithBoth();
    guest.put(NEW, 'n');
    const before = [stateOf(given), stateOf(other)];
    expect(guest.call(name, ...args)).toBe(ERRNO.rofs);
    guest.preview1.dispose();
    expect([stateOf(given), stateOf(other)]).toEqual(before);
  });

  it('cannot be written through a descriptor that was opened for reading', () => {
    const { guest, given } = guestWithBoth();
    const view = new DataView(guest.wasmMemory.buffer);
    view.setUint32(0x100, PATH, true);
    view.setUint32(0x104, 1, true);
    expect(guest.call('fd_fdstat_set_flags', 5, 1)).toBe(ERRNO.success);
    for (const [name, args] of [
      ['fd_write', [5, 0x100, 1, OUT]],
      ['fd_pwrite', [5, 0x100, 1, 0n, OUT]],
    ] as const) {
      expect(guest.call(name, ...args)).toBe(ERRNO.badf);
    }
    expect(guest.call('fd_allocate', 5, 0n, 100n)).toBe(ERRNO.notsup);
    guest.preview1.dispose();
    expect(readFileSync(join(given, 'f'), 'utf8')).toBe('hello');
  });

  it('stays read-only under another number, and a directory to write to stays writable', () => {
    const { guest, given, other } = guestWithBoth();
    const view = new DataView(guest.wasmMemory.buffer);
    guest.put(NEW, 'n');
    // The file that may be read takes the number of one that may be written, and the directories change places.
    expect(guest.call('path_open', 4, 0, O, 1, 0, READ | WRITE, 0n, 0, OUT)).toBe(ERRNO.success);
    const writable = view.getUint32(OUT, true);
    expect(guest.call('fd_renumber', 5, writable)).toBe(ERRNO.success);
    expect(guest.call('fd_filestat_set_size', writable, 0n)).toBe(ERRNO.rofs);
    expect(guest.call('fd_filestat_set_times', writable, 1n, 1n, 5)).toBe(ERRNO.rofs);
    expect(guest.call('fd_renumber', 3, 4)).toBe(ERRNO.success);
    expect(guest.call('path_create_directory', 4, NEW, 1)).toBe(ERRNO.rofs);
    expect(guest.call('path_create_directory', 3, NEW, 1)).toBe(ERRNO.badf);
    guest.preview1.dispose();
    expect(readFileSync(join(given, 'f'), 'utf8')).toBe('hello');
    expect(readFileSync(join(other, 'o'), 'utf8')).toBe('other');
  });

  it('cannot be written through a FIFO or a socket in it, nor waited for', async () => {
    const { guest, given } = guestWithBoth();
    const server = createServer().listen(join(given, 's'));
    await once(server, 'listening');
    guest.put(NEW, 's');
    expect(guest.call('path_open', 3, 0, P, 1, 0, READ, 0n, 0, OUT)).toBe(ERRNO.success);
    const fifo = new DataView(guest.wasmMemory.buffer).getUint32(OUT, true);
    guest.put(0x100, Uint8Array.of(PATH, 0, 0, 0, 1, 0, 0, 0));
    expect(guest.call('fd_read', fifo, 0x100, 1, OUT)).toBe(ERRNO.spipe);
    expect(guest.call('fd_write', fifo, 0x100, 1, OUT)).not.toBe(ERRNO.success);
    expect(guest.call('path_open', 3, 0, NEW, 1, 0, WRITE, 0n, 0, OUT)).toBe(ERRNO.rofs);
    expect(guest.call('path_open', 3, 0, NEW, 1, 0, READ, 0n, 0, OUT)).not.toBe(ERRNO.success);
    guest.preview1.dispose();
    server.close();
  });

  it('is what `--dir HOST::GUEST::ro` gives', async () => {
    const { guest, given } = guestWithBoth();
    guest.preview1.dispose();
    const creating = join(newDirectory(), 'creating.wat');
    writeFileSync(creating, CREATING);
    const before = stateOf(given);
    expect(await cli([`--dir=${given}::/data::ro`, creating])).toMatchObject({ exitCode: ERRNO.rofs });
    expect(stateOf(given)).toEqual(before);
    expect(await cli([`--dir=${given}::/data`, creating])).toMatchObject({ exitCode: ERRNO.success });
    expect(readdirSync(given)).toContain('made');
  });

  it('can be read and listed like any other', () => {
    const { guest } = guestWithBoth();
    expect(guest.call('path_filestat_get', 3, 1, L, 1, OUT)).toBe(ERRNO.success);
    expect(guest.call('path_readlink', 3, L, 1, OUT, 10, OUT + 100)).toBe(ERRNO.success);
    expect(guest.call('fd_readdir', 3, OUT, 1000, 0n, 0x800)).toBe(ERRNO.success);
    expect(guest.call('path_open', 6, 0, F, 1, 0, READ, 0n, 0, OUT)).toBe(ERRNO.success);
    guest.preview1.dispose();
  });

  it('says that it can be read, not written', () => {
    const { guest } = guestWithBoth();
    const view = new DataView(guest.wasmMemory.buffer);
    const rights = (fd: number) => {
      expect(guest.call('fd_fdstat_get', fd, OUT)).toBe(ERRNO.success);
      return { base: view.getBigUint64(OUT + 8, true), inheriting: view.getBigUint64(OUT + 16, true) };
    };
    const createAndWrite = (1n << 9n) | (1n << 10n) | (1n << 25n) | (1n << 26n) | WRITE;
    for (const fd of [3, 6]) for (const word of Object.values(rights(fd))) expect(word & createAndWrite).toBe(0n);
    expect(rights(3).inheriting & READ).toBe(READ);
    expect(rights(5).base & (WRITE | READ)).toBe(READ);
    expect(rights(4).base & (1n << 9n)).not.toBe(0n);
    guest.preview1.dispose();
  });
});

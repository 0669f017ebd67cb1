/** Every pointer of every function: the last address that fits, and the first that does not. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/wasi/errno.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const PAGE = 65536;
/** Where a path, a list of buffers and a subscription lie. */
const PATH = 0x100;
const VECTORS = 0x200;
const SUBSCRIPTION = 0x300;
const FREE = 0x1000;

/** In place of an argument: the pointer that is tried. */
const HERE = 'HERE';
type Template = (number | bigint | typeof HERE)[];

/** Function, what is tried, its size in bytes, the call; in order of the specification. */
const TABLE: [name: string, what: string, byteLength: number, args: Template][] = [
  ['args_get', 'pointers', 8, [HERE, FREE]],
  ['args_get', 'bytes', 8, [FREE, HERE]],
  ['args_sizes_get', 'count', 4, [HERE, FREE]],
  ['args_sizes_get', 'length', 4, [FREE, HERE]],
  ['environ_get', 'pointers', 4, [HERE, FREE]],
  ['environ_get', 'bytes', 4, [FREE, HERE]],
  ['environ_sizes_get', 'count', 4, [HERE, FREE]],
  ['environ_sizes_get', 'length', 4, [FREE, HERE]],
  ['clock_res_get', 'resolution', 8, [0, HERE]],
  ['clock_time_get', 'time', 8, [1, 0n, HERE]],
  ['fd_fdstat_get', 'status', 24, [4, HERE]],
  ['fd_filestat_get', 'status', 64, [4, HERE]],
  ['fd_pread', 'buffers', 8, [4, HERE, 1, 0n, FREE]],
  ['fd_pread', 'count', 4, [4, VECTORS, 1, 0n, HERE]],
  ['fd_prestat_get', 'status', 8, [3, HERE]],
  ['fd_prestat_dir_name', 'name', 5, [3, HERE, 5]],
  ['fd_pwrite', 'buffers', 8, [4, HERE, 1, 0n, FREE]],
  ['fd_pwrite', 'count', 4, [4, VECTORS, 1, 0n, HERE]],
  ['fd_read', 'buffers', 8, [4, HERE, 1, FREE]],
  ['fd_read', 'count', 4, [4, VECTORS, 1, HERE]],
  ['fd_readdir', 'entries', 100, [3, HERE, 100, 0n, FREE]],
  ['fd_readdir', 'used', 4, [3, FREE, 100, 0n, HERE]],
  ['fd_seek', 'position', 8, [4, 0n, 0, HERE]],
  ['fd_tell', 'position', 8, [4, HERE]],
  ['fd_write', 'buffers', 8, [4, HERE, 1, FREE]],
  ['fd_write', 'count', 4, [4, VECTORS, 1, HERE]],
  ['path_create_directory', 'path', 3, [3, HERE, 3]],
  ['path_filestat_get', 'path', 3, [3, 0, HERE, 3, FREE]],
  ['path_filestat_get', 'status', 64, [3, 0, PATH, 1, HERE]],
  ['path_filestat_set_times', 'path', 3, [3, 0, HERE, 3, 0n, 0n, 0]],
  ['path_link', 'path', 3, [3, 0, HERE, 3, 3, PATH, 1]],
  ['path_link', 'new path', 3, [3, 0, PATH, 1, 3, HERE, 3]],
  ['path_open', 'path', 3, [3, 0, HERE, 3, 0, 2n, 0n, 0, FREE]],
  ['path_open', 'descriptor', 4, [3, 0, PATH, 1, 0, 2n, 0n, 0, HERE]],
  ['path_readlink', 'path', 3, [3, HERE, 3, FREE, 10, FREE]],
  ['path_readlink', 'buffer', 10, [3, PATH + 1, 1, HERE, 10, FREE]],
  ['path_readlink', 'used', 4, [3, PATH + 1, 1, FREE, 10, HERE]],
  ['path_remove_directory', 'path', 3, [3, HERE, 3]],
  ['path_rename', 'path', 3, [3, HERE, 3, 3, PATH, 1]],
  ['path_rename', 'new path', 3, [3, PATH, 1, 3, HERE, 3]],
  ['path_symlink', 'target', 3, [HERE, 3, 3, PATH, 1]],
  ['path_symlink', 'path', 3, [PATH, 1, 3, HERE, 3]],
  ['path_unlink_file', 'path', 3, [3, HERE, 3]],
  ['poll_oneoff', 'subscriptions', 48, [HERE, FREE, 1, FREE + 100]],
  ['poll_oneoff', 'events', 32, [SUBSCRIPTION, HERE, 1, FREE]],
  ['poll_oneoff', 'count', 4, [SUBSCRIPTION, FREE, 1, HERE]],
  ['random_get', 'bytes', 10, [HERE, 10]],
  ['sock_accept', 'descriptor', 4, [4, 0, HERE]],
  ['sock_recv', 'count', 4, [4, VECTORS, 1, 0, HERE, FREE]],
  ['sock_recv', 'flags', 2, [4, VECTORS, 1, 0, FREE, HERE]],
  ['sock_send', 'count', 4, [4, VECTORS, 1, 0, HERE]],
];

const newDirectory = temporaryDirectories();

/** With descriptor 3 a directory that holds the file `f` and the link `l`, descriptor 4 the file. */
function guestWithFile(): Preview1Guest {
  const hostPath = newDirectory();
  writeFileSync(join(hostPath, 'f'), 'hello');
  symlinkSync('f', join(hostPath, 'l'));
  const guest = preview1Guest({
    args: ['abc', 'def'],
    env: [['A', 'b']],
    preopens: [{ kind: 'host', hostPath, guestPath: '/here' }],
  });
  guest.put(PATH, 'fl');
  expect(guest.call('path_open', 3, 0, PATH, 1, 0, 66n, 0n, 0, FREE)).toBe(ERRNO.success);
  guest.mask();
  guest.put(PATH, 'fl');
  const view = new DataView(guest.wasmMemory.buffer);
  view.setUint32(VECTORS, FREE + 0x100, true);
  view.setUint32(VECTORS + 4, 3, true);
  // A subscription to the clock, for a time that has come.
  guest.bytes().fill(0, SUBSCRIPTION, SUBSCRIPTION + 48);
  return guest;
}

describe.each(TABLE)('%s: %s', (name, _, byteLength, template) => {
  const at = (pointer: number) => template.map((arg) => (arg === HERE ? pointer : arg));

  it('fits at the end of the memory', () => {
    const guest = guestWithFile();
    // An empty buffer, where a list of them is tried.
    guest.bytes().fill(0, PAGE - byteLength);
    expect(guest.call(name, ...at(PAGE - byteLength))).not.toBe(ERRNO.fault);
    guest.preview1.dispose();
    expect(guest.reports).toEqual([]);
  });

  it.each([PAGE - byteLength + 1, PAGE, 0x7fffffff, -0x80000000, -byteLength, -1])('faults at %d', (pointer) => {
    const guest = guestWithFile();
    const before = guest.bytes().slice(PAGE - byteLength);
    expect(guest.call(name, ...at(pointer))).toBe(ERRNO.fault);
    expect(guest.bytes().slice(PAGE - byteLength)).toEqual(before);
    guest.preview1.dispose();
    expect(guest.reports).toEqual([]);
  });
});

describe.each([
  ['fd_read', [4, VECTORS, 1, FREE]],
  ['fd_pread', [4, VECTORS, 1, 0n, FREE]],
  ['fd_write', [4, VECTORS, 1, FREE]],
  ['fd_pwrite', [4, VECTORS, 1, 0n, FREE]],
] as const)('%s: a buffer of its list', (name, args) => {
  function withBuffer(start: number, byteLength: number): number {
    const guest = guestWithFile();
    const view = new DataView(guest.wasmMemory.buffer);
    view.setUint32(VECTORS, start >>> 0, true);
    view.setUint32(VECTORS + 4, byteLength >>> 0, true);
    const errno = guest.call(name, ...args);
    guest.preview1.dispose();
    return errno;
  }

  it('fits at the end of the memory', () => {
    expect(withBuffer(PAGE - 5, 5)).toBe(ERRNO.success);
  });

  it.each([
    [PAGE - 5, 6],
    [PAGE, 1],
    [-1, 1],
    [0, -1],
    [16, -16],
    [0x80000000, 0x80000000],
  ])('faults at %d with %d bytes', (start, byteLength) => {
    expect(withBuffer(start, byteLength)).toBe(ERRNO.fault);
  });

  it.each([PAGE, -1, 0x80000000])('may be empty anywhere, as at %d', (start) => {
    expect(withBuffer(start, 0)).toBe(ERRNO.success);
  });
});

describe('a list of buffers', () => {
  it.each([PAGE / 8, 1 << 20, 1 << 24])('of %d faults where its table leaves the memory', (count) => {
    expect(guestWithFile().call('fd_read', 4, VECTORS, count, FREE)).toBe(ERRNO.fault);
  });

  it.each([(1 << 24) + 1, 0x20000000, -1])('of %d is too long', (count) => {
    expect(guestWithFile().call('fd_read', 4, VECTORS, count, FREE)).toBe(ERRNO.nomem);
  });

  it('of none reads nothing, wherever it lies', () => {
    const guest = guestWithFile();
    expect(guest.call('fd_read', 4, -1, 0, FREE)).toBe(ERRNO.success);
    guest.expectWritten(FREE, [0, 0, 0, 0]);
  });
});

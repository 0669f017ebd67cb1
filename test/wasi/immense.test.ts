/** Lengths and counts that a guest may name, far beyond anything that is meant: they cost no memory of the host. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const PAGE = 65_536;
const PAGES = 4096;
const LENGTH = (PAGES - 1) * PAGE;
/** Room for what a test runner does meanwhile; a copy of the text takes far more. */
const MOST_GROWTH_BYTES = LENGTH / 4;

function immenseGuest(descriptor?: Partial<WebAssembly.MemoryDescriptor>): Preview1Guest {
  const hostPath = newDirectory();
  writeFileSync(join(hostPath, 'f'), '');
  const guest = preview1Guest(
    { preopens: [{ kind: 'host', hostPath, guestPath: '/' }] },
    { initial: PAGES, ...descriptor },
  );
  guest.bytes().fill(0x61);
  guest.bytes().set([0x66], LENGTH);
  return guest;
}

/** Without what is garbage already. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

const SHORT = [LENGTH, 1] as const;

describe.each([
  ['a memory', {}],
  ['a shared memory', { shared: true, maximum: PAGES }],
])('a path of hundreds of megabytes in %s', (_name, descriptor) => {
  it.each<[string, ...(number | bigint)[]]>([
    ['path_open', 3, 0, 0, LENGTH, 0, 2n, 0n, 0, LENGTH + 8],
    ['path_create_directory', 3, 0, LENGTH],
    ['path_remove_directory', 3, 0, LENGTH],
    ['path_unlink_file', 3, 0, LENGTH],
    ['path_filestat_get', 3, 0, 0, LENGTH, LENGTH + 8],
    ['path_filestat_set_times', 3, 0, 0, LENGTH, 0n, 0n, 0],
    ['path_readlink', 3, 0, LENGTH, LENGTH + 8, 8, LENGTH + 16],
    ['path_rename', 3, 0, LENGTH, 3, ...SHORT],
    ['path_rename', 3, ...SHORT, 3, 0, LENGTH],
    ['path_link', 3, 0, 0, LENGTH, 3, ...SHORT],
    ['path_link', 3, 0, ...SHORT, 3, 0, LENGTH],
    ['path_symlink', 0, LENGTH, 3, ...SHORT],
    ['path_symlink', ...SHORT, 3, 0, LENGTH],
  ])('%s is too long, and not copied', (name, ...args) => {
    const guest = immenseGuest(descriptor);
    const held = () => {
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const before = held();
    expect(errnoName(guest.call(name, ...args))).toBe('nametoolong');
    expect(held() - before).toBeLessThan(MOST_GROWTH_BYTES);
    guest.bytes().set([0xff], 1000);
    expect(errnoName(guest.call(name, ...args))).toBe('ilseq');
    expect(guest.reports).toEqual([]);
    guest.preview1.dispose();
  });
});

it('a path that leaves the memory is a fault, however long', () => {
  const guest = immenseGuest();
  expect(guest.call('path_unlink_file', 3, PAGE, PAGES * PAGE)).toBe(ERRNO.fault);
  expect(guest.call('path_unlink_file', 3, 0, 0xffff_ffff)).toBe(ERRNO.fault);
  guest.preview1.dispose();
});

it('listings of many directories are not all kept', () => {
  const hostPath = newDirectory();
  mkdirSync(join(hostPath, 'd'));
  for (let index = 0; index < 5000; index++) writeFileSync(join(hostPath, 'd', `f${index}`), '');
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }] });
  const view = new DataView(guest.wasmMemory.buffer);
  guest.put(0, 'd');
  const fds = Array.from({ length: 400 }, () => {
    expect(guest.call('path_open', 3, 0, 0, 1, 2, 2n, 0n, 0, 0x1000)).toBe(ERRNO.success);
    return view.getUint32(0x1000, true);
  });
  const list = (fd: number, cookie: bigint) => {
    expect(guest.call('fd_readdir', fd, 0x1000, 24, cookie, 0x800)).toBe(ERRNO.success);
    return view.getBigUint64(0x1000, true);
  };
  const before = heapInUse();
  for (const fd of fds) expect(list(fd, 0n)).toBe(1n);
  // Two million entries, kept all, take hundreds of megabytes.
  expect(heapInUse() - before).toBeLessThan(150e6);
  // One whose listing was dropped goes on in a new one.
  for (const fd of fds.slice(0, 3)) expect(list(fd, 4000n)).toBe(4001n);
  guest.preview1.dispose();
});

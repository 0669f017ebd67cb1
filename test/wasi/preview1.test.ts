import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HostError, OptionError } from '../../src/errors.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

/** @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md */
const FUNCTIONS =
  `args_get args_sizes_get clock_res_get clock_time_get environ_get environ_sizes_get fd_advise fd_allocate
  fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size
  fd_filestat_set_times fd_pread fd_prestat_dir_name fd_prestat_get fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync
  fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink
  path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise random_get sched_yield
  sock_accept sock_recv sock_send sock_shutdown`.split(/\s+/);

const newDirectory = temporaryDirectories();

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('createPreview1', () => {
  it('has every function', () => {
    const { preview1 } = preview1Guest();
    expect(FUNCTIONS).toHaveLength(46);
    expect([...preview1.snapshotPreview1.names].sort()).toEqual(FUNCTIONS);
    expect([...preview1.unstable.names].sort()).toEqual(FUNCTIONS.filter((name) => name !== 'sock_accept'));
  });

  it.each([
    ['an argument', { args: ['guest', 'a\0b'] }],
    ['a name', { env: [['A\0', 'b']] as const }],
    ['a value', { env: [['A', 'b\0c']] as const }],
    ['a directory’s name', { preopens: [{ kind: 'host', hostPath: '/', guestPath: 'a\0b' }] as const }],
  ])('refuses %s with a NUL in it', (_, options) => {
    expect(() => preview1Guest(options)).toThrow(OptionError);
  });

  it.each([2, 0, -1, 1.5, Number.NaN])('refuses a limit of %d open files', (maxOpenFiles) => {
    expect(() => preview1Guest({ maxOpenFiles })).toThrow(OptionError);
  });

  it('names the directory that cannot be opened, and leaves none open', () => {
    const good = newDirectory();
    const file = join(good, 'file');
    writeFileSync(file, '');
    const before = openDescriptors();
    for (const hostPath of [join(good, 'missing'), file]) {
      const preopens = [good, hostPath].map((path) => ({ kind: 'host', hostPath: path, guestPath: '/' }) as const);
      let thrown: unknown;
      try {
        preview1Guest({ preopens });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(HostError);
      expect((thrown as HostError).code).toBe('ERR_PREOPEN');
      expect((thrown as HostError).message).toContain(hostPath);
    }
    expect(openDescriptors()).toBe(before);
  });

  it('closes what the guest left open, once', () => {
    const hostPath = newDirectory();
    mkdirSync(join(hostPath, 'sub'));
    const before = openDescriptors();
    const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }] });
    guest.put(0, 'sub');
    for (let count = 0; count < 5; count++) expect(guest.call('path_open', 3, 0, 0, 3, 0, 2n, 0n, 0, 100)).toBe(0);
    expect(openDescriptors()).toBe(before + 6);
    guest.preview1.dispose();
    expect(openDescriptors()).toBe(before);
    guest.preview1.dispose();
    expect(guest.call('fd_close', 3)).toBe(ERRNO.badf);
  });

  it('gives the guest no more descriptors than it may have', () => {
    const hostPath = newDirectory();
    writeFileSync(join(hostPath, 'f'), '');
    const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }], maxOpenFiles: 8 });
    guest.put(0, 'f');
    const open = () => guest.call('path_open', 3, 0, 0, 1, 0, 2n, 0n, 0, 100);
    const before = openDescriptors();
    expect([1, 2, 3, 4].map(open)).toEqual([0, 0, 0, 0]);
    expect(open()).toBe(ERRNO.mfile);
    expect(openDescriptors()).toBe(before + 4);
    expect(guest.call('fd_close', 5)).toBe(ERRNO.success);
    expect(open()).toBe(ERRNO.success);
    guest.preview1.dispose();
  });

  it('ends the guest, whatever it was doing, and says so', () => {
    const guest = preview1Guest();
    expect(() => guest.call('proc_exit', 3)).toThrow(WebAssembly.RuntimeError);
    expect(guest.exit.exitCode).toBe(3);
    expect(guest.reports).toEqual([]);
  });
});

describe('words of flags', () => {
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath: process.cwd(), guestPath: '/' }] });
  guest.put(0, '.');

  it.each<[string, (number | bigint)[]]>([
    ['fd_advise', [3, 0n, 0n, 6]],
    ['fd_advise', [3, 0n, 0n, -1]],
    ['fd_fdstat_set_flags', [3, 32]],
    ['fd_fdstat_set_flags', [3, -1]],
    ['fd_fdstat_set_rights', [3, 1n << 30n, 0n]],
    ['fd_fdstat_set_rights', [3, 0n, -1n]],
    ['fd_filestat_set_times', [3, 0n, 0n, 16]],
    ['fd_seek', [3, 0n, 3, 100]],
    ['fd_seek', [3, 0n, -1, 100]],
    ['path_filestat_get', [3, 2, 0, 1, 100]],
    ['path_filestat_set_times', [3, 2, 0, 1, 0n, 0n, 0]],
    ['path_filestat_set_times', [3, 0, 0, 1, 0n, 0n, 32]],
    ['path_link', [3, 2, 0, 1, 3, 0, 1]],
    ['path_open', [3, 2, 0, 1, 0, 0n, 0n, 0, 100]],
    ['path_open', [3, 0, 0, 1, 16, 0n, 0n, 0, 100]],
    ['path_open', [3, 0, 0, 1, 0, 1n << 30n, 0n, 0, 100]],
    ['path_open', [3, 0, 0, 1, 0, 0n, -1n, 0, 100]],
    ['path_open', [3, 0, 0, 1, 0, 0n, 0n, 32, 100]],
    ['clock_res_get', [4, 100]],
    ['clock_time_get', [-1, 0n, 100]],
    ['proc_raise', [31]],
    ['proc_raise', [-1]],
    ['sock_accept', [0, 32, 100]],
    ['sock_recv', [0, 100, 0, 4, 100, 100]],
    ['sock_shutdown', [0, 4]],
    ['poll_oneoff', [0, 0, 0, 100]],
  ])('%s: inval', (name, args) => {
    expect(guest.call(name, ...args)).toBe(ERRNO.inval);
  });
});

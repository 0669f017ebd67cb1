/** Direct calls serve one guest after another: nothing of one may reach the next. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/wasi/errno.ts';
import type { Preview1Options } from '../../src/wasi/index.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

function guestIn(hostPath: string, options: Partial<Preview1Options> = {}): Preview1Guest {
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }], ...options });
  guest.memory.write(0, Buffer.from('file'));
  return guest;
}

/** Opens `file` in the first preopen; answers its number. */
function open(guest: Preview1Guest): number {
  expect(guest.call('path_open', 3, 0, 0, 4, 0, 2n, 0n, 0, 16)).toBe(ERRNO.success);
  return guest.memory.readU32(16);
}

function read(guest: Preview1Guest, fd: number): string {
  guest.memory.writeU32(32, 64);
  guest.memory.writeU32(36, 16);
  expect(guest.call('fd_read', fd, 32, 1, 16)).toBe(ERRNO.success);
  return guest.memory.readString(64, guest.memory.readU32(16));
}

function directoryWith(text: string): string {
  const directory = newDirectory();
  writeFileSync(join(directory, 'file'), text);
  return directory;
}

const openDescriptors = () => readdirSync('/proc/self/fd').length;

describe('direct calls of a guest that is over', () => {
  it('serve the next with its own files, numbers and counts', () => {
    const before = openDescriptors();
    for (const text of ['one', 'two', 'three']) {
      const guest = guestIn(directoryWith(text));
      expect(guest.preview1.traffic()).toEqual({ bytesRead: 0, bytesWritten: 0 });
      const fd = open(guest);
      expect(fd).toBe(4);
      expect(read(guest, fd)).toBe(text);
      expect(guest.preview1.traffic()).toEqual({ bytesRead: text.length, bytesWritten: 0 });
      // Left open, and known to direct calls alone.
      open(guest);
      guest.preview1.dispose(true);
      expect(openDescriptors()).toBe(before);
    }
  });

  it('begin the next one’s time anew', () => {
    preview1Guest().preview1.dispose(true);
    const startNs = process.hrtime.bigint();
    const guest = preview1Guest();
    expect(guest.call('clock_time_get', 1, 0n, 16)).toBe(ERRNO.success);
    expect(guest.memory.readU64(16)).toBeLessThanOrEqual(process.hrtime.bigint() - startNs);
    guest.preview1.dispose(true);
  });

  it('ask the functions of the guest that has them', () => {
    const written: string[] = [];
    for (const name of ['first', 'second']) {
      const guest = preview1Guest({ stdout: { kind: 'write', write: (bytes) => written.push(`${name} ${bytes}`) } });
      guest.memory.writeU32(32, 64);
      guest.memory.writeU32(36, 1);
      expect(guest.call('fd_write', 1, 32, 1, 16)).toBe(ERRNO.success);
      guest.preview1.dispose(true);
    }
    expect(written.map((line) => line.split(' ')[0])).toEqual(['first', 'second']);
  });

  it('serve no two guests at a time, however often one is disposed', () => {
    const over = guestIn(directoryWith('over'));
    over.preview1.dispose(true);
    over.preview1.dispose(true);
    const one = guestIn(directoryWith('one'));
    over.preview1.dispose(true);
    const two = guestIn(directoryWith('two'));
    expect([read(one, open(one)), read(two, open(two))]).toEqual(['one', 'two']);
    for (const guest of [one, two]) guest.preview1.dispose(true);
  });

  it('are out of reach of the one before, whatever still calls for it', () => {
    const over = guestIn(directoryWith('over'));
    over.preview1.dispose(true);
    const next = guestIn(directoryWith('next'));
    const fd = open(next);
    // Known to direct calls alone until JavaScript is asked about it.
    expect(over.call('fd_tell', fd, 16)).toBe(ERRNO.badf);
    expect(over.call('fd_renumber', fd, 3)).toBe(ERRNO.badf);
    expect(over.call('path_create_directory', 3, 0, 4)).toBe(ERRNO.badf);
    expect(over.callUnstable('path_open', 3, 0, 0, 4, 0, 2n, 0n, 0, 16)).toBe(ERRNO.badf);
    // A view of the other memory must not take the place of this one's.
    over.wasmMemory.grow(1);
    over.memory.check(65536, 1);
    expect(read(next, fd)).toBe('next');
    next.preview1.dispose(true);
  });

  it('are for the first of hundreds at once, and the others do as well without', () => {
    const before = openDescriptors();
    for (let round = 0; round < 2; round++) {
      const guests = Array.from({ length: 100 }, (_, index) => guestIn(directoryWith(`guest ${index}`)));
      const fds = guests.map(open);
      expect(guests.map((guest, index) => read(guest, fds[index] ?? -1))).toEqual(
        guests.map((_, index) => `guest ${index}`),
      );
      for (const guest of guests) guest.preview1.dispose(true);
      expect(openDescriptors()).toBe(before);
    }
  });

  it('are its own for ever where it is not said to be over', () => {
    const suspended = guestIn(directoryWith('suspended'));
    const fd = open(suspended);
    suspended.preview1.dispose();
    const next = guestIn(directoryWith('next'));
    open(next);
    suspended.memory.writeU32(32, 64);
    suspended.memory.writeU32(36, 16);
    expect(suspended.call('fd_read', fd, 32, 1, 16)).toBe(ERRNO.badf);
    expect(suspended.call('fd_close', fd)).toBe(ERRNO.badf);
    expect(read(next, 4)).toBe('next');
    next.preview1.dispose(true);
  });
});

/** What is written, byte by byte, and nothing around it. */
import { lstatSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/wasi/errno.ts';
import { le } from '../support/guest-memory.ts';
import { preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const OUT = 0x1000;
const newDirectory = temporaryDirectories();

/** Descriptor 3 is a directory with the file `f` of five bytes in it. */
function guestWithFile() {
  const hostPath = newDirectory();
  const file = join(hostPath, 'f');
  writeFileSync(file, 'hello');
  utimesSync(file, 1000, 2000);
  const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/ä' }] });
  return { guest, hostPath, file };
}

describe('strings', () => {
  const guest = preview1Guest({
    args: ['a', '', 'bä'],
    env: [
      ['A', ''],
      ['€', '='],
    ],
  });

  it('are counted in bytes of UTF-8', () => {
    guest.mask();
    expect(guest.call('args_sizes_get', OUT, OUT + 10)).toBe(ERRNO.success);
    guest.expectWritten(OUT, le(4, 3));
    guest.expectWritten(OUT + 10, le(4, 2 + 1 + 4));
    guest.mask();
    expect(guest.call('environ_sizes_get', OUT, OUT + 10)).toBe(ERRNO.success);
    guest.expectWritten(OUT, le(4, 2));
    guest.expectWritten(OUT + 10, le(4, 3 + 6));
  });

  it('end in a NUL each, and are pointed to', () => {
    guest.mask();
    expect(guest.call('args_get', OUT, OUT + 100)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [...le(4, OUT + 100), ...le(4, OUT + 102), ...le(4, OUT + 103)]);
    guest.expectWritten(OUT + 100, 'a\0\0bä\0');
    guest.mask();
    expect(guest.call('environ_get', OUT, OUT + 100)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [...le(4, OUT + 100), ...le(4, OUT + 103)]);
    guest.expectWritten(OUT + 100, 'A=\0€==\0');
  });
});

describe('a status', () => {
  it('has 64 bytes', () => {
    const { guest, file } = guestWithFile();
    const { dev, ino, ctimeNs } = lstatSync(file, { bigint: true });
    guest.put(0, 'f');
    expect(guest.call('path_filestat_get', 3, 0, 0, 1, OUT)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [
      ...[...le(8, dev), ...le(8, ino), ...le(8, 4), ...le(8, 1), ...le(8, 5)],
      ...[...le(8, 1_000_000_000_000n), ...le(8, 2_000_000_000_000n), ...le(8, ctimeNs)],
    ]);
  });

  it('has 56 bytes in wasi_unstable', () => {
    const { guest, file } = guestWithFile();
    const { dev, ino, ctimeNs } = lstatSync(file, { bigint: true });
    guest.put(0, 'f');
    expect(guest.callUnstable('path_filestat_get', 3, 0, 0, 1, OUT)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [
      ...[...le(8, dev), ...le(8, ino), ...le(4, 4), ...le(4, 1), ...le(8, 5)],
      ...[...le(8, 1_000_000_000_000n), ...le(8, 2_000_000_000_000n), ...le(8, ctimeNs)],
    ]);
  });

  it('of a descriptor has 24 bytes', () => {
    const { guest } = guestWithFile();
    expect(guest.call('fd_fdstat_get', 1, OUT)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [...le(8, 0), ...le(8, 64), ...le(8, 64)]);
  });

  it('of a preopen has 8 bytes', () => {
    const { guest } = guestWithFile();
    expect(guest.call('fd_prestat_get', 3, OUT)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [...le(4, 0), ...le(4, 3)]);
    guest.mask();
    expect(guest.call('fd_prestat_dir_name', 3, OUT, 100)).toBe(ERRNO.success);
    guest.expectWritten(OUT, '/ä');
  });
});

describe('a listing', () => {
  it('has entries of 24 bytes and a name', () => {
    const { guest, hostPath, file } = guestWithFile();
    const own = lstatSync(hostPath, { bigint: true }).ino;
    const inode = lstatSync(file, { bigint: true }).ino;
    const entry = (next: number, number: bigint, type: number, name: string) => [
      ...le(8, next),
      ...le(8, number),
      ...le(4, name.length),
      ...le(4, type),
      ...Buffer.from(name),
    ];
    const whole = [...entry(1, own, 3, '.'), ...entry(2, own, 3, '..'), ...entry(3, inode, 4, 'f')];
    expect(guest.call('fd_readdir', 3, OUT, 1000, 0n, 0)).toBe(ERRNO.success);
    guest.expectWritten(OUT, whole);
    guest.expectWritten(0, le(4, whole.length));
    for (const room of [1, 24, 25, 40, 75]) {
      guest.mask();
      expect(guest.call('fd_readdir', 3, OUT, room, 0n, 0)).toBe(ERRNO.success);
      guest.expectWritten(OUT, whole.slice(0, room));
      guest.expectWritten(0, le(4, Math.min(room, whole.length)));
    }
  });
});

describe.each([
  ['wasi_snapshot_preview1', 48, 16, 24, 40],
  ['wasi_unstable', 56, 24, 32, 48],
] as const)('subscriptions of %s', (version, byteLength, clockId, timeout, flags) => {
  it(`have ${byteLength} bytes, events 32`, () => {
    const guest = preview1Guest();
    const view = new DataView(guest.wasmMemory.buffer);
    guest.bytes().fill(0, 0, 3 * byteLength);
    for (const index of [0, 1, 2]) view.setBigUint64(index * byteLength, BigInt(index + 1) * 0x1111n, true);
    // One clock that never comes, one that has come, and standard output.
    view.setUint32(clockId, 1, true);
    view.setBigUint64(timeout, 1n << 60n, true);
    view.setUint32(byteLength + clockId, 1, true);
    view.setUint16(byteLength + flags, 1, true);
    view.setUint8(2 * byteLength + 8, 2);
    view.setUint32(2 * byteLength + 16, 1, true);
    const call = version === 'wasi_unstable' ? guest.callUnstable : guest.call;
    expect(call('poll_oneoff', 0, OUT, 3, OUT + 200)).toBe(ERRNO.success);
    guest.expectWritten(OUT, [
      ...[...le(8, 0x2222), ...le(8, 0), ...le(8, 0), ...le(8, 0)],
      ...[...le(8, 0x3333), ...le(2, 0), ...le(2, 2), ...le(4, 0), ...le(8, 1), ...le(8, 0)],
    ]);
    guest.expectWritten(OUT + 200, le(4, 2));
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { preview1Guest } from '../../support/preview1-guest.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

describe.each([
  ['shared', { initial: 2, maximum: 2, shared: true }, 0x1000],
  ['of four gibibytes', { initial: 65536 }, 2 ** 32 - 0x1000],
  ['of four gibibytes, shared', { initial: 65536, maximum: 65536, shared: true }, 2 ** 32 - 0x1000],
] as const)('a memory %s', (_, descriptor, base) => {
  it('takes files, paths, listings and random bytes', () => {
    const hostPath = newDirectory();
    writeFileSync(join(hostPath, 'f'), 'hello');
    const guest = preview1Guest({ preopens: [{ kind: 'host', hostPath, guestPath: '/' }], args: ['a'] }, descriptor);
    const view = new DataView(guest.wasmMemory.buffer);
    const at = base | 0;
    guest.put(base, 'f');
    expect(guest.call('path_open', 3, 0, at, 1, 0, 66n, 0n, 0, at + 8)).toBe(ERRNO.success);
    const fd = view.getUint32(base + 8, true);
    view.setUint32(base + 16, base + 64, true);
    view.setUint32(base + 20, 10, true);
    expect(guest.call('fd_read', fd, at + 16, 1, at + 8)).toBe(ERRNO.success);
    expect(view.getUint32(base + 8, true)).toBe(5);
    expect(Buffer.from(guest.bytes().slice(base + 64, base + 69)).toString()).toBe('hello');
    expect(guest.call('fd_write', fd, at + 16, 1, at + 8)).toBe(ERRNO.success);
    expect(guest.call('fd_pread', fd, at + 16, 1, 5n, at + 8)).toBe(ERRNO.success);
    expect(view.getUint32(base + 8, true)).toBe(10);
    expect(guest.call('path_filestat_get', 3, 0, at, 1, at + 128)).toBe(ERRNO.success);
    expect(view.getBigUint64(base + 128 + 32, true)).toBe(15n);
    expect(guest.call('fd_readdir', 3, at + 256, 1000, 0n, at + 8)).toBe(ERRNO.success);
    expect(view.getUint32(base + 8, true)).toBe(24 * 3 + 4);
    guest.bytes().fill(0, base + 256, base + 300);
    expect(guest.call('random_get', at + 256, 44)).toBe(ERRNO.success);
    expect(
      guest
        .bytes()
        .slice(base + 256, base + 300)
        .some((byte) => byte !== 0),
    ).toBe(true);
    expect(guest.call('args_get', at + 512, at + 520)).toBe(ERRNO.success);
    expect(view.getUint32(base + 512, true)).toBe(base + 520);
    guest.preview1.dispose();
    expect(guest.reports).toEqual([]);
  });
});

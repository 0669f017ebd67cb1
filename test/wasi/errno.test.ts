import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ERRNO, errnoFromPosix, errnoName } from '../../src/wasi/errno.ts';

describe('errno', () => {
  it('counts from 0 to 76 without a gap', () => {
    expect(Object.values(ERRNO)).toEqual(Array.from({ length: 77 }, (_, index) => index));
  });

  it.each([
    ['EPERM', 63],
    ['ENOENT', 44],
    ['EBADF', 8],
    ['EAGAIN', 6],
    ['EACCES', 2],
    ['E2BIG', 1],
    ['EOPNOTSUPP', 58],
    ['ENOTSUP', 58],
    ['EXDEV', 75],
    ['EPIPE', 64],
    ['EMFILE', 33],
    ['ENAMETOOLONG', 37],
  ])('%s is %d, positive and negative', (name, errno) => {
    const posix = (constants.errno as Record<string, number>)[name] ?? 0;
    expect(errnoFromPosix(posix)).toBe(errno);
    expect(errnoFromPosix(-posix)).toBe(errno);
  });

  it('is io for what preview1 has no word for', () => {
    expect(errnoFromPosix(constants.errno.ETIME ?? 0)).toBe(ERRNO.io);
    expect(errnoFromPosix(9999)).toBe(ERRNO.io);
  });

  it('has names', () => {
    expect(errnoName(ERRNO.notdir)).toBe('notdir');
    expect(errnoName(999)).toBe('errno 999');
  });
});

import { constants } from 'node:os';

/**
 * Error numbers of preview1.
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno
 */
export const ERRNO = {
  success: 0,
  toobig: 1,
  acces: 2,
  addrinuse: 3,
  addrnotavail: 4,
  afnosupport: 5,
  again: 6,
  already: 7,
  badf: 8,
  badmsg: 9,
  busy: 10,
  canceled: 11,
  child: 12,
  connaborted: 13,
  connrefused: 14,
  connreset: 15,
  deadlk: 16,
  destaddrreq: 17,
  dom: 18,
  dquot: 19,
  exist: 20,
  fault: 21,
  fbig: 22,
  hostunreach: 23,
  idrm: 24,
  ilseq: 25,
  inprogress: 26,
  intr: 27,
  inval: 28,
  io: 29,
  isconn: 30,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  msgsize: 35,
  multihop: 36,
  nametoolong: 37,
  netdown: 38,
  netreset: 39,
  netunreach: 40,
  nfile: 41,
  nobufs: 42,
  nodev: 43,
  noent: 44,
  noexec: 45,
  nolck: 46,
  nolink: 47,
  nomem: 48,
  nomsg: 49,
  noprotoopt: 50,
  nospc: 51,
  nosys: 52,
  notconn: 53,
  notdir: 54,
  notempty: 55,
  notrecoverable: 56,
  notsock: 57,
  notsup: 58,
  notty: 59,
  nxio: 60,
  overflow: 61,
  ownerdead: 62,
  perm: 63,
  pipe: 64,
  proto: 65,
  protonosupport: 66,
  prototype: 67,
  range: 68,
  rofs: 69,
  spipe: 70,
  srch: 71,
  stale: 72,
  timedout: 73,
  txtbsy: 74,
  xdev: 75,
  notcapable: 76,
} as const;

export type ErrnoName = keyof typeof ERRNO;

/** A number of {@link ERRNO}. */
export type Errno = number;

/**
 * Answered in place of an errno, of preview1 or of the system, by a call that has to wait while its guest is suspended (see
 * `suspending.ts`). No guest ever sees it.
 */
export const SUSPENDED: Errno = 2 ** 16;

/** POSIX names whose preview1 name is not the same in small letters without the E. */
const RENAMED: Record<string, ErrnoName> = {
  E2BIG: 'toobig',
  EWOULDBLOCK: 'again',
  EOPNOTSUPP: 'notsup',
};

const FROM_POSIX: ReadonlyMap<number, Errno> = new Map<number, Errno>(
  Object.entries(constants.errno).map(([name, number]) => {
    const own = RENAMED[name] ?? (name.slice(1).toLowerCase() as ErrnoName);
    return [number, ERRNO[own] ?? ERRNO.io];
  }),
).set(SUSPENDED, SUSPENDED);

const NAMES: readonly string[] = Object.entries(ERRNO)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name);

/**
 * The preview1 errno for a POSIX one; the only place where the two meet. What preview1 has no word for is `io`.
 * @param posix the system's errno, positive or (as `native/fs.ts` answers) negative
 */
export function errnoFromPosix(posix: number): Errno {
  return FROM_POSIX.get(Math.abs(posix)) ?? ERRNO.io;
}

/** The name of an errno, for messages. */
export function errnoName(errno: Errno): string {
  return NAMES[errno] ?? `errno ${errno}`;
}

/** Negates a preview1 errno where a call answers a count or an errno in one number. */
export function failed(errno: Errno): number {
  return -errno;
}

/** A call's answer from `native/fs.ts` with its errno in preview1's numbers, still negative. */
export function answer(result: number): number {
  return result < 0 ? -errnoFromPosix(result) : result;
}

/** The errno of a call that answers nothing else. */
export function outcome(result: number): Errno {
  return result < 0 ? errnoFromPosix(result) : ERRNO.success;
}

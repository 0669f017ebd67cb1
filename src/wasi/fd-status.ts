import { newStatus, TIME_OMIT } from '../native/fs.ts';
import { type Context, type Functions, withDescriptor } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import { FDFLAGS, FSTFLAGS, type Layout, MOST_ADVICE, onlyBits, writeFdstat } from './layout.ts';

/** Filled and read within one call. */
const scratch = newStatus();

const MOST_FDFLAGS = FDFLAGS.append | FDFLAGS.dsync | FDFLAGS.nonblock | FDFLAGS.rsync | FDFLAGS.sync;
const MOST_FSTFLAGS = FSTFLAGS.atim | FSTFLAGS.atimNow | FSTFLAGS.mtim | FSTFLAGS.mtimNow;

export function validFdflags(flags: number): boolean {
  return onlyBits(flags, MOST_FDFLAGS);
}

/** Whether a word of rights has only bits that mean something. */
export function validRights(layout: Layout, rights: bigint): boolean {
  return (BigInt.asUintN(64, rights) & ~layout.rights) === 0n;
}

/**
 * The two times of a call that sets them, in the words of `native/fs.ts`; undefined where the flags contradict. Now is a time
 * as any other: the system lets only who owns a file choose its times, but all who may write it ask for its own now.
 */
export function requestedTimes(
  context: Context,
  accessed: bigint,
  modified: bigint,
  flags: number,
): { accessed: bigint; modified: bigint } | undefined {
  if (!onlyBits(flags, MOST_FSTFLAGS)) return undefined;
  const nowFlags = FSTFLAGS.atimNow | FSTFLAGS.mtimNow;
  const now = (flags & nowFlags) === 0 ? TIME_OMIT : context.fs.clockTime(true);
  const atim = requestedTime(accessed, flags & FSTFLAGS.atim, flags & FSTFLAGS.atimNow, now);
  const mtim = requestedTime(modified, flags & FSTFLAGS.mtim, flags & FSTFLAGS.mtimNow, now);
  return atim === undefined || mtim === undefined ? undefined : { accessed: atim, modified: mtim };
}

function requestedTime(time: bigint, isSet: number, isNow: number, now: bigint): bigint | undefined {
  if (isSet !== 0 && isNow !== 0) return undefined;
  if (isNow !== 0) return now;
  return isSet === 0 ? TIME_OMIT : BigInt.asUintN(64, time);
}

/** What a descriptor is and says of itself, and what can be changed about it. */
export function fdStatusFunctions(context: Context): Functions {
  const { memory, descriptors, listings, layout } = context;
  return {
    /**
     * Writes what a descriptor is, its flags, and what may be done with it.
     *
     * ```
     *  0        1   2          4         8                16                      24
     *  | type u8 | – | flags u16 |    –    | rights_base u64 | rights_inheriting u64 |
     * ```
     * @param stat offset of 24 bytes
     * @returns `success`; `badf`; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_get
     */
    fd_fdstat_get(fd: number, stat: number): Errno {
      memory.check(stat, 24);
      return withDescriptor(context, fd, (descriptor) => {
        const fdstat = descriptor.fdstat();
        if (typeof fdstat === 'number') return fdstat;
        writeFdstat(memory, stat, fdstat, layout);
        return ERRNO.success;
      });
    },

    /**
     * Sets append and nonblocking mode.
     *
     * @param flags append 1, nonblock 4
     * @returns `success`; `inval` for other flags; `badf` for what is no file
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_set_flags
     */
    fd_fdstat_set_flags(fd: number, flags: number): Errno {
      if (!validFdflags(flags)) return ERRNO.inval;
      return withDescriptor(context, fd, (descriptor) => descriptor.setFlags(flags));
    },

    /**
     * Would take rights away. Rights are what the descriptor can do; they are not kept apart from it.
     *
     * @returns `notsup`; `badf` for standard input, output, error and closed descriptors; `inval` for unknown rights
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_fdstat_set_rights
     */
    fd_fdstat_set_rights(fd: number, rights: bigint, inheriting: bigint): Errno {
      if (!validRights(layout, rights) || !validRights(layout, inheriting)) return ERRNO.inval;
      return withDescriptor(context, fd, (descriptor) => descriptor.setRights());
    },

    /**
     * Writes the status of what is open; of standard input, output and error no more than whether it is a terminal.
     *
     * ```
     *  0         8         16        17  24          32         40         48         56         64
     *  | dev u64 | ino u64 | type u8 | – | nlink u64 | size u64 | atim u64 | mtim u64 | ctim u64 |
     * ```
     * @param stat offset of 64 bytes (`wasi_unstable`: 56, see layout.ts)
     * @returns `success`; `badf`; `fault`; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_get
     */
    fd_filestat_get(fd: number, stat: number): Errno {
      memory.check(stat, layout.filestatByteLength);
      return withDescriptor(context, fd, (descriptor) => {
        const errno = descriptor.status(scratch);
        if (errno === ERRNO.success) layout.writeFilestat(memory, stat, scratch);
        return errno;
      });
    },

    /**
     * Cuts a file, or lengthens it by zeros.
     *
     * @param byteLength unsigned
     * @returns `success`; `inval` where it is not open for writing, or for lengths of 2^63 and more; `fbig`; `rofs`;
     *   `badf` for what is no file
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_set_size
     */
    fd_filestat_set_size(fd: number, byteLength: bigint): Errno {
      return withDescriptor(context, fd, (descriptor) => descriptor.truncate(BigInt.asUintN(64, byteLength)));
    },

    /**
     * Sets when a file was read and written last.
     *
     * @param accessed nanoseconds since 1970
     * @param modified nanoseconds since 1970
     * @param flags 1 set accessed, 2 to now, 4 set modified, 8 to now
     * @returns `success`; `inval` for both of a time's flags, or unknown ones; `badf` for what is no file; `rofs`;
     *   `perm` for a file of somebody else's
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_filestat_set_times
     */
    fd_filestat_set_times(fd: number, accessed: bigint, modified: bigint, flags: number): Errno {
      const times = requestedTimes(context, accessed, modified, flags);
      if (times === undefined) return ERRNO.inval;
      return withDescriptor(context, fd, (descriptor) => descriptor.setTimes(times.accessed, times.modified));
    },

    /**
     * Tells how a file will be used.
     *
     * @param advice 0 normal, 1 sequential, 2 random, 3 willneed, 4 dontneed, 5 noreuse
     * @returns `success`; `inval` for another advice, or a length of 2^63 and more; `badf` for what is no file
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_advise
     */
    fd_advise(fd: number, offset: bigint, byteLength: bigint, advice: number): Errno {
      if (advice >>> 0 > MOST_ADVICE) return ERRNO.inval;
      // The system's numbers are signed: it refuses a length that turns negative and overlooks such an offset.
      return withDescriptor(context, fd, (descriptor) =>
        descriptor.advise(BigInt.asIntN(64, offset), BigInt.asIntN(64, byteLength), advice),
      );
    },

    /**
     * Would reserve room for a file.
     *
     * @returns `notsup` for files; `badf` for the rest
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_allocate
     */
    fd_allocate(fd: number, offset: bigint, byteLength: bigint): Errno {
      return withDescriptor(context, fd, (descriptor) =>
        descriptor.allocate(BigInt.asUintN(64, offset), BigInt.asUintN(64, byteLength)),
      );
    },

    /**
     * Closes a descriptor; preopens, standard input, output and error too.
     *
     * @returns `success`; `badf`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_close
     */
    fd_close(fd: number): Errno {
      const closed = descriptors.get(fd);
      if (closed !== undefined) listings.drop(closed);
      return descriptors.close(fd);
    },

    /**
     * Gives a descriptor the number of another, which is closed.
     *
     * @returns `success`, also where both are the same; `badf` where one of the two is not open
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_renumber
     */
    fd_renumber(from: number, to: number): Errno {
      const replaced = descriptors.get(to);
      const errno = descriptors.renumber(from, to);
      if (replaced !== undefined && replaced !== descriptors.get(to)) listings.drop(replaced);
      return errno;
    },
  };
}

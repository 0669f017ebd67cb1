import { isUtf8 } from 'node:buffer';
import type { GuestMemory } from '../guest/memory.ts';
import { newStatus } from '../native/fs.ts';
import { type Context, directoryOf, type Functions } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import { Directory } from './fd/descriptor.ts';
import { requestedTimes, validFdflags, validRights } from './fd-status.ts';
import { LOOKUPFLAGS, OFLAGS, onlyBits, RIGHTS } from './layout.ts';

/** Filled and read within one call. */
const scratch = newStatus();

const MOST_OFLAGS = OFLAGS.creat | OFLAGS.directory | OFLAGS.excl | OFLAGS.trunc;

/** Far more than any path has; what is longer is not copied out of the guest's memory to find that out. */
const MOST_TEXT_BYTES = 1 << 16;

/**
 * Text of the guest as a path: `ilseq` where it is not UTF-8, `nametoolong` where it is immense. A NUL inside is found by the
 * file system (`inval`).
 */
function readPath(memory: GuestMemory, pointer: number, byteLength: number): string | Errno {
  if (byteLength >>> 0 > MOST_TEXT_BYTES) {
    return isUtf8(memory.slice(pointer, byteLength)) ? ERRNO.nametoolong : ERRNO.ilseq;
  }
  try {
    return memory.readString(pointer, byteLength);
  } catch (error) {
    if (error instanceof TypeError) return ERRNO.ilseq;
    throw error;
  }
}

/** The longest path in bytes. */
const MOST_PATH_BYTES = 4095;

/** Where slashes at the end mean little, they do not make a path too long. */
function withoutLongEnd(path: string): string {
  if (Buffer.byteLength(path) <= MOST_PATH_BYTES) return path;
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

function follows(flags: number): boolean {
  return (flags & LOOKUPFLAGS.symlinkFollow) !== 0;
}

/**
 * Calls on paths. A path is relative to a directory of the guest; one that leads out of it, by `..`, by a link or from the
 * root, is `perm` everywhere below, an empty one `noent`, one that is not UTF-8 `ilseq`, one with a NUL `inval`, a long one
 * `nametoolong`, one that goes through more than 40 links `loop`.
 *
 * Reasons that wasmtime calls `io` for want of a word keep theirs: too many open files of the process are `mfile`, a file system
 * that is mounted to read only `rofs`, a running program `txtbsy`, a FIFO that nobody reads `nxio`, a rename to another file
 * system `xdev`.
 */
export function pathFunctions(context: Context): Functions {
  const { memory } = context;

  /** A directory and a path below it, then the call. */
  function at(fd: number, pointer: number, byteLength: number, call: (d: Directory, path: string) => Errno): Errno {
    const directory = directoryOf(context, fd);
    if (typeof directory === 'number') return directory;
    const path = readPath(memory, pointer, byteLength);
    return typeof path === 'number' ? path : call(directory, path);
  }

  /** Two of them. */
  function between(
    from: readonly [fd: number, pointer: number, byteLength: number],
    to: readonly [fd: number, pointer: number, byteLength: number],
    call: (d: Directory, path: string, newDirectory: Directory, newPath: string) => Errno,
  ): Errno {
    const directory = directoryOf(context, from[0]);
    if (typeof directory === 'number') return directory;
    const newDirectory = directoryOf(context, to[0]);
    if (typeof newDirectory === 'number') return newDirectory;
    const path = readPath(memory, from[1], from[2]);
    if (typeof path === 'number') return path;
    const newPath = readPath(memory, to[1], to[2]);
    if (typeof newPath === 'number') return newPath;
    return call(directory, path, newDirectory, newPath);
  }

  return {
    /**
     * Makes a directory. Slashes at the end mean nothing.
     *
     * @returns `success`; `exist` (a link that leads nowhere exists); `noent`, `notdir` where the way there ends; `rofs`;
     *   `badf`; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_create_directory
     */
    path_create_directory(fd: number, path: number, byteLength: number): Errno {
      return at(fd, path, byteLength, (directory, name) => directory.createDirectory(withoutLongEnd(name)));
    },

    /**
     * Writes the status of what a path names; the layout is `fd_filestat_get`'s.
     *
     * @param flags 1: follow a link at the end
     * @param stat offset of 64 bytes (`wasi_unstable`: 56)
     * @returns `success`; `noent`, `notdir`; `loop` after 40 links; `inval` for other flags; `badf`; `fault`; see
     *   {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_filestat_get
     */
    path_filestat_get(fd: number, flags: number, path: number, byteLength: number, stat: number): Errno {
      if (!onlyBits(flags, LOOKUPFLAGS.symlinkFollow)) return ERRNO.inval;
      memory.check(stat, context.layout.filestatByteLength);
      return at(fd, path, byteLength, (directory, name) => {
        const errno = directory.pathStatus(name, follows(flags), scratch);
        if (errno === ERRNO.success) context.layout.writeFilestat(memory, stat, scratch);
        return errno;
      });
    },

    /**
     * Sets when what a path names was read and written last.
     *
     * @param lookup 1: follow a link at the end
     * @param accessed nanoseconds since 1970
     * @param modified nanoseconds since 1970
     * @param flags 1 set accessed, 2 to now, 4 set modified, 8 to now
     * @returns `success`; `inval` for both of a time's flags, or unknown ones; `noent`, `notdir`, `loop`; `rofs`;
     *   `perm` for a file of somebody else's; `badf`; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_filestat_set_times
     */
    path_filestat_set_times(
      fd: number,
      lookup: number,
      path: number,
      byteLength: number,
      accessed: bigint,
      modified: bigint,
      flags: number,
    ): Errno {
      const times = requestedTimes(context, accessed, modified, flags);
      if (times === undefined || !onlyBits(lookup, LOOKUPFLAGS.symlinkFollow)) return ERRNO.inval;
      return at(fd, path, byteLength, (directory, name) =>
        directory.setPathTimes(name, follows(lookup), times.accessed, times.modified),
      );
    },

    /**
     * Makes a hard link. A symbolic link is linked itself.
     *
     * @param flags 0: links cannot be followed here
     * @returns `success`; `exist`; `noent`, `notdir`; `perm` for a directory; `inval` for flags; `xdev`; `rofs`; `badf`;
     *   `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_link
     */
    path_link(
      fd: number,
      flags: number,
      path: number,
      byteLength: number,
      newFd: number,
      newPath: number,
      newByteLength: number,
    ): Errno {
      if (!onlyBits(flags, LOOKUPFLAGS.symlinkFollow)) return ERRNO.inval;
      return between([fd, path, byteLength], [newFd, newPath, newByteLength], (directory, name, target, newName) =>
        follows(flags) ? ERRNO.inval : directory.link(name, target, newName),
      );
    },

    /**
     * Opens a file or a directory.
     *
     * @param lookup 1: follow a link at the end
     * @param oflags 1 create, 2 must be a directory, 4 (with 1) must not exist, 8 cut to nothing
     * @param rights what it is opened for: reading (bit 1), writing (bit 6); the rest is what such a file can do
     * @param fdflags 1 append, 4 nonblock
     * @param opened offset of a u32 for the new descriptor
     * @returns `success`; `noent`, `exist`, `notdir`; `isdir` for a directory opened for writing; `loop` for a link that is
     *   not to be followed, or after 40; `notsup` for the synchronous fdflags; `inval` for unknown flags or rights, and for
     *   a directory to be created or cut; `mfile` where the guest has as many open as it may; `rofs`; `badf`, or
     *   `notdir` where the descriptor is a file; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_open
     */
    path_open(
      fd: number,
      lookup: number,
      path: number,
      byteLength: number,
      oflags: number,
      rights: bigint,
      inheriting: bigint,
      fdflags: number,
      opened: number,
    ): Errno {
      if (!onlyBits(lookup, LOOKUPFLAGS.symlinkFollow) || !onlyBits(oflags, MOST_OFLAGS)) return ERRNO.inval;
      if (!validFdflags(fdflags) || !validRights(context.layout, rights) || !validRights(context.layout, inheriting))
        return ERRNO.inval;
      memory.check(opened, 4);
      const name = readPath(memory, path, byteLength);
      if (typeof name === 'number') return name;
      const directory = context.descriptors.get(fd);
      if (!(directory instanceof Directory)) return directory?.isFile === true ? ERRNO.notdir : ERRNO.badf;
      if (context.descriptors.isFull) return ERRNO.mfile;
      const result = directory.open(name, {
        create: (oflags & OFLAGS.creat) !== 0,
        directory: (oflags & OFLAGS.directory) !== 0,
        exclusive: (oflags & OFLAGS.excl) !== 0,
        truncate: (oflags & OFLAGS.trunc) !== 0,
        follow: follows(lookup),
        read: (rights & RIGHTS.fdRead) !== 0n,
        write: (rights & RIGHTS.fdWrite) !== 0n,
        flags: fdflags,
      });
      if (typeof result === 'number') return result;
      memory.writeU32(opened, context.descriptors.add(result));
      return ERRNO.success;
    },

    /**
     * Writes the target of a link, without a NUL; what does not fit is cut.
     *
     * @param buffer offset of the buffer
     * @param bufferLength its length
     * @param used offset of a u32 for the bytes written
     * @returns `success`; `inval` for what is no link; `perm` for an absolute target; `noent`, `notdir`; `badf`; `fault`;
     *   see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_readlink
     */
    path_readlink(
      fd: number,
      path: number,
      byteLength: number,
      buffer: number,
      bufferLength: number,
      used: number,
    ): Errno {
      memory.check(used, 4);
      memory.check(buffer, bufferLength);
      return at(fd, path, byteLength, (directory, name) => {
        const target = directory.readlink(name);
        if (typeof target === 'number') return target;
        const part = target.subarray(0, bufferLength >>> 0);
        memory.write(buffer, part);
        memory.writeU32(used, part.byteLength);
        return ERRNO.success;
      });
    },

    /**
     * Removes an empty directory.
     *
     * @returns `success`; `notempty`; `notdir`; `noent`; `inval` for a path that ends in a slash, `.` or `..`; `rofs`;
     *   `badf`; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_remove_directory
     */
    path_remove_directory(fd: number, path: number, byteLength: number): Errno {
      return at(fd, path, byteLength, (directory, name) => directory.removeDirectory(name));
    },

    /**
     * Renames, replacing a file by a file, an empty directory by a directory.
     *
     * @returns `success`; `noent`; `notdir`, `isdir` where one is a directory and the other not; `notempty`; `inval` for a
     *   directory into itself; `busy` for `.`; `xdev`; `rofs`; `badf`; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_rename
     */
    path_rename(
      fd: number,
      path: number,
      byteLength: number,
      newFd: number,
      newPath: number,
      newByteLength: number,
    ): Errno {
      return between([fd, path, byteLength], [newFd, newPath, newByteLength], (directory, name, target, newName) =>
        directory.rename(withoutLongEnd(name), target, withoutLongEnd(newName)),
      );
    },

    /**
     * Makes a symbolic link.
     *
     * @param target what it leads to: any text but an absolute path (`perm`)
     * @returns `success`; `exist`; `noent`, also for an empty target; `notdir`; `rofs`; `badf`; `fault`; see
     *   {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_symlink
     */
    path_symlink(target: number, targetLength: number, fd: number, path: number, byteLength: number): Errno {
      const directory = directoryOf(context, fd);
      if (typeof directory === 'number') return directory;
      const to = readPath(memory, target, targetLength);
      if (typeof to === 'number') return to;
      return at(fd, path, byteLength, (_, name) => directory.symlink(to, name));
    },

    /**
     * Removes what is no directory.
     *
     * @returns `success`; `isdir`; `noent`, `notdir`; `rofs`; `badf`; `fault`; see {@link pathFunctions} for paths
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#path_unlink_file
     */
    path_unlink_file(fd: number, path: number, byteLength: number): Errno {
      return at(fd, path, byteLength, (directory, name) => directory.unlink(name));
    },
  };
}

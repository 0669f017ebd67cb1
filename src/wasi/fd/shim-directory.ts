import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { Status } from '../../native/fs.ts';
import { ERRNO, type Errno } from '../errno.ts';
import { type Fdstat, FILE_TYPE, OFLAGS, RIGHTS } from '../layout.ts';
import { type Descriptor, Directory, type Entry, type OpenRequest } from './descriptor.ts';
import { directoryFdstat, preopenFdstat } from './directory-rights.ts';
import { checkedErrno, checkedName, checkedNumber, checkedWord, failureOf, writeShimStatus } from './shim-answer.ts';
import { fstflagsOf, ShimDescriptor } from './shim-descriptor.ts';

const FOLLOW = 1;
/** A directory that never ends would keep the host for ever. */
const MOST_ENTRIES = 1 << 20;
const encoder = new TextEncoder();

/** Any `Fd` of the embedder's as a directory. What its paths mean is its own matter. */
export class ShimDirectory extends Directory {
  readonly #fd: ShimFd;
  readonly #readOnly: boolean;

  /** @param readOnly whether it is given to read only: it is not asked to change anything then */
  constructor(fd: ShimFd, readOnly: boolean) {
    super();
    this.#fd = fd;
    this.#readOnly = readOnly;
  }

  override fdstat(): Fdstat {
    return this.preopenName === undefined ? directoryFdstat(0, this.#readOnly) : preopenFdstat(this.#readOnly);
  }

  override status(out: Status): Errno {
    const { ret, filestat } = this.#fd.fd_filestat_get();
    return writeShimStatus(ret, filestat, out);
  }

  override list(): Entry[] | Errno {
    const entries: Entry[] = [];
    let cookie = 0n;
    for (let count = 0; count < MOST_ENTRIES; count++) {
      const { ret, dirent } = this.#fd.fd_readdir_single(cookie);
      const errno = checkedErrno(ret);
      if (errno !== ERRNO.success) return errno;
      if (dirent === null) return entries;
      const name = checkedName(dirent.dir_name);
      const entry = { inode: checkedWord(dirent.d_ino), fileType: checkedNumber(dirent.d_type, 8), name };
      const isDots = name.byteLength <= 2 && name.every((byte) => byte === 0x2e);
      if (!isDots) entries.push(entry);
      cookie = checkedWord(dirent.d_next);
    }
    return ERRNO.overflow;
  }

  override open(path: string, request: OpenRequest): Descriptor | Errno {
    if (this.#readOnly && (request.write || request.create || request.truncate)) return ERRNO.rofs;
    const oflags =
      (request.create ? OFLAGS.creat : 0) |
      (request.directory ? OFLAGS.directory : 0) |
      (request.exclusive ? OFLAGS.excl : 0) |
      (request.truncate ? OFLAGS.trunc : 0);
    const rights = (request.read ? RIGHTS.fdRead : 0n) | (request.write ? RIGHTS.fdWrite : 0n);
    const lookup = request.follow ? FOLLOW : 0;
    const { ret, fd_obj: fd } = this.#fd.path_open(lookup, path, oflags, rights, rights, request.flags);
    if (checkedErrno(ret) !== ERRNO.success || fd === null) return failureOf(ret);
    return describeShim(fd, this.#readOnly);
  }

  override createDirectory(path: string): Errno {
    return this.#changing(() => this.#fd.path_create_directory(path));
  }
  override removeDirectory(path: string): Errno {
    return this.#changing(() => this.#fd.path_remove_directory(path));
  }
  override unlink(path: string): Errno {
    return this.#changing(() => this.#fd.path_unlink_file(path));
  }

  #changing(call: () => number): Errno {
    return this.#readOnly ? ERRNO.rofs : checkedErrno(call());
  }

  /** Taken away here and put there; put back here where it cannot be put there. */
  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof ShimDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    const { ret, inode_obj: inode } = this.#fd.path_unlink(path);
    if (checkedErrno(ret) !== ERRNO.success || !inode) return failureOf(ret);
    const linked = checkedErrno(target.#fd.path_link(newPath, inode, true));
    if (linked !== ERRNO.success) this.#fd.path_link(path, inode, true);
    return linked;
  }

  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof ShimDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    const { ret, inode_obj: inode } = this.#fd.path_lookup(path, 0);
    if (checkedErrno(ret) !== ERRNO.success || !inode) return failureOf(ret);
    return checkedErrno(target.#fd.path_link(newPath, inode, false));
  }

  override symlink(): Errno {
    return ERRNO.notsup;
  }

  override readlink(path: string): Uint8Array | Errno {
    const { ret, data } = this.#fd.path_readlink(path);
    if (checkedErrno(ret) !== ERRNO.success || data === null) return failureOf(ret);
    if (typeof data !== 'string') throw new TypeError(`text was expected, got ${typeof data}`);
    return encoder.encode(data);
  }

  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    const { ret, filestat } = this.#fd.path_filestat_get(follow ? FOLLOW : 0, path);
    return writeShimStatus(ret, filestat, out);
  }

  override setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno {
    const flags = fstflagsOf(accessed, modified);
    return this.#changing(() => this.#fd.path_filestat_set_times(follow ? FOLLOW : 0, path, accessed, modified, flags));
  }

  override close(): void {
    this.#fd.fd_close();
  }
}

/** An `Fd` of the embedder's as what it says that it is. */
export function describeShim(fd: ShimFd, readOnly: boolean): Descriptor {
  const { fdstat } = fd.fd_fdstat_get();
  const isDirectory = fdstat?.fs_filetype === FILE_TYPE.directory;
  return isDirectory ? new ShimDirectory(fd, readOnly) : new ShimDescriptor(fd, readOnly);
}

import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { Status } from '../../native/fs.ts';
import { ERRNO, type Errno } from '../errno.ts';
import { type Fdstat, FILE_TYPE, OFLAGS, RIGHTS } from '../layout.ts';
import { type Descriptor, Directory, type Entry, type OpenRequest } from './descriptor.ts';
import { directoryFdstat, preopenFdstat } from './host-directory.ts';
import { fstflagsOf, ShimDescriptor, writeShimStatus } from './shim-descriptor.ts';

const FOLLOW = 1;
/** A directory that never ends would keep the host for ever. */
const MOST_ENTRIES = 1 << 20;
const encoder = new TextEncoder();

/** Any `Fd` of the embedder's as a directory. What its paths mean is its own matter. */
export class ShimDirectory extends Directory {
  readonly #fd: ShimFd;

  constructor(fd: ShimFd) {
    super();
    this.#fd = fd;
  }

  override fdstat(): Fdstat {
    return this.preopenName === undefined ? directoryFdstat(0, false) : preopenFdstat(false);
  }

  override status(out: Status): Errno {
    const { ret, filestat } = this.#fd.fd_filestat_get();
    return writeShimStatus(ret, filestat, out);
  }

  override list(): Entry[] | Errno {
    const entries: Entry[] = [];
    let cookie = 0n;
    while (entries.length < MOST_ENTRIES) {
      const { ret, dirent } = this.#fd.fd_readdir_single(cookie);
      if (ret !== ERRNO.success) return ret;
      if (dirent === null) return entries;
      const isDots = dirent.d_namlen <= 2 && dirent.dir_name.every((byte) => byte === 0x2e);
      if (!isDots) entries.push({ inode: dirent.d_ino, fileType: dirent.d_type, name: dirent.dir_name });
      cookie = dirent.d_next;
    }
    return ERRNO.overflow;
  }

  override open(path: string, request: OpenRequest): Descriptor | Errno {
    const oflags =
      (request.create ? OFLAGS.creat : 0) |
      (request.directory ? OFLAGS.directory : 0) |
      (request.exclusive ? OFLAGS.excl : 0) |
      (request.truncate ? OFLAGS.trunc : 0);
    const rights = (request.read ? RIGHTS.fdRead : 0n) | (request.write ? RIGHTS.fdWrite : 0n);
    const lookup = request.follow ? FOLLOW : 0;
    const { ret, fd_obj: fd } = this.#fd.path_open(lookup, path, oflags, rights, rights, request.flags);
    if (ret !== ERRNO.success) return ret;
    return fd === null ? ERRNO.io : describeShim(fd);
  }

  override createDirectory(path: string): Errno {
    return this.#fd.path_create_directory(path);
  }
  override removeDirectory(path: string): Errno {
    return this.#fd.path_remove_directory(path);
  }
  override unlink(path: string): Errno {
    return this.#fd.path_unlink_file(path);
  }

  /** Taken away here and put there; put back here where it cannot be put there. */
  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof ShimDirectory)) return ERRNO.xdev;
    const { ret, inode_obj: inode } = this.#fd.path_unlink(path);
    if (inode === null) return ret === ERRNO.success ? ERRNO.io : ret;
    const linked = target.#fd.path_link(newPath, inode, true);
    if (linked !== ERRNO.success) this.#fd.path_link(path, inode, true);
    return linked;
  }

  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof ShimDirectory)) return ERRNO.xdev;
    const { ret, inode_obj: inode } = this.#fd.path_lookup(path, 0);
    if (inode === null) return ret === ERRNO.success ? ERRNO.io : ret;
    return target.#fd.path_link(newPath, inode, false);
  }

  override symlink(): Errno {
    return ERRNO.notsup;
  }

  override readlink(path: string): Uint8Array | Errno {
    const { ret, data } = this.#fd.path_readlink(path);
    if (data === null) return ret === ERRNO.success ? ERRNO.io : ret;
    return encoder.encode(data);
  }

  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    const { ret, filestat } = this.#fd.path_filestat_get(follow ? FOLLOW : 0, path);
    return writeShimStatus(ret, filestat, out);
  }

  override setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno {
    const flags = fstflagsOf(accessed, modified);
    return this.#fd.path_filestat_set_times(follow ? FOLLOW : 0, path, accessed, modified, flags);
  }

  override close(): void {
    this.#fd.fd_close();
  }
}

/** An `Fd` of the embedder's as what it says that it is. */
export function describeShim(fd: ShimFd): Descriptor {
  const { fdstat } = fd.fd_fdstat_get();
  return fdstat?.fs_filetype === FILE_TYPE.directory ? new ShimDirectory(fd) : new ShimDescriptor(fd);
}

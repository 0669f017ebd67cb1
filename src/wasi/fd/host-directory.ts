import { DIRECT } from '../../native/direct-calls.ts';
import { MODE, modeOf, type NativeFs, newStatus, type Status, setMode, TIME_OMIT } from '../../native/fs.ts';
import { ERRNO, type Errno, errnoFromPosix, outcome } from '../errno.ts';
import { FDFLAGS, type Fdstat, FILE_TYPE, fileTypeFromMode } from '../layout.ts';
import { type Descriptor, Directory, type Entry, type OpenRequest } from './descriptor.ts';
import { directoryFdstat, preopenFdstat } from './directory-rights.ts';
import { HostFile, setDirectKind } from './host-file.ts';

const SYNC_FLAGS = FDFLAGS.dsync | FDFLAGS.rsync | FDFLAGS.sync;
/** As much as a link's target can be long. */
const MOST_TARGET = 4096;

/** Filled and read within one call. */
const scratch = newStatus();

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A directory of the host. Every path goes to the system together with this directory's descriptor, never alone. */
export class HostDirectory extends Directory {
  readonly #fs: NativeFs;
  readonly #fd: number;
  readonly #readOnly: boolean;
  override readonly directFd: number;

  /** Takes over `fd`. */
  constructor(fs: NativeFs, fd: number, readOnly: boolean) {
    super();
    this.#fs = fs;
    this.#fd = fd;
    this.#readOnly = readOnly;
    this.directFd = fd;
    setDirectKind(fs, fd, readOnly ? DIRECT.directory | DIRECT.readOnly : DIRECT.directory);
  }

  override fdstat(): Fdstat | Errno {
    return this.preopenName === undefined ? directoryFdstat(0, this.#readOnly) : preopenFdstat(this.#readOnly);
  }

  override status(out: Status): Errno {
    return outcome(this.#fs.statDescriptor(this.#fd, out.words));
  }

  /** Not for preopens: they are opened to look up paths in, no more. To set neither time is no error of any descriptor. */
  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (accessed === TIME_OMIT && modified === TIME_OMIT) return ERRNO.success;
    if (this.preopenName !== undefined) return ERRNO.badf;
    if (this.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.setDescriptorTimes(this.#fd, accessed, modified));
  }

  override list(): Entry[] | Errno {
    const listing = this.#fs.listDirectory(this.#fd);
    return typeof listing === 'number' ? errnoFromPosix(listing) : unpackListing(listing);
  }

  override open(path: string, request: OpenRequest): Descriptor | Errno {
    const errno = this.#checkRequest(request);
    if (errno !== ERRNO.success) return errno;
    // Creating and truncating open for writing, and what is not opened for writing is opened for reading, whatever rights
    // were asked for; what the guest may do with it shows in its rights.
    const writable = request.write || request.create || request.truncate;
    const readable = request.read || !request.write;
    const fd = this.#fs.open(this.#fd, path, this.#openFlags(request, readable, writable), 0o666);
    if (fd < 0) return errnoFromPosix(fd);
    const result = this.#fs.statDescriptor(fd, scratch.words);
    const isDirectory = (modeOf(scratch) & MODE.typeMask) === MODE.directory;
    if (result < 0 || (request.directory && !isDirectory)) {
      this.#fs.close(fd);
      return result < 0 ? errnoFromPosix(result) : ERRNO.notdir;
    }
    if (isDirectory) return new HostDirectory(this.#fs, fd, this.#readOnly);
    return new HostFile(this.#fs, fd, { readable, writable, flags: request.flags, readOnly: this.#readOnly });
  }

  #checkRequest(request: OpenRequest): Errno {
    if ((request.flags & SYNC_FLAGS) !== 0) return ERRNO.notsup;
    if (request.directory && (request.create || request.exclusive || request.truncate)) return ERRNO.inval;
    if (this.#readOnly && (request.write || request.create || request.truncate)) return ERRNO.rofs;
    return ERRNO.success;
  }

  #openFlags(request: OpenRequest, readable: boolean, writable: boolean): number {
    const { constants } = this.#fs;
    // O_NONBLOCK: a FIFO or a device must not make the host wait while it is opened. It changes nothing for files.
    let flags = constants.O_NONBLOCK | constants.O_NOCTTY;
    flags |= writable ? (readable ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
    if (request.create) flags |= constants.O_CREAT;
    if (request.create && request.exclusive) flags |= constants.O_EXCL;
    if (request.truncate) flags |= constants.O_TRUNC;
    if (!request.follow) flags |= constants.O_NOFOLLOW;
    return flags;
  }

  override createDirectory(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.makeDirectory(this.#fd, path, 0o777));
  }

  override removeDirectory(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.removeDirectory(this.#fd, path));
  }

  override unlink(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.unlink(this.#fd, path));
  }

  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof HostDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.rename(this.#fd, path, target.#fd, newPath));
  }

  /** Both sides have to be writable: a link made elsewhere would be a way to write a read-only file. */
  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof HostDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.link(this.#fd, path, target.#fd, newPath));
  }

  /** A link with an absolute target could only lead outside, and is refused. */
  override symlink(target: string, path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    if (target.startsWith('/')) return ERRNO.perm;
    return outcome(this.#fs.symbolicLink(target, this.#fd, path));
  }

  /** A target that is absolute tells about the host, and is kept from the guest. */
  override readlink(path: string): Uint8Array | Errno {
    const target = new Uint8Array(MOST_TARGET);
    const length = this.#fs.readLink(this.#fd, path, target);
    if (length < 0) return errnoFromPosix(length);
    if (target[0] === 0x2f) return ERRNO.perm;
    const bytes = target.subarray(0, length);
    return isUtf8(bytes) ? bytes : ERRNO.ilseq;
  }

  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    const errno = outcome(this.#fs.stat(this.#fd, path, follow, out.words));
    // A socket in the file system is nothing that a guest could use as one.
    if ((modeOf(out) & MODE.typeMask) === MODE.socket) setMode(out, modeOf(out) & ~MODE.typeMask);
    return errno;
  }

  override setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    return outcome(this.#fs.setTimes(this.#fd, path, follow, accessed, modified));
  }

  override close(): void {
    setDirectKind(this.#fs, this.#fd, 0);
    this.#fs.close(this.#fd);
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Reads the packed listing of `native/fs.ts`. A name that is not UTF-8 has no form that a guest could use. */
function unpackListing(packed: Uint8Array): Entry[] | Errno {
  if (!isUtf8Names(packed)) return ERRNO.ilseq;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const entries: Entry[] = [];
  for (let at = 0; at < packed.byteLength; ) {
    const nameLength = view.getUint32(at + 12, true);
    const mode = view.getUint32(at + 8, true);
    entries.push({
      inode: view.getBigUint64(at, true),
      fileType: mode === MODE.socket ? FILE_TYPE.unknown : fileTypeFromMode(mode),
      name: packed.subarray(at + 16, at + 16 + nameLength),
    });
    at += 16 + nameLength;
  }
  return entries;
}

function isUtf8Names(packed: Uint8Array): boolean {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < packed.byteLength; ) {
    const nameLength = view.getUint32(at + 12, true);
    const name = packed.subarray(at + 16, at + 16 + nameLength);
    if (name.some((byte) => byte >= 0x80) && !isUtf8(name)) return false;
    at += 16 + nameLength;
  }
  return true;
}

import type { Directory as ShimDirectory, Inode as ShimInode } from '@bjorn3/browser_wasi_shim';
import type { Status } from '../../native/fs.ts';
import { ERRNO, type Errno } from '../errno.ts';
import { FDFLAGS, type Fdstat, RIGHTS } from '../layout.ts';
import { type Descriptor, Directory, type Entry, type OpenRequest } from './descriptor.ts';
import { directoryFdstat, preopenFdstat } from './host-directory.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MemoryFile, releaseUnreachable, resize } from './memory-file.ts';
import { fileTypeOf, isDirectory, isFile, notesOf, setInodeTimes, touch, writeInodeStatus } from './memory-inode.ts';
import { isNameTooLong, oneName, type Slash, splitPath } from './path-text.ts';
import { ShimDescriptor } from './shim-descriptor.ts';

const SYNC_FLAGS = FDFLAGS.dsync | FDFLAGS.rsync | FDFLAGS.sync;
const encoder = new TextEncoder();
/** What an entry takes of a guest's budget, about. */
const ENTRY_BYTES = 512;

/** A name in a directory; what it names may not be there. */
interface Place {
  parent: ShimDirectory;
  /** `.` for the directory itself. */
  name: string;
  slash: boolean;
  inode: ShimInode | undefined;
}

/**
 * A directory of a tree in memory, made of the shim's `Directory` and `File`. The tree is the embedder's: it sees what the
 * guest changes at once. Paths mean what they mean below {@link HostDirectory}; there are no symbolic links.
 */
export class MemoryDirectory extends Directory {
  readonly #directory: ShimDirectory;
  readonly #budget: MemoryBudget;

  constructor(directory: ShimDirectory, budget: MemoryBudget) {
    super();
    this.#directory = directory;
    this.#budget = budget;
  }

  override fdstat(): Fdstat {
    return this.preopenName === undefined ? directoryFdstat(0, false) : preopenFdstat(false);
  }

  override status(out: Status): Errno {
    writeInodeStatus(this.#directory, out);
    return ERRNO.success;
  }

  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (this.preopenName !== undefined) return ERRNO.badf;
    setInodeTimes(this.#directory, accessed, modified);
    return ERRNO.success;
  }

  override list(): Entry[] {
    return [...this.#directory.contents].map(([name, inode]) => ({
      inode: inode.ino,
      fileType: fileTypeOf(inode),
      name: encoder.encode(name),
    }));
  }

  override open(path: string, request: OpenRequest): Descriptor | Errno {
    if ((request.flags & SYNC_FLAGS) !== 0) return ERRNO.notsup;
    if (request.directory && (request.create || request.exclusive || request.truncate)) return ERRNO.inval;
    const place = this.#find(path, 'kept');
    if (typeof place === 'number') return place;
    if (request.create && (place.slash || place.name === '.')) {
      return place.inode !== undefined && request.exclusive ? ERRNO.exist : ERRNO.isdir;
    }
    if (place.inode === undefined) return request.create ? createFile(place, request, this.#budget) : ERRNO.noent;
    if (request.create && request.exclusive) return ERRNO.exist;
    return openInode(place.inode, request, place.slash, this.#budget);
  }

  override createDirectory(path: string): Errno {
    const place = this.#find(path, 'ignored');
    if (typeof place === 'number') return place;
    if (place.inode !== undefined) return ERRNO.exist;
    const made = make(place, true, this.#budget);
    return typeof made === 'number' ? made : ERRNO.success;
  }

  override removeDirectory(path: string): Errno {
    const place = this.#find(path, 'enters');
    if (typeof place === 'number') return place;
    if (place.name === '.') return ERRNO.inval;
    if (place.inode === undefined) return ERRNO.noent;
    if (!isDirectory(place.inode)) return ERRNO.notdir;
    if (place.inode.contents.size > 0) return ERRNO.notempty;
    remove(place, this.#budget);
    return ERRNO.success;
  }

  override unlink(path: string): Errno {
    const place = this.#find(path, 'enters');
    if (typeof place === 'number') return place;
    if (place.name === '.') return ERRNO.isdir;
    if (place.inode === undefined) return ERRNO.noent;
    if (isDirectory(place.inode)) return ERRNO.isdir;
    remove(place, this.#budget);
    return ERRNO.success;
  }

  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof MemoryDirectory)) return ERRNO.xdev;
    const from = this.#find(path, 'kept');
    if (typeof from === 'number') return from;
    const to = target.#find(newPath, 'kept');
    if (typeof to === 'number') return to;
    return move(from, to, target.#budget);
  }

  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof MemoryDirectory)) return ERRNO.xdev;
    const from = this.#find(path, 'enters');
    if (typeof from === 'number') return from;
    const to = target.#find(newPath, 'enters');
    if (typeof to === 'number') return to;
    if (from.inode === undefined) return ERRNO.noent;
    if (to.inode !== undefined) return ERRNO.exist;
    if (isDirectory(from.inode)) return ERRNO.perm;
    if (notesOf(to.parent).isRemoved) return ERRNO.noent;
    if (!target.#budget.take(ENTRY_BYTES)) return ERRNO.nospc;
    to.parent.contents.set(to.name, from.inode);
    notesOf(from.inode).links += 1n;
    touch(to.parent);
    return ERRNO.success;
  }

  override symlink(target: string, path: string): Errno {
    if (target.startsWith('/')) return ERRNO.perm;
    const place = this.#find(path, 'enters');
    if (typeof place === 'number') return place;
    if (target === '') return ERRNO.noent;
    return place.inode === undefined ? ERRNO.notsup : ERRNO.exist;
  }

  override readlink(path: string): Uint8Array | Errno {
    const place = this.#find(path, 'enters');
    if (typeof place === 'number') return place;
    return place.inode === undefined ? ERRNO.noent : ERRNO.inval;
  }

  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    const bare = follow ? undefined : oneName(path);
    const place = this.#find(bare ?? path, 'kept');
    if (typeof place === 'number') return place;
    if (place.inode === undefined) return ERRNO.noent;
    if (place.slash && !isDirectory(place.inode)) return ERRNO.notdir;
    writeInodeStatus(place.inode, out);
    return ERRNO.success;
  }

  override setPathTimes(path: string, _follow: boolean, accessed: bigint, modified: bigint): Errno {
    const place = this.#find(path, 'enters');
    if (typeof place === 'number') return place;
    if (place.inode === undefined) return ERRNO.noent;
    setInodeTimes(place.inode, accessed, modified);
    return ERRNO.success;
  }

  #find(path: string, slash: Slash): Place | Errno {
    const split = splitPath(path, slash);
    if (typeof split === 'number') return split;
    const parent = walk(this.#directory, split.way);
    if (typeof parent === 'number') return parent;
    if (isNameTooLong(split.name)) return ERRNO.nametoolong;
    const inode = split.name === '.' ? parent : parent.contents.get(split.name);
    return { parent, name: split.name, slash: split.slash, inode };
  }
}

/** Goes from a directory to another below it; `..` goes back the way that was come. */
function walk(root: ShimDirectory, way: readonly string[]): ShimDirectory | Errno {
  const above: ShimDirectory[] = [];
  let here = root;
  for (const name of way) {
    if (name === '.') continue;
    if (name === '..') {
      const back = above.pop();
      if (back === undefined) return ERRNO.perm;
      here = back;
      continue;
    }
    const next = here.contents.get(name);
    if (next === undefined) return isNameTooLong(name) ? ERRNO.nametoolong : ERRNO.noent;
    if (!isDirectory(next)) return ERRNO.notdir;
    above.push(here);
    here = next;
  }
  return here;
}

/** Makes what a place names, in the shim's own classes, which we have no other way to know. */
function make(place: Place, asDirectory: boolean, budget: MemoryBudget): ShimInode | Errno {
  if (notesOf(place.parent).isRemoved) return ERRNO.noent;
  if (!budget.take(ENTRY_BYTES)) return ERRNO.nospc;
  const { entry } = place.parent.create_entry_for_path(place.name, asDirectory);
  if (entry === null) return ERRNO.io;
  touch(entry);
  touch(place.parent);
  return entry;
}

function createFile(place: Place, request: OpenRequest, budget: MemoryBudget): Descriptor | Errno {
  const made = make(place, false, budget);
  return typeof made === 'number' ? made : openInode(made, request, false, budget);
}

function openInode(inode: ShimInode, request: OpenRequest, slash: boolean, budget: MemoryBudget): Descriptor | Errno {
  const writable = request.write || request.create || request.truncate;
  const readable = request.read || !request.write;
  if (isDirectory(inode)) return writable ? ERRNO.isdir : new MemoryDirectory(inode, budget);
  if (slash || request.directory) return ERRNO.notdir;
  if (!isFile(inode)) return openForeign(inode, request);
  if (writable && inode.readonly) return ERRNO.perm;
  if (request.truncate) {
    resize(inode, 0, budget);
    touch(inode);
  }
  return new MemoryFile(inode, { readable, writable, flags: request.flags }, budget);
}

/** An inode of a class of the embedder's opens itself. */
function openForeign(inode: ShimInode, request: OpenRequest): Descriptor | Errno {
  const oflags = (request.create ? 1 : 0) | (request.exclusive ? 4 : 0) | (request.truncate ? 8 : 0);
  const rights = (request.read ? RIGHTS.fdRead : 0n) | (request.write ? RIGHTS.fdWrite : 0n);
  const { ret, fd_obj: fd } = inode.path_open(oflags, rights, request.flags);
  return fd === null ? ret : new ShimDescriptor(fd);
}

function remove(place: Place, budget: MemoryBudget): void {
  const { inode, parent, name } = place;
  if (inode === undefined) return;
  parent.contents.delete(name);
  budget.give(ENTRY_BYTES);
  notesOf(inode).links -= 1n;
  if (isDirectory(inode)) notesOf(inode).isRemoved = true;
  if (isFile(inode)) releaseUnreachable(inode, budget);
  touch(parent);
}

function move(from: Place, to: Place, budget: MemoryBudget): Errno {
  if (from.name === '.' || to.name === '.') return ERRNO.busy;
  const { inode } = from;
  if (inode === undefined) return ERRNO.noent;
  if (!isDirectory(inode) && (from.slash || to.slash)) return ERRNO.notdir;
  if (isDirectory(inode) && holds(inode, to.parent)) return ERRNO.inval;
  if (to.inode !== undefined && isDirectory(to.inode) && holds(to.inode, from.parent)) return ERRNO.notempty;
  if (to.inode === inode) return ERRNO.success;
  const errno = checkReplaced(inode, to.inode);
  if (errno !== ERRNO.success) return errno;
  if (notesOf(to.parent).isRemoved) return ERRNO.noent;
  remove(to, budget);
  from.parent.contents.delete(from.name);
  to.parent.contents.set(to.name, inode);
  // The shim asks a directory for its parent when it lists `..`.
  if (isDirectory(inode)) Object.assign(inode, { parent: to.parent });
  touch(from.parent);
  touch(to.parent);
  return ERRNO.success;
}

function checkReplaced(moved: ShimInode, replaced: ShimInode | undefined): Errno {
  if (replaced === undefined) return ERRNO.success;
  if (!isDirectory(moved)) return isDirectory(replaced) ? ERRNO.isdir : ERRNO.success;
  if (!isDirectory(replaced)) return ERRNO.notdir;
  return replaced.contents.size > 0 ? ERRNO.notempty : ERRNO.success;
}

/** Whether `inner` is `outer` or lies somewhere below it. Trees may be too deep to recurse. */
function holds(outer: ShimDirectory, inner: ShimDirectory): boolean {
  const left = [outer];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next === inner) return true;
    for (const child of next.contents.values()) if (isDirectory(child)) left.push(child);
  }
  return false;
}

import type { Directory as ShimDirectory, Inode as ShimInode } from '@bjorn3/browser_wasi_shim';
import { type Status, TIME_OMIT } from '../../native/fs.ts';
import { ERRNO, type Errno } from '../errno.ts';
import { FDFLAGS, type Fdstat, RIGHTS } from '../layout.ts';
import { type Descriptor, Directory, type Entry, type OpenRequest } from './descriptor.ts';
import { directoryFdstat, preopenFdstat } from './directory-rights.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MemoryFile, releaseUnreachable, resize } from './memory-file.ts';
import { fileTypeOf, isDirectory, isFile, notesOf, setInodeTimes, touch, writeInodeStatus } from './memory-inode.ts';
import { isLink, SymbolicLink } from './memory-link.ts';
import { lookUp, lookUpName, lookUpNames, type Place } from './memory-walk.ts';
import { isNameTooLong, oneName } from './path-text.ts';
import { checkedErrno, failureOf } from './shim-answer.ts';
import { ShimDescriptor } from './shim-descriptor.ts';

const SYNC_FLAGS = FDFLAGS.dsync | FDFLAGS.rsync | FDFLAGS.sync;
const encoder = new TextEncoder();
/** What an entry takes of a guest's budget beside its texts: twice what it takes of V8's heap, which a listing needs, too. */
const ENTRY_BYTES = 1024;

/** As long as a target may be. */
const MOST_TARGET_BYTES = 4095;

/**
 * A directory of a tree in memory, made of the shim's `Directory` and `File`. The tree is the embedder's: it sees what the
 * guest changes at once. Paths mean what they mean below {@link HostDirectory}.
 */
export class MemoryDirectory extends Directory {
  readonly #directory: ShimDirectory;
  readonly #budget: MemoryBudget;
  readonly #readOnly: boolean;

  constructor(directory: ShimDirectory, budget: MemoryBudget, readOnly: boolean) {
    super();
    this.#directory = directory;
    this.#budget = budget;
    this.#readOnly = readOnly;
  }

  override fdstat(): Fdstat {
    return this.preopenName === undefined ? directoryFdstat(0, this.#readOnly) : preopenFdstat(this.#readOnly);
  }

  override status(out: Status): Errno {
    writeInodeStatus(this.#directory, out);
    return ERRNO.success;
  }

  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (accessed === TIME_OMIT && modified === TIME_OMIT) return ERRNO.success;
    if (this.preopenName !== undefined) return ERRNO.badf;
    if (this.#readOnly) return ERRNO.rofs;
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
    const { create, exclusive, follow } = request;
    if (request.directory && (create || exclusive || request.truncate)) return ERRNO.inval;
    if (this.#readOnly && (request.write || create || request.truncate)) return ERRNO.rofs;
    const place = lookUp(this.#directory, path, { follow: follow && !(create && exclusive), create });
    if (typeof place === 'number') return place;
    if (create && (place.slash || place.name === '.')) {
      return place.name === '.' && exclusive ? ERRNO.exist : ERRNO.isdir;
    }
    if (place.inode === undefined) return create ? this.#createFile(place, request) : ERRNO.noent;
    return create && exclusive ? ERRNO.exist : this.#openInode(place.inode, request, place.slash);
  }

  #createFile(place: Place, request: OpenRequest): Descriptor | Errno {
    const made = make(place, false, this.#budget);
    return typeof made === 'number' ? made : this.#openInode(made, request, false);
  }

  #openInode(inode: ShimInode, request: OpenRequest, slash: boolean): Descriptor | Errno {
    const writable = request.write || request.create || request.truncate;
    const readable = request.read || !request.write;
    const budget = this.#budget;
    const readOnly = this.#readOnly;
    if (isDirectory(inode)) return writable ? ERRNO.isdir : new MemoryDirectory(inode, budget, readOnly);
    if (isLink(inode)) return ERRNO.loop;
    if (request.directory || slash) return ERRNO.notdir;
    if (!isFile(inode)) return openForeign(inode, request, readOnly);
    if (writable && inode.readonly) return ERRNO.perm;
    if (request.truncate) {
      const errno = resize(inode, 0, budget);
      if (errno !== ERRNO.success) return errno;
      touch(inode);
    }
    return new MemoryFile(inode, { readable, writable, flags: request.flags, readOnly }, budget);
  }

  override createDirectory(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    const place = lookUpName(this.#directory, path, 'ignored');
    if (typeof place === 'number') return place;
    if (place.inode !== undefined) return ERRNO.exist;
    const made = make(place, true, this.#budget);
    return typeof made === 'number' ? made : ERRNO.success;
  }

  override removeDirectory(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    const place = lookUpName(this.#directory, path, 'enters');
    if (typeof place === 'number') return place;
    if (place.name === '.') return ERRNO.inval;
    if (place.inode === undefined) return ERRNO.noent;
    if (!isDirectory(place.inode)) return ERRNO.notdir;
    if (place.inode.contents.size > 0) return ERRNO.notempty;
    remove(place, this.#budget);
    return ERRNO.success;
  }

  override unlink(path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    const place = lookUpName(this.#directory, path, 'enters');
    if (typeof place === 'number') return place;
    if (place.name === '.') return ERRNO.isdir;
    if (place.inode === undefined) return ERRNO.noent;
    if (isDirectory(place.inode)) return ERRNO.isdir;
    remove(place, this.#budget);
    return ERRNO.success;
  }

  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof MemoryDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    const places = lookUpNames([this.#directory, path], [target.#directory, newPath], 'kept');
    return typeof places === 'number' ? places : move(...places, target.#budget);
  }

  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof MemoryDirectory)) return ERRNO.xdev;
    if (this.#readOnly || target.#readOnly) return ERRNO.rofs;
    const places = lookUpNames([this.#directory, path], [target.#directory, newPath], 'enters');
    if (typeof places === 'number') return places;
    const [from, to] = places;
    if (from.inode === undefined) return ERRNO.noent;
    if (to.inode !== undefined) return ERRNO.exist;
    if (isDirectory(from.inode)) return ERRNO.perm;
    const errno = put(to, from.inode, target.#budget);
    if (errno === ERRNO.success) notesOf(from.inode).links += 1n;
    return errno;
  }

  override symlink(target: string, path: string): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    if (target.startsWith('/')) return ERRNO.perm;
    const place = lookUpName(this.#directory, path, 'enters');
    if (typeof place === 'number') return place;
    if (target === '') return ERRNO.noent;
    if (target.includes('\0')) return ERRNO.inval;
    if (Buffer.byteLength(target) > MOST_TARGET_BYTES) return ERRNO.nametoolong;
    if (place.inode !== undefined) return ERRNO.exist;
    const link = new SymbolicLink(target);
    touch(link);
    return put(place, link, this.#budget);
  }

  override readlink(path: string): Uint8Array | Errno {
    const place = lookUpName(this.#directory, path, 'enters');
    if (typeof place === 'number') return place;
    if (place.inode === undefined) return ERRNO.noent;
    if (!isLink(place.inode)) return ERRNO.inval;
    return place.inode.target.startsWith('/') ? ERRNO.perm : encoder.encode(place.inode.target);
  }

  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    const bare = follow ? undefined : oneName(path);
    const place = lookUp(this.#directory, bare ?? path, { follow, create: false });
    if (typeof place === 'number') return place;
    if (place.inode === undefined) return ERRNO.noent;
    if (place.slash && !isDirectory(place.inode)) return ERRNO.notdir;
    writeInodeStatus(place.inode, out);
    return ERRNO.success;
  }

  override setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    const place = follow
      ? lookUp(this.#directory, path, { follow, create: false })
      : lookUpName(this.#directory, path, 'enters');
    if (typeof place === 'number') return place;
    // As Linux does it: where there is nothing to set, a name in a directory is not looked at.
    if (!follow && accessed === TIME_OMIT && modified === TIME_OMIT) return ERRNO.success;
    if (place.inode === undefined) return ERRNO.noent;
    if (place.slash && !isDirectory(place.inode)) return ERRNO.notdir;
    setInodeTimes(place.inode, accessed, modified);
    return ERRNO.success;
  }
}

/** Makes what a place names, in the shim's own classes, which we have no other way to know. */
function make(place: Place, asDirectory: boolean, budget: MemoryBudget): ShimInode | Errno {
  if (notesOf(place.parent).isRemoved) return ERRNO.noent;
  const name = ownText(place.name);
  if (!budget.take(entryBytes(name))) return ERRNO.nospc;
  const { entry } = place.parent.create_entry_for_path(name, asDirectory);
  if (entry === null) return ERRNO.io;
  touch(entry);
  touch(place.parent);
  return entry;
}

/** What an entry takes of a guest's budget; of a character, V8 keeps up to two bytes. */
function entryBytes(name: string, inode?: ShimInode): number {
  const target = inode !== undefined && isLink(inode) ? inode.target.length : 0;
  return ENTRY_BYTES + 2 * (name.length + target);
}

/** The same text by itself: what is cut out of a path keeps the whole path in memory. */
function ownText(name: string): string {
  return Buffer.from(name).toString();
}

/** Puts something that is there already under another name. */
function put(place: Place, inode: ShimInode, budget: MemoryBudget): Errno {
  if (notesOf(place.parent).isRemoved) return ERRNO.noent;
  if (isNameTooLong(place.name)) return ERRNO.nametoolong;
  const name = ownText(place.name);
  if (!budget.take(entryBytes(name, inode))) return ERRNO.nospc;
  place.parent.contents.set(name, inode);
  touch(place.parent);
  return ERRNO.success;
}

/** An inode of a class of the embedder's opens itself. */
function openForeign(inode: ShimInode, request: OpenRequest, readOnly: boolean): Descriptor | Errno {
  const oflags = (request.create ? 1 : 0) | (request.exclusive ? 4 : 0) | (request.truncate ? 8 : 0);
  const rights = (request.read ? RIGHTS.fdRead : 0n) | (request.write ? RIGHTS.fdWrite : 0n);
  const { ret, fd_obj: fd } = inode.path_open(oflags, rights, request.flags);
  const isOpen = checkedErrno(ret) === ERRNO.success && fd !== null;
  return isOpen ? new ShimDescriptor(fd, readOnly) : failureOf(ret);
}

function remove(place: Place, budget: MemoryBudget): void {
  const { inode, parent, name } = place;
  if (inode === undefined) return;
  parent.contents.delete(name);
  budget.give(entryBytes(name, inode));
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
  const name = ownText(to.name);
  // A shorter name gives back what it does not take.
  if (!budget.take(entryBytes(name) - entryBytes(from.name))) return ERRNO.nospc;
  remove(to, budget);
  from.parent.contents.delete(from.name);
  to.parent.contents.set(name, inode);
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

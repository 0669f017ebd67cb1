import type { Directory as ShimDirectory, Inode as ShimInode } from '@bjorn3/browser_wasi_shim';
import { ERRNO, type Errno } from '../errno.ts';
import { isDirectory } from './memory-inode.ts';
import { isLink } from './memory-link.ts';
import { checkPath, componentsOf, isNameTooLong, type Slash, splitPath } from './path-text.ts';

/** As many links as Linux follows in one resolution. */
const MOST_LINKS = 40;

/** A name in a directory; what it names may not be there. */
export interface Place {
  parent: ShimDirectory;
  /** `.` for the directory itself. */
  name: string;
  /** Whether a slash behind it says that a directory is meant. */
  slash: boolean;
  inode: ShimInode | undefined;
}

/** How a whole path is looked up. */
interface LookUp {
  /** Whether a link at the end is followed; one with a slash behind it always is. */
  follow: boolean;
  /** Whether what is not there is to be created: then a slash at the end is `isdir` before anything is followed. */
  create: boolean;
}

/** Finds what a path leads to, through links: the way `openat` goes. */
export function lookUp(root: ShimDirectory, path: string, how: LookUp): Place | Errno {
  const errno = checkPath(path);
  return errno === ERRNO.success ? new Walk(root, how).go(componentsOf(path), path.endsWith('/')) : errno;
}

/** Finds the last name of a path, which is not followed itself; what the slash at its end means is said. */
export function lookUpName(root: ShimDirectory, path: string, slash: Slash): Place | Errno {
  const place = lookUpWay(root, path, slash);
  if (typeof place === 'number') return place;
  const errno = nameErrno(place.name);
  return errno === ERRNO.success ? place : errno;
}

/** The same of two paths. What is wrong with a name comes behind what is wrong with either way. */
export function lookUpNames(
  [root, path]: readonly [ShimDirectory, string],
  [newRoot, newPath]: readonly [ShimDirectory, string],
  slash: Slash,
): [from: Place, to: Place] | Errno {
  const from = lookUpWay(root, path, slash);
  if (typeof from === 'number') return from;
  const to = lookUpWay(newRoot, newPath, slash);
  if (typeof to === 'number') return to;
  const errno = nameErrno(from.name) || nameErrno(to.name);
  return errno === ERRNO.success ? [from, to] : errno;
}

function lookUpWay(root: ShimDirectory, path: string, slash: Slash): Place | Errno {
  if (path === '') return ERRNO.noent;
  const split = splitPath(path, slash);
  if (split === undefined) return checkPath(path);
  const errno = split.way === '' ? ERRNO.success : checkPath(split.way);
  if (errno !== ERRNO.success) return errno;
  const way = new Walk(root, { follow: true, create: false }).go([...componentsOf(split.way), '.'], false);
  if (typeof way === 'number') return way;
  const { parent } = way;
  const inode = split.name === '.' ? parent : parent.contents.get(split.name);
  return { parent, name: split.name, slash: split.slash, inode };
}

function nameErrno(name: string): Errno {
  if (name.includes('\0')) return ERRNO.inval;
  return isNameTooLong(name) ? ERRNO.nametoolong : ERRNO.success;
}

/** One resolution, component by component; `..` goes back the way that was come. */
class Walk {
  readonly #how: LookUp;
  readonly #above: ShimDirectory[] = [];
  /** What is left, the next name last. */
  #names: string[] = [];
  #here: ShimDirectory;
  #mustBeDirectory = false;
  #slashFollows = false;
  #links = 0;

  constructor(root: ShimDirectory, how: LookUp) {
    this.#here = root;
    this.#how = how;
  }

  go(components: readonly string[], slash: boolean): Place | Errno {
    this.#names = [...components].reverse();
    this.#mustBeDirectory = slash;
    this.#slashFollows = slash;
    for (let name = this.#names.pop(); name !== undefined; name = this.#names.pop()) {
      const answer = this.#step(name);
      if (answer !== undefined) return answer;
    }
    return { parent: this.#here, name: '.', slash: this.#mustBeDirectory, inode: this.#here };
  }

  #step(name: string): Place | Errno | undefined {
    if (name === '.') return undefined;
    if (name === '..') {
      const back = this.#above.pop();
      if (back === undefined) return ERRNO.perm;
      this.#here = back;
      return undefined;
    }
    const inode = this.#here.contents.get(name);
    if (inode === undefined && isNameTooLong(name)) return ERRNO.nametoolong;
    return this.#names.length === 0 ? this.#last(name, inode) : this.#enter(inode);
  }

  #enter(inode: ShimInode | undefined): Errno | undefined {
    if (inode === undefined) return ERRNO.noent;
    if (isLink(inode)) return this.#follow(inode.target);
    if (!isDirectory(inode)) return ERRNO.notdir;
    this.#above.push(this.#here);
    this.#here = inode;
    return undefined;
  }

  #last(name: string, inode: ShimInode | undefined): Place | Errno | undefined {
    const place = { parent: this.#here, name, slash: this.#mustBeDirectory, inode };
    if (this.#mustBeDirectory && this.#how.create) return place;
    const follows = this.#how.follow || this.#slashFollows;
    return follows && inode !== undefined && isLink(inode) ? this.#follow(inode.target) : place;
  }

  /** Puts a link's target in its place. */
  #follow(target: string): Errno | undefined {
    if (++this.#links > MOST_LINKS) return ERRNO.loop;
    if (target === '') return ERRNO.noent;
    if (target.startsWith('/')) return ERRNO.perm;
    if (this.#names.length === 0 && target.endsWith('/')) this.#mustBeDirectory = true;
    this.#names.push(...componentsOf(target).reverse());
    return undefined;
  }
}

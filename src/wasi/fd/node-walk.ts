/**
 * Resolves paths below a directory descriptor with nothing but `node:fs`, one component after the other, as
 * `native/fs/resolve.cc` does where the kernel has no openat2. Node knows no `openat`; `/proc/self/fd/N/name` stands for it:
 * the number is ours, and the name is a single component that no link is followed at.
 */
import { accessSync, closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { componentsOf, type Slash, splitPath } from './path-text.ts';

const { EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENAMETOOLONG, ENOTDIR, EPERM } = osConstants.errno;
/** Linux's number; Node has no name for it. */
export const O_PATH = 0o10000000;
const PASS_THROUGH = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const MOST_LINKS = 40;

/** The negative errno of an exception of `node:fs`; what is none of the system's is EINVAL. */
export function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: unknown };
  return typeof errno === 'number' ? errno : -EINVAL;
}

/** The answer of a call, or its negative errno. */
export function attempt<T>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    return errnoOf(error);
  }
}

/** A name in a directory, for the calls that take a path. */
export function childOf(directory: number, name: string): string {
  return `/proc/self/fd/${directory}/${name}`;
}

class Walk {
  readonly #root: number;
  readonly #flags: number;
  readonly #mode: number;
  readonly #stack: number[] = [];
  /** What is left, the next component last. */
  readonly #names: string[] = [];
  #mustBeDirectory = false;
  #slashFollows = false;
  #links = 0;

  constructor(root: number, flags: number, mode: number) {
    this.#root = root;
    this.#flags = flags;
    this.#mode = mode;
  }

  /** A descriptor, or a negative errno. */
  open(path: string): number {
    this.#slashFollows = path.endsWith('/');
    try {
      let result = this.#push(path);
      while (result === undefined && this.#names.length > 0) result = this.#step(this.#names.pop() ?? '.');
      return result ?? this.#reopen();
    } finally {
      for (const fd of this.#stack) closeSync(fd);
    }
  }

  #base(): number {
    return this.#stack.at(-1) ?? this.#root;
  }

  #push(path: string): number | undefined {
    if (path === '') return -ENOENT;
    if (path.startsWith('/')) return -EPERM;
    if (this.#names.length === 0 && path.endsWith('/')) this.#mustBeDirectory = true;
    this.#names.push(...componentsOf(path).reverse());
    return undefined;
  }

  #step(name: string): number | undefined {
    if (name === '.') return this.#requireSearch();
    if (name === '..') {
      if (this.#stack.length === 0) return -EPERM;
      const denied = this.#requireSearch();
      if (denied !== undefined) return denied;
      closeSync(this.#stack.pop() ?? -1);
      return undefined;
    }
    return this.#names.length === 0 ? this.#last(name) : this.#enter(name);
  }

  #requireSearch(): number | undefined {
    const result = attempt(() => accessSync(childOf(this.#base(), '.'), constants.X_OK));
    return typeof result === 'number' ? result : undefined;
  }

  #enter(name: string): number | undefined {
    const fd = attempt(() => openSync(childOf(this.#base(), name), PASS_THROUGH));
    if (fd >= 0) {
      this.#stack.push(fd);
      return undefined;
    }
    return fd === -ENOTDIR || fd === -ELOOP ? this.#follow(name, -ENOTDIR) : fd;
  }

  #last(name: string): number | undefined {
    if (this.#mustBeDirectory && (this.#flags & constants.O_CREAT) !== 0) return -EISDIR;
    const follow = (this.#flags & constants.O_NOFOLLOW) === 0 || this.#slashFollows;
    const flags = this.#flags | constants.O_NOFOLLOW | (this.#mustBeDirectory ? constants.O_DIRECTORY : 0);
    const fd = attempt(() => openSync(childOf(this.#base(), name), flags, this.#mode));
    if (fd < 0) return follow && (fd === -ELOOP || fd === -ENOTDIR) ? this.#follow(name, fd) : fd;
    // With O_PATH a link is opened itself.
    if (!follow || (this.#flags & O_PATH) === 0 || !fstatSync(fd).isSymbolicLink()) return fd;
    closeSync(fd);
    return this.#follow(name, -ELOOP);
  }

  /** Replaces a link by its target; `otherwise` is the answer where it is no link. */
  #follow(name: string, otherwise: number): number | undefined {
    const target = attempt(() => readlinkSync(childOf(this.#base(), name)));
    if (typeof target === 'number') return target === -EINVAL ? otherwise : target;
    this.#links++;
    return this.#links > MOST_LINKS ? -ELOOP : this.#push(target);
  }

  /** The path ended in a directory that is open already. */
  #reopen(): number {
    if ((this.#flags & constants.O_CREAT) !== 0) return (this.#flags & constants.O_EXCL) !== 0 ? -EEXIST : -EISDIR;
    return attempt(() => openSync(childOf(this.#base(), '.'), this.#flags & ~constants.O_NOFOLLOW));
  }
}

/** What is wrong with the text of a path, as a negative errno; 0 where nothing is. */
function textErrno(path: string): number {
  if (path === '') return -ENOENT;
  if (path.includes('\0')) return -EINVAL;
  return Buffer.byteLength(path) >= 4096 ? -ENAMETOOLONG : 0;
}

/** Opens a path below a directory; a descriptor or a negative errno. */
export function openBeneath(directory: number, path: string, flags: number, mode: number): number {
  const errno = textErrno(path);
  return errno < 0 ? errno : new Walk(directory, flags, mode).open(path);
}

/**
 * Calls with a path to the last component of `path`, in the directory that holds it.
 * @returns what the call answers, or a negative errno
 */
export function atParent<T>(directory: number, path: string, slash: Slash, call: (child: string) => T): T | number {
  if (path === '') return -ENOENT;
  const split = splitPath(path, slash);
  if (split === undefined) return textErrno(path) || -EPERM;
  // A NUL in the name is found by Node, behind whatever is wrong with the way to it.
  const name = split.slash ? `${split.name}/` : split.name;
  if (split.way === '') return attempt(() => call(childOf(directory, name)));
  // The slash makes it a directory where the last component of the way is a link, too.
  const parent = openBeneath(directory, split.way, O_PATH | constants.O_DIRECTORY, 0);
  if (parent < 0) return parent;
  try {
    return attempt(() => call(childOf(parent, name)));
  } finally {
    closeSync(parent);
  }
}

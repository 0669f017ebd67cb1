import { ERRNO, type Errno } from '../errno.ts';

/** As long as a path may be, its end not counted, and each of its names. */
const MOST_PATH_BYTES = 4095;
const MOST_NAME_BYTES = 255;

/** What slashes at the end of a path mean: the directory itself (its name is `.` in itself), nothing, or they stay. */
export type Slash = 'enters' | 'ignored' | 'kept';

/** A path cut in two: the way to a directory, and a name in it. The name is `.` where the path ends in a directory. */
interface SplitPath {
  /** A path again, or nothing. */
  way: string;
  /** May hold anything but a slash. */
  name: string;
  /** With `kept`: whether a directory is meant. */
  slash: boolean;
}

/** Cuts the last component off; undefined where there is none. The text alone decides: nothing is looked up. */
export function splitPath(path: string, slash: Slash): SplitPath | undefined {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  if (end === 0) return undefined;
  const start = path.lastIndexOf('/', end - 1) + 1;
  const name = path.slice(start, end);
  const endsInSlash = end < path.length;
  // `.` by itself is the directory at hand, which needs no right to be searched.
  if (path !== '.' && (name === '.' || name === '..' || (endsInSlash && slash === 'enters'))) {
    return { way: path, name: '.', slash: endsInSlash };
  }
  return { way: withoutDotsAtEnd(path.slice(0, start)), name, slash: endsInSlash && slash === 'kept' };
}

/** `a/.//` is `a`: to open a directory is no search in it. */
function withoutDotsAtEnd(way: string): string {
  let end = way.length;
  for (;;) {
    if (end > 1 && way[end - 1] === '/') end--;
    else if (end > 2 && way[end - 1] === '.' && way[end - 2] === '/') end -= 2;
    else return way.slice(0, end);
  }
}

/** What is wrong with a path whatever it leads to. */
export function checkPath(path: string): Errno {
  if (path === '') return ERRNO.noent;
  if (path.includes('\0')) return ERRNO.inval;
  if (Buffer.byteLength(path) > MOST_PATH_BYTES) return ERRNO.nametoolong;
  return path.startsWith('/') ? ERRNO.perm : ERRNO.success;
}

export function isNameTooLong(name: string): boolean {
  // A character takes at most three bytes of UTF-8 for each of its UTF-16 units.
  return name.length * 3 > MOST_NAME_BYTES && Buffer.byteLength(name) > MOST_NAME_BYTES;
}

/** `a//b/` is `a`, `b`; dots stay. */
export function componentsOf(path: string): string[] {
  return path.split('/').filter((component) => component !== '');
}

/** The one name of a path like `name`, `name/` or `name/.`; undefined where there are more, or dots first. */
export function oneName(path: string): string | undefined {
  const [first, ...rest] = path.split('/');
  if (first === undefined || first === '' || first === '.' || first === '..') return undefined;
  return rest.every((component) => component === '' || component === '.') ? first : undefined;
}

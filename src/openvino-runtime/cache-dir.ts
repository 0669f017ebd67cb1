import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Our per-user cache: `$XDG_CACHE_HOME/wasi-nn-host`, or `~/.cache/wasi-nn-host`.
 * @returns an absolute path that need not exist; undefined where the user has no home.
 */
export function cacheRoot(env: NodeJS.ProcessEnv): string | undefined {
  // The XDG specification says to ignore a relative path.
  const base = env.XDG_CACHE_HOME;
  if (base && isAbsolute(base)) return join(base, 'wasi-nn-host');
  const home = env.HOME || homeOfUser();
  return home && isAbsolute(home) ? join(home, '.cache', 'wasi-nn-host') : undefined;
}

function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/**
 * Why the cache directory may not be used, or undefined when it may: libraries are loaded from there, so nobody else may
 * be able to put any in.
 */
export function cacheRootProblem(root: string): string | undefined {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(root, { throwIfNoEntry: false });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (!stat) return 'not there';
  if (!stat.isDirectory()) return 'not a directory';
  if (process.getuid && stat.uid !== process.getuid()) return `belongs to user ${stat.uid}, so it is not used`;
  if ((stat.mode & 0o022) !== 0) return 'others can write to it, so it is not used (chmod 700 it)';
  return undefined;
}

/**
 * Makes the cache directory (mode 0700) where it is absent.
 * @returns why it cannot be used, or undefined when it can.
 */
export function makeCacheRoot(root: string): string | undefined {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return cacheRootProblem(root);
}

/** Where the set-up keeps runtimes, one directory per version. */
export function cachedRuntimes(root: string): string {
  return join(root, 'openvino');
}

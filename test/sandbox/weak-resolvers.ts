/** Two ways of staying inside that do not hold, each once found in the wild: the race tests must tell them from ours. */
import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import type { NativeFs } from '../../src/native/fs.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import { attempt, childOf, O_PATH } from '../../src/wasi/fd/node-walk.ts';

const { EPERM } = osConstants.errno;

/** Asks where a path leads, and then opens it: in between it may come to lead elsewhere. */
export function checkedFirst(): NativeFs {
  const open: NativeFs['open'] = (directory, path, flags, mode) =>
    attempt(() => {
      const root = realpathSync(`/proc/self/fd/${directory}`);
      const real = realpathSync(childOf(directory, path));
      return real.startsWith(`${root}/`) ? openSync(childOf(directory, path), flags, mode) : -EPERM;
    });
  return { ...createNodeFs(), open };
}

/** Goes by components and follows no link, but leaves `..` to the system: the directory may have been carried away. */
export function systemsDots(): NativeFs {
  const open: NativeFs['open'] = (directory, path, flags, mode) => {
    const components = path.split('/');
    const name = components.pop() ?? '.';
    const opened = [directory];
    let depth = 0;
    try {
      for (const component of components) {
        depth += component === '..' ? -1 : 1;
        if (depth < 0) return -EPERM;
        const next = childOf(opened.at(-1) ?? directory, component);
        opened.push(openSync(next, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW));
      }
      if (name === '..') return -EPERM;
      return openSync(childOf(opened.at(-1) ?? directory, name), flags | constants.O_NOFOLLOW, mode);
    } catch (error) {
      return attempt(() => {
        throw error;
      });
    } finally {
      for (const fd of opened.slice(1)) closeSync(fd);
    }
  };
  return { ...createNodeFs(), open };
}

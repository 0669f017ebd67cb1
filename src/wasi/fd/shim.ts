import type { OpenDirectory, Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import { HostError } from '../../errors.ts';
import type { Descriptor } from './descriptor.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MemoryDirectory } from './memory-directory.ts';
import { describeShim } from './shim-directory.ts';

/** The shim's own directories, by name: the embedder's copy of the package may be another one than ours. */
const TREE_CLASSES: ReadonlySet<string> = new Set(['PreopenDirectory', 'OpenDirectory']);

export interface ShimUse {
  code: 'ERR_PREOPEN' | 'ERR_STDIO';
  name: string;
}

/**
 * Makes a descriptor of an object of @bjorn3/browser_wasi_shim. Its own in-memory directories are used as data, with our
 * rules for paths; a class of the embedder's is called as it is.
 *
 * @param budget what the guest may add to trees in memory
 * @param use what it is for, in the error that is thrown
 * @param readOnly whether changes are `rofs`; kept for trees in memory, a class of the embedder's is not given to change
 * @throws HostError with the code of `use`, where the object cannot say what it is
 */
export function fromShim(fd: ShimFd, budget: MemoryBudget, use: ShimUse, readOnly = false): Descriptor {
  try {
    return describe(fd, budget, readOnly);
  } catch (error) {
    const reason = error instanceof Error ? error.message : typeof error;
    throw new HostError(use.code, `${use.name}: the Fd that was given fails: ${reason}`, { cause: error });
  }
}

function describe(fd: ShimFd, budget: MemoryBudget, readOnly: boolean): Descriptor {
  const { dir } = fd as Partial<OpenDirectory>;
  const isTree = TREE_CLASSES.has(fd.constructor.name) && dir?.contents instanceof Map;
  return isTree ? new MemoryDirectory(dir, budget, readOnly) : describeShim(fd, readOnly);
}

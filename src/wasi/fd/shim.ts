import type { OpenDirectory, Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { Descriptor } from './descriptor.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MemoryDirectory } from './memory-directory.ts';
import { describeShim } from './shim-directory.ts';

/** The shim's own directories, by name: the embedder's copy of the package may be another one than ours. */
const TREE_CLASSES: ReadonlySet<string> = new Set(['PreopenDirectory', 'OpenDirectory']);

/**
 * Makes a descriptor of an object of @bjorn3/browser_wasi_shim. Its own in-memory directories are used as data, with our
 * rules for paths; a class of the embedder's is called as it is.
 *
 * @param budget what the guest may add to trees in memory
 * @param readOnly whether changes are `rofs`; kept for trees in memory, a class of the embedder's is not given to change
 */
export function fromShim(fd: ShimFd, budget: MemoryBudget, readOnly = false): Descriptor {
  const { dir } = fd as Partial<OpenDirectory>;
  const isTree = TREE_CLASSES.has(fd.constructor.name) && dir?.contents instanceof Map;
  return isTree ? new MemoryDirectory(dir, budget, readOnly) : describeShim(fd, readOnly);
}

/** What the system is told of the pages of guests' memories. Without the addon it is told nothing. */
import { addonIfLoaded } from '../native/addon.ts';

/** Below that the call costs more than the pages are worth. */
const LEAST_BYTES = 256 * 1024;

/** Makes what a guest's memory grows by cheaper. */
export function readyForGrowth(memory: WebAssembly.Memory): void {
  addonIfLoaded()?.thread.growInHugePages(memory);
}

/**
 * Gives the pages of memories back to the system that no instance uses any more: the garbage collector does not see how much
 * they hold, and takes its time.
 */
export function releaseMemories(memories: Iterable<WebAssembly.Memory>): void {
  for (const memory of memories) {
    if (memory.buffer.byteLength >= LEAST_BYTES) addonIfLoaded()?.thread.releasePages(memory);
  }
}

/** What the system is told of the pages of guests' memories. Without the addon it is told nothing. */
import { addonIfLoaded } from '../native/addon.ts';

/** Below that the call costs more than the pages are worth. */
const LEAST_BYTES = 256 * 1024;

/** Makes what a guest's memory grows by cheaper. */
export function readyForGrowth(memory: WebAssembly.Memory): void {
  addonIfLoaded()?.thread.growInHugePages(memory);
}

/**
 * Gives the pages of a memory back to the system that no instance uses any more: the garbage collector does not see how much
 * it holds, and takes its time.
 *
 * @returns whether it did: of a small one, and without the addon, the garbage collector has to do
 */
export function releaseMemory(memory: WebAssembly.Memory): boolean {
  if (memory.buffer.byteLength < LEAST_BYTES) return false;
  return (addonIfLoaded()?.thread.releasePages(memory) ?? 0) > 0;
}

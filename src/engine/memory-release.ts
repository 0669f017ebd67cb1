import { loadAddon } from '../native/addon.ts';

/** Below that the call costs more than the pages are worth. */
const LEAST_BYTES = 256 * 1024;

/**
 * Gives the pages of memories back to the system that no instance uses any more: the garbage collector does not see how much
 * they hold, and takes its time.
 */
export function releaseMemories(memories: Iterable<WebAssembly.Memory>): void {
  for (const memory of memories) {
    if (memory.buffer.byteLength >= LEAST_BYTES) releasePages(memory);
  }
}

function releasePages(memory: WebAssembly.Memory): void {
  try {
    loadAddon().thread.releasePages(memory);
  } catch {
    // Without the addon the garbage collector has to do.
  }
}

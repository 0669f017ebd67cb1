/**
 * What V8 is told of the memories of guests that are suspended. It counts them as garbage to be, and collects after each
 * 64 MiB of them: every fifty guests, though all of them live. A collection stops the thread to look through each guest's
 * stack, twice, so that thousands in flight would cost it tens of milliseconds each time.
 */
import { loadAddon } from '../native/addon.ts';
import type { NativeThread } from '../native/thread.ts';

/** Of guests that have ended: V8 hears of as many at once. Each keeps some of the addresses that a process has. */
const MOST_ENDED = 256;

/** More at once, and V8 might collect everything at once, too. */
const MOST_ENDED_BYTES = 512 * 2 ** 20;

type Counts = Pick<NativeThread, 'takeExternalBytes' | 'addExternalBytes'>;

export class MemoryAccount {
  readonly #counts: () => Counts | undefined;
  /** Those that V8 does not count, with what it did. They are kept: V8 takes off what it once counted when one is gone. */
  readonly #live = new Map<WebAssembly.Memory, number>();
  #ended: WebAssembly.Memory[] = [];
  #endedBytes = 0;

  /** @param counts of V8; undefined: there it counts as it likes */
  constructor(counts: () => Counts | undefined) {
    this.#counts = counts;
  }

  /** @param memory that has not grown yet: of what comes later V8 has an account of its own */
  leaveOut(memory: WebAssembly.Memory): void {
    const { buffer } = memory;
    // One that is shared may be another thread's, too.
    if (!(buffer instanceof ArrayBuffer) || this.#live.has(memory)) return;
    if (this.#counts()?.takeExternalBytes(buffer.byteLength)) this.#live.set(memory, buffer.byteLength);
  }

  /** @param isEmpty whether it has no pages any more: then it may wait for others */
  end(memory: WebAssembly.Memory, isEmpty: boolean): void {
    const byteLength = this.#live.get(memory);
    if (byteLength === undefined) return;
    this.#live.delete(memory);
    if (isEmpty) {
      this.#ended.push(memory);
      this.#endedBytes += byteLength;
    } else this.#counts()?.addExternalBytes(byteLength);
    const isMuch = this.#ended.length >= MOST_ENDED || this.#endedBytes >= MOST_ENDED_BYTES;
    if (isMuch || this.#live.size === 0) this.#tell();
  }

  #tell(): void {
    this.#counts()?.addExternalBytes(this.#endedBytes);
    this.#endedBytes = 0;
    this.#ended = [];
  }
}

/**
 * Whether V8 counts a memory as it is when it is made, and takes nothing off when it grows. It has done otherwise, and what
 * is left out must not be more than it takes off in the end.
 */
function countsAsKnown(counts: Counts): boolean {
  const before = counts.addExternalBytes(0);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const made = counts.addExternalBytes(0) - before;
  const isKnown = made === memory.buffer.byteLength;
  memory.grow(1);
  return isKnown && counts.addExternalBytes(0) - before >= made;
}

/** A collection may come between. */
const ATTEMPTS = 4;

let known: { counts: Counts | undefined } | undefined;

function nativeCounts(): Counts | undefined {
  known ??= { counts: findCounts() };
  return known.counts;
}

function findCounts(): Counts | undefined {
  try {
    const { thread } = loadAddon();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (countsAsKnown(thread)) return thread;
  } catch {
    // Without the addon V8 counts as it likes.
  }
  return undefined;
}

/** Of this thread. */
export const memoryAccount = new MemoryAccount(nativeCounts);

import { ERRNO, type Errno } from './errno.ts';
import type { Descriptor } from './fd/descriptor.ts';

/**
 * The guest's descriptors by number.
 *
 * Numbers are given out as wasmtime gives them: of the numbers that were closed the highest first, else one above the
 * highest in use. Guests should not depend on it, but some do.
 */
export class DescriptorTable {
  /** Numbers are few and dense: none is higher than as many were once open together. */
  readonly #used: (Descriptor | undefined)[] = [];
  #count = 0;
  /** Closed numbers, unordered. */
  readonly #free = new Set<number>();
  readonly #most: number;
  #highest = -1;

  /** @param most how many descriptors the guest may have open at once */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#count;
  }

  /** @param fd as the guest gave it, signed or not */
  get(fd: number): Descriptor | undefined {
    return this.#used[fd >>> 0];
  }

  /** Whether one more would be too many; asked before anything is opened. */
  get isFull(): boolean {
    return this.#count >= this.#most;
  }

  /** Gives a number to a descriptor and takes it over. */
  add(descriptor: Descriptor): number {
    const fd = this.#takeFree() ?? this.#highest + 1;
    this.#used[fd] = descriptor;
    this.#count++;
    if (fd > this.#highest) this.#highest = fd;
    return fd;
  }

  /** Closes a descriptor. */
  close(fd: number): Errno {
    const number = fd >>> 0;
    const descriptor = this.#used[number];
    if (descriptor === undefined) return ERRNO.badf;
    this.#release(number);
    descriptor.close();
    return ERRNO.success;
  }

  /** Moves a descriptor to another number in use, closing what was there. */
  renumber(from: number, to: number): Errno {
    const fromNumber = from >>> 0;
    const toNumber = to >>> 0;
    const moved = this.#used[fromNumber];
    const replaced = this.#used[toNumber];
    if (moved === undefined || replaced === undefined) return ERRNO.badf;
    if (fromNumber === toNumber) return ERRNO.success;
    this.#release(fromNumber);
    this.#used[toNumber] = moved;
    replaced.close();
    return ERRNO.success;
  }

  /**
   * Closes everything that is still open.
   * @param onError told what was thrown by a descriptor; the others are closed all the same
   */
  closeAll(onError?: (error: unknown) => void): void {
    const open = this.#used.splice(0);
    this.#free.clear();
    this.#count = 0;
    this.#highest = -1;
    for (const descriptor of open) {
      try {
        descriptor?.close();
      } catch (error) {
        onError?.(error);
      }
    }
  }

  #release(fd: number): void {
    this.#used[fd] = undefined;
    this.#count--;
    this.#free.add(fd);
    while (this.#highest >= 0 && this.#used[this.#highest] === undefined) this.#highest--;
  }

  #takeFree(): number | undefined {
    if (this.#free.size === 0) return undefined;
    let highest = -1;
    for (const fd of this.#free) if (fd > highest) highest = fd;
    this.#free.delete(highest);
    return highest;
  }
}

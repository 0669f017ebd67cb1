import { COUNT, type DirectTable } from '../native/direct-calls.ts';
import { ERRNO, type Errno } from './errno.ts';
import type { Descriptor } from './fd/descriptor.ts';

/** A guest that has more open at once is served by JavaScript alone. */
const MOST_DIRECT = 1024;

const NO_WORDS = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);

/** Of a guest that has nothing open. */
export function newDirectTable(): DirectTable {
  return {
    table: new Int32Array(MOST_DIRECT).fill(-1),
    streams: new Uint8Array(MOST_DIRECT),
    opened: new Int32Array(MOST_DIRECT),
    free: new Uint8Array(MOST_DIRECT),
    counts: new Int32Array(2),
  };
}

/**
 * The guest's descriptors by number.
 *
 * Numbers are given out as wasmtime gives them: of the numbers that were closed the highest first, else one above the
 * highest in use. Guests should not depend on it, but some do.
 *
 * Direct calls open and close files without telling: {@link direct} is the truth about low numbers, and what they have
 * opened is made a {@link Descriptor} when somebody asks for it.
 */
export class DescriptorTable {
  direct: DirectTable;
  /** Makes what a direct call has opened; set where there are direct calls. */
  adopt: ((hostFd: number, what: number) => Descriptor) | undefined;
  /** Numbers are few and dense: none is higher than as many were once open together. */
  readonly #used: (Descriptor | undefined)[] = [];
  /** Closed numbers that are too high for `direct`, unordered. */
  readonly #highFree = new Set<number>();
  readonly #most: number;

  /**
   * @param most how many descriptors the guest may have open at once
   * @param direct one that is as {@link newDirectTable} makes it
   */
  constructor(most: number, direct: DirectTable = newDirectTable()) {
    this.direct = direct;
    this.#most = most;
    this.#top = 0;
    this.#room = most;
  }

  get #room(): number {
    return this.direct.counts[COUNT.room] as number;
  }

  set #room(room: number) {
    this.direct.counts[COUNT.room] = room;
  }

  /** One above the highest number that ever was in use. */
  get #top(): number {
    return this.direct.counts[COUNT.top] as number;
  }

  set #top(top: number) {
    this.direct.counts[COUNT.top] = top;
  }

  get size(): number {
    return this.#most - this.#room;
  }

  /** @param fd as the guest gave it, signed or not */
  get(fd: number): Descriptor | undefined {
    const number = fd >>> 0;
    return this.#used[number] ?? this.#adopted(number);
  }

  #adopted(number: number): Descriptor | undefined {
    const what = this.direct.opened[number] ?? 0;
    if (what === 0) return undefined;
    const descriptor = this.adopt?.(this.direct.table[number] as number, what);
    this.#used[number] = descriptor;
    // Not before: a stack that runs out above leaves what was opened for `closeAll` to close.
    this.direct.opened[number] = 0;
    return descriptor;
  }

  /** Whether one more would be too many; asked before anything is opened. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  /** Gives a number to a descriptor and takes it over. */
  add(descriptor: Descriptor): number {
    const fd = this.#takeFree() ?? this.#top++;
    this.#set(fd, descriptor);
    this.#room--;
    return fd;
  }

  /** Closes a descriptor. */
  close(fd: number): Errno {
    const descriptor = this.get(fd);
    if (descriptor === undefined) return ERRNO.badf;
    this.#release(fd >>> 0);
    descriptor.close();
    return ERRNO.success;
  }

  /** Moves a descriptor to another number in use, closing what was there. */
  renumber(from: number, to: number): Errno {
    const moved = this.get(from);
    const replaced = this.get(to);
    if (moved === undefined || replaced === undefined) return ERRNO.badf;
    if (moved === replaced) return ERRNO.success;
    this.#release(from >>> 0);
    this.#set(to >>> 0, moved);
    replaced.close();
    return ERRNO.success;
  }

  /**
   * Closes everything that is still open.
   * @param onError told what was thrown by a descriptor; the others are closed all the same
   */
  closeAll(onError?: (error: unknown) => void): void {
    for (let number = 0; number < Math.min(this.#top, MOST_DIRECT); number++) this.#adopted(number);
    const open = this.#used.splice(0);
    this.direct.table.fill(-1);
    this.direct.streams.fill(0);
    this.direct.free.fill(0);
    this.#highFree.clear();
    this.#room = this.#most;
    this.#top = 0;
    for (const descriptor of open) {
      try {
        descriptor?.close();
      } catch (error) {
        onError?.(error);
      }
    }
  }

  /** Lets go of what it shares with direct calls, which serve another guest then: nothing is open here, and nothing will be. */
  detach(): void {
    this.direct = { table: NO_WORDS, streams: NO_BYTES, opened: NO_WORDS, free: NO_BYTES, counts: new Int32Array(2) };
    this.adopt = undefined;
  }

  /** Shows direct calls what a descriptor has become: one that has failed may be for JavaScript alone from then on. */
  refresh(fd: number): void {
    const descriptor = this.get(fd);
    if (descriptor !== undefined) this.#set(fd >>> 0, descriptor);
  }

  #set(fd: number, descriptor: Descriptor | undefined): void {
    this.#used[fd] = descriptor;
    if (fd >= MOST_DIRECT) return;
    const isDirect = descriptor !== undefined && descriptor.outputLimit === undefined;
    this.direct.table[fd] = isDirect ? descriptor.directFd : -1;
    this.direct.streams[fd] = descriptor?.directStream ?? 0;
  }

  #release(fd: number): void {
    this.#set(fd, undefined);
    this.#room++;
    if (fd < MOST_DIRECT) this.direct.free[fd] = 1;
    else this.#highFree.add(fd);
  }

  #takeFree(): number | undefined {
    if (this.#top === this.size) return undefined;
    const highest = this.#highFree.size > 0 ? Math.max(...this.#highFree) : this.direct.free.lastIndexOf(1);
    if (highest < MOST_DIRECT) this.direct.free[highest] = 0;
    else this.#highFree.delete(highest);
    return highest;
  }
}

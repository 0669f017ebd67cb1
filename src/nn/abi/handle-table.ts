import { CallRefused } from './errno.ts';

/**
 * What a guest's handles stand for. Handles rise from 0 and are never used twice, so a stale one is always a refused one.
 * The count of live entries is bounded: a guest that loads in a loop meets an errno, not the end of the host.
 */
export class HandleTable<Entry> {
  readonly #what: string;
  readonly #limit: number;
  readonly #entries = new Map<number, Entry>();
  #next = 0;

  /** @param what one entry in words of a message, `graph` */
  constructor(what: string, limit: number) {
    this.#what = what;
    this.#limit = limit;
  }

  /** Refuses, before anything is made, what {@link insert} would have no room for. @throws CallRefused too_large */
  requireRoom(): void {
    if (this.#entries.size >= this.#limit) {
      throw new CallRefused('too_large', `no further ${this.#what}: the guest holds ${this.#limit} already`);
    }
    if (this.#next > 0xffff_ffff) throw new CallRefused('too_large', `no handle is left for a further ${this.#what}`);
  }

  /** The new entry's handle. */
  insert(entry: Entry): number {
    this.requireRoom();
    const handle = this.#next++;
    this.#entries.set(handle, entry);
    return handle;
  }

  /** @param handle unsigned @throws CallRefused unsupported_operation, as wasmtime answers it */
  get(handle: number): Entry {
    const entry = this.#entries.get(handle);
    if (entry === undefined) throw this.#unknown(handle);
    return entry;
  }

  /** Takes the entry out and gives it. @throws CallRefused unsupported_operation */
  remove(handle: number): Entry {
    const entry = this.get(handle);
    this.#entries.delete(handle);
    return entry;
  }

  /** Takes all entries out and gives them. */
  clear(): Entry[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return entries;
  }

  #unknown(handle: number): CallRefused {
    const state = handle < this.#next ? 'was released' : `was never given (${this.#next} so far)`;
    return new CallRefused('unsupported_operation', `${this.#what} ${handle} ${state}`);
  }
}

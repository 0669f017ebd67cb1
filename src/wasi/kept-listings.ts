import type { Descriptor, Directory, Entry } from './fd/descriptor.ts';

/** So many entries are kept for the cookies of a guest: one may open a large directory a thousand times. */
const MOST_KEPT_ENTRIES = 1 << 18;

/** The listings that a guest's cookies count in, the newest and as many older ones as there is room for. */
export class KeptListings {
  readonly #listings = new Map<Descriptor, readonly Entry[]>();
  readonly #mostEntries: number;
  #entries = 0;

  constructor(mostEntries = MOST_KEPT_ENTRIES) {
    this.#mostEntries = mostEntries;
  }

  of(directory: Directory): readonly Entry[] | undefined {
    return this.#listings.get(directory);
  }

  keep(directory: Directory, listing: readonly Entry[]): void {
    this.drop(directory);
    this.#listings.set(directory, listing);
    this.#entries += listing.length;
    for (const oldest of this.#listings.keys()) {
      if (this.#entries <= this.#mostEntries || oldest === directory) break;
      this.drop(oldest);
    }
  }

  /** Forgets what a descriptor that is closed had here, if anything. */
  drop(descriptor: Descriptor): void {
    this.#entries -= this.#listings.get(descriptor)?.length ?? 0;
    this.#listings.delete(descriptor);
  }
}

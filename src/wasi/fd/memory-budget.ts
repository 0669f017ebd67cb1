/**
 * How much of the host's memory a guest may fill through files in memory. Shared by all trees of one guest.
 */
export class MemoryBudget {
  #left: number;

  /** @param bytes what the guest may add to the trees that it was given */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes room for `bytes`; false where there is not enough. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** What a guest writes, up to a limit. */

const LEAST_ROOM_BYTES = 4096;

/**
 * In one piece that doubles: pieces of their own would cost hundreds of bytes for each write, and putting them together at the
 * end as long as 50 ms for what may be captured by default.
 */
export class Capture {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(0);
  #byteLength = 0;
  isTruncated = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  take(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#maxBytes - this.#byteLength);
    if (kept.byteLength < bytes.byteLength) this.isTruncated = true;
    if (kept.byteLength === 0) return;
    this.#makeRoom(this.#byteLength + kept.byteLength);
    this.#bytes.set(kept, this.#byteLength);
    this.#byteLength += kept.byteLength;
  }

  /** What there is, without a copy. */
  get captured(): Buffer {
    return Buffer.from(this.#bytes.buffer, 0, this.#byteLength);
  }

  /** Begins anew: what was captured until now is of whom it was given to. */
  forget(): void {
    this.#bytes = new Uint8Array(0);
    this.#byteLength = 0;
    this.isTruncated = false;
  }

  #makeRoom(byteLength: number): void {
    const room = this.#bytes.byteLength;
    if (byteLength <= room) return;
    const doubled = Math.min(Math.max(2 * room, LEAST_ROOM_BYTES), this.#maxBytes);
    const larger = new Uint8Array(Math.max(doubled, byteLength));
    larger.set(this.#bytes.subarray(0, this.#byteLength));
    this.#bytes = larger;
  }
}

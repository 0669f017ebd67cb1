/** Reports of a guest that were sent and not heard yet: it waits where they are many, so that none of it holds up who hears them. */

/** With more, a turn of the other thread's loop would take as long as it likes; with fewer, each would wake a thread. */
const MOST_UNDERWAY = 256;

export class ReportWindow {
  /** How many were heard, and how many may be underway. */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  /** In the guest's thread. */
  #sent = 0;

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /** @param isInOrder whether the guest waits until each is heard */
  static create(isInOrder: boolean): ReportWindow {
    const words = new Int32Array(new SharedArrayBuffer(8));
    words[1] = isInOrder ? 1 : MOST_UNDERWAY;
    return new ReportWindow(words.buffer as SharedArrayBuffer);
  }

  /** In the guest's thread: waits while there are as many as may be. */
  sent(): void {
    this.#sent = (this.#sent + 1) | 0;
    for (;;) {
      const heard = Atomics.load(this.#words, 0);
      if (((this.#sent - heard) | 0) < Atomics.load(this.#words, 1)) return;
      Atomics.wait(this.#words, 0, heard);
    }
  }

  /** In the other. */
  heard(): void {
    Atomics.add(this.#words, 0, 1);
    Atomics.notify(this.#words, 0);
  }

  /** Has the guest wait after its next report, until its thread is ended: what is underway comes to an end then. */
  shut(): void {
    Atomics.store(this.#words, 1, 0);
  }
}

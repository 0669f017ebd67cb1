/** What a guest's thread notes: that it begins, when, how it is interrupted, that its heap is full. In memory of both threads: a message would wake the other. */

/** Whether, and whether its heap is full, in four bytes each; when; and the thread's token, which is NaN where there is none. */
const BYTES = 24;

export interface Begun {
  /** As {@link monotonicMs}. */
  atMs: number;
  /** For `NativeThread.interrupt`; undefined where there is no addon. */
  interruptToken: number | undefined;
}

/** The same clock in all threads of a process, whatever becomes of the time of day. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Beginning {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(shared = new SharedArrayBuffer(BYTES)) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, 2);
    this.#numbers = new Float64Array(shared, 8);
  }

  /** In the guest's thread. */
  note(interruptToken: number | undefined): void {
    this.#numbers.set([monotonicMs(), interruptToken ?? Number.NaN]);
    Atomics.store(this.#words, 0, 1);
  }

  /** For `NativeThread.guardHeap`. */
  get heapFlag(): Int32Array {
    return new Int32Array(this.shared, 4, 1);
  }

  get isHeapFull(): boolean {
    return Atomics.load(this.#words, 1) !== 0;
  }

  /** In the other. Undefined: it has not begun. */
  get begun(): Begun | undefined {
    if (Atomics.load(this.#words, 0) === 0) return undefined;
    const [atMs, token] = this.#numbers as unknown as [number, number];
    return { atMs, interruptToken: Number.isNaN(token) ? undefined : token };
  }
}

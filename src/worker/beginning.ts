/** That a guest has begun, when, and how its thread is interrupted. In memory of both threads: a message would wake the other. */

/** Whether, in four bytes; when; and the thread's token, which is NaN where there is none. */
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
  readonly #flag: Int32Array;
  readonly #numbers: Float64Array;

  constructor(shared = new SharedArrayBuffer(BYTES)) {
    this.shared = shared;
    this.#flag = new Int32Array(shared, 0, 1);
    this.#numbers = new Float64Array(shared, 8);
  }

  /** In the guest's thread. */
  note(interruptToken: number | undefined): void {
    this.#numbers.set([monotonicMs(), interruptToken ?? Number.NaN]);
    Atomics.store(this.#flag, 0, 1);
  }

  /** In the other. Undefined: it has not begun. */
  get begun(): Begun | undefined {
    if (Atomics.load(this.#flag, 0) === 0) return undefined;
    const [atMs, token] = this.#numbers as unknown as [number, number];
    return { atMs, interruptToken: Number.isNaN(token) ? undefined : token };
  }
}

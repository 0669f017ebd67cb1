/** Standard streams of a guest that is suspended while streams of the embedder on the same thread make it wait. */
import { ERRNO, type Errno, failed } from './errno.ts';
import type { Readiness } from './fd/descriptor.ts';
import { Input, Output } from './fd/stdio.ts';
import type { Subscribe, Waits } from './suspending.ts';

/** What one fetch brings at most. */
const FETCH_BYTES = 64 * 1024;

/** What is given at once of a write. */
const MOST_PIECE_BYTES = 2 ** 20;

/** Where a guest's standard input comes from that may have to wait for it. */
export interface ByteReader {
  /** Waits for bytes, at most so many; none means the end. Rejects where there is no more for another reason. */
  read(mostBytes: number): Promise<Uint8Array>;
}

/** Something that others wait for; it happens again and again. */
class Happening {
  readonly #wakes = new Set<() => void>();

  readonly subscribe: Subscribe = (wake) => {
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  };

  happen(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}

/** Standard input from a stream. Nothing is fetched before the guest reads, or asks whether it could. */
export class StreamInput extends Input {
  override readonly waitingCalls = ['fd_read'];
  readonly #reader: ByteReader;
  readonly #waits: Waits;
  readonly #came = new Happening();
  #fetched: Uint8Array = new Uint8Array(0);
  #isFetching = false;
  #isAtEnd = false;
  #hasFailed = false;

  constructor(reader: ByteReader, waits: Waits) {
    super();
    this.#reader = reader;
    this.#waits = waits;
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    if (byteLength === 0) return 0;
    if (!this.#isReady()) {
      this.#fetch();
      return failed(this.#waits.later({ others: [this.#came.subscribe] }));
    }
    if (this.#hasFailed) {
      // As with a descriptor of the host, a failure is told once and the end comes after it.
      this.#hasFailed = false;
      return failed(ERRNO.io);
    }
    const part = this.#fetched.subarray(0, byteLength);
    memory.set(part, start);
    this.#fetched = this.#fetched.subarray(part.byteLength);
    return part.byteLength;
  }

  override readiness(direction: 'read' | 'write'): Readiness {
    if (direction === 'write') return undefined;
    if (this.#isReady()) return 'ready';
    this.#fetch();
    return { isReady: () => this.#isReady(), whenReady: this.#came.subscribe };
  }

  #isReady(): boolean {
    return this.#fetched.byteLength > 0 || this.#isAtEnd;
  }

  #fetch(): void {
    if (this.#isFetching) return;
    this.#isFetching = true;
    this.#reader.read(FETCH_BYTES).then(
      (bytes) => this.#take(bytes),
      () => {
        this.#hasFailed = true;
        this.#take(new Uint8Array(0));
      },
    );
  }

  #take(bytes: Uint8Array): void {
    this.#isFetching = false;
    this.#fetched = bytes;
    this.#isAtEnd = bytes.byteLength === 0;
    this.#came.happen();
  }
}

/** What codes of Node's say that nobody reads any more. */
const CLOSED: ReadonlySet<unknown> = new Set([
  ...['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'],
]);

/**
 * Standard output or error into a function of the embedder, which owns the bytes it gets. Where it answers a promise, the
 * guest's write returns when that is kept. What it throws, or rejects with, is the guest's `io`, or `pipe` where that says
 * that a stream is closed.
 */
export class StreamOutput extends Output {
  override readonly waitingCalls = ['fd_write'];
  readonly #give: (bytes: Uint8Array) => unknown;
  readonly #waits: Waits;
  readonly #taken = new Happening();
  #isTaking = false;
  /** Of the write that is suspended: how many bytes were given. */
  #begun = 0;
  #failure: { error: unknown } | undefined;

  constructor(give: (bytes: Uint8Array) => unknown, waits: Waits) {
    super();
    this.#give = give;
    this.#waits = waits;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    let done = this.#begun;
    this.#begun = 0;
    while (!this.#isTaking && this.#failure === undefined && done < byteLength) {
      // `slice` of a view over shared memory would stay shared; the callee gets memory of its own.
      const piece = new Uint8Array(Math.min(byteLength - done, MOST_PIECE_BYTES));
      piece.set(memory.subarray(start + done, start + done + piece.byteLength));
      done += piece.byteLength;
      this.#offer(piece);
    }
    if (this.#failure !== undefined) return failed(this.#errnoOfFailure());
    if (!this.#isTaking) return done;
    this.#begun = done;
    return failed(this.#waits.later({ others: [this.#taken.subscribe] }));
  }

  #offer(piece: Uint8Array): void {
    try {
      const taking = this.#give(piece);
      if (typeof (taking as Partial<PromiseLike<unknown>> | null | undefined)?.then !== 'function') return;
      this.#isTaking = true;
      Promise.resolve(taking).then(
        () => this.#settle(undefined),
        (error: unknown) => this.#settle({ error }),
      );
    } catch (error) {
      this.#failure = { error };
    }
  }

  #settle(failure: { error: unknown } | undefined): void {
    this.#isTaking = false;
    this.#failure = failure;
    this.#taken.happen();
  }

  /** @throws what is neither closed nor the guest's, once: whoever makes the call tells the operator, and the guest `io` */
  #errnoOfFailure(): Errno {
    const error = this.#failure?.error;
    this.#failure = undefined;
    if (CLOSED.has((error as { code?: unknown } | null | undefined)?.code)) return ERRNO.pipe;
    throw error;
  }
}

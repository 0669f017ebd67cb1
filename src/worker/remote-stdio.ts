/** Standard streams of a guest in a thread of its own, where streams of the embedder stand behind them. */
import { ERRNO, type Errno, failed } from '../wasi/errno.ts';
import type { Readiness } from '../wasi/fd/descriptor.ts';
import { Input, Output } from '../wasi/fd/stdio.ts';
import type { ThreadCaller } from './thread-call.ts';

/** What one call brings at most; the rest of it is kept here for the guest's next reads. */
const FETCH_BYTES = 64 * 1024;

/** What the other thread has of its stream: bytes (none at its end), or what the guest gets in their place. */
export type FetchedInput = Uint8Array | Errno;

/** Standard input from a stream of the embedder: fetched when the guest reads, waited for by the guest alone. */
export class RemoteInput extends Input {
  readonly #caller: ThreadCaller;
  readonly #target: number;
  #fetched: Uint8Array = new Uint8Array(0);
  #isAtEnd = false;

  constructor(caller: ThreadCaller, target: number) {
    super();
    this.#caller = caller;
    this.#target = target;
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    if (byteLength === 0) return 0;
    if (this.#fetched.byteLength === 0 && !this.#isAtEnd) {
      const fetched = this.#caller.call(this.#target, 'read', FETCH_BYTES) as FetchedInput;
      // As with a descriptor of the host, a failure is told once and the end comes after it.
      this.#isAtEnd = typeof fetched === 'number' || fetched.byteLength === 0;
      if (typeof fetched === 'number') return failed(fetched);
      this.#fetched = fetched;
    }
    const part = this.#fetched.subarray(0, byteLength);
    memory.set(part, start);
    this.#fetched = this.#fetched.subarray(part.byteLength);
    return part.byteLength;
  }

  override readiness(direction: 'read' | 'write'): Readiness {
    if (direction === 'write') return undefined;
    if (this.#fetched.byteLength > 0 || this.#isAtEnd) return 'ready';
    return { wait: (milliseconds) => this.#caller.call(this.#target, 'wait', milliseconds) as boolean };
  }
}

/** How much of one stream may be on its way between the threads, each piece taken for some bytes more than it has. */
const MOST_UNDERWAY_BYTES = 2 ** 20;
export const PIECE_OVERHEAD_BYTES = 1024;

/** More is never underway: a piece of the largest size on top of nearly as much. */
export const MOST_SENT_BYTES = 2 * MOST_UNDERWAY_BYTES + 8 * PIECE_OVERHEAD_BYTES;

/** More than is ever taken. */
const SHUT_BYTES = 2 ** 30;

/** What begins an output for which nobody waits lies in the window: most guests print less, and none of it wakes a thread. */
const KEPT_BYTES = 4096;
const KEPT_OFFSET = 12;

/** What both threads see of one output. */
export class OutputWindow {
  /**
   * Bytes that were sent and not taken yet, the errno that every write gets once the stream has failed, how many bytes are
   * kept, and these.
   */
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  /** In the guest's thread: whether what it writes still goes here. Once it does not, what is kept changes no more. */
  #isKeeping: boolean;

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, KEPT_OFFSET / 4);
    this.#isKeeping = shared.byteLength > KEPT_OFFSET;
  }

  /** @param isForTheEnd whether what is written may lie there until the guest has ended */
  static create(isForTheEnd: boolean): OutputWindow {
    return new OutputWindow(new SharedArrayBuffer(KEPT_OFFSET + (isForTheEnd ? KEPT_BYTES : 0)));
  }

  /** In the guest's thread. Answers whether the bytes are kept; where not, these and all after them are to be sent. */
  keep(bytes: Uint8Array): boolean {
    if (!this.#isKeeping) return false;
    const end = this.#keptBytes + bytes.byteLength;
    this.#isKeeping = end <= this.shared.byteLength - KEPT_OFFSET;
    if (!this.#isKeeping) return false;
    new Uint8Array(this.shared, KEPT_OFFSET).set(bytes, this.#keptBytes);
    Atomics.store(this.#words, 2, end);
    return true;
  }

  /** In the other: a copy of what is kept until now. */
  kept(): Uint8Array {
    return new Uint8Array(this.shared, KEPT_OFFSET, this.#keptBytes).slice();
  }

  get #keptBytes(): number {
    return Atomics.load(this.#words, 2);
  }

  /** Waits for room, in the guest's thread. Answers the errno of a stream that has failed. */
  waitForRoom(): Errno {
    for (;;) {
      const errno = Atomics.load(this.#words, 1);
      const underway = Atomics.load(this.#words, 0);
      if (errno !== ERRNO.success) return errno;
      if (underway < MOST_UNDERWAY_BYTES) return ERRNO.success;
      Atomics.wait(this.#words, 0, underway);
    }
  }

  sent(byteLength: number): void {
    Atomics.add(this.#words, 0, byteLength + PIECE_OVERHEAD_BYTES);
  }

  taken(byteLength: number): void {
    Atomics.sub(this.#words, 0, byteLength + PIECE_OVERHEAD_BYTES);
    Atomics.notify(this.#words, 0);
  }

  /** Has the guest wait at its next write, until its thread is ended: what is underway comes to an end then. */
  shut(): void {
    Atomics.add(this.#words, 0, SHUT_BYTES);
  }

  fail(errno: Errno): void {
    Atomics.store(this.#words, 1, errno);
    // Also changes what a waiting guest compares with, in case that it is about to wait.
    Atomics.sub(this.#words, 0, 1);
    Atomics.notify(this.#words, 0);
  }
}

/** Standard output or error that is sent to the thread beside the guest's. */
export class PostedOutput extends Output {
  readonly #post: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly #window: OutputWindow;

  constructor(window: OutputWindow, post: (bytes: Uint8Array<ArrayBuffer>) => void) {
    super();
    this.#window = window;
    this.#post = post;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    if (this.#window.keep(memory.subarray(start, start + byteLength))) return byteLength;
    for (let done = 0; done < byteLength; ) {
      const errno = this.#window.waitForRoom();
      if (errno !== ERRNO.success) return done > 0 ? done : failed(errno);
      const piece = new Uint8Array(Math.min(byteLength - done, MOST_UNDERWAY_BYTES));
      piece.set(memory.subarray(start + done, start + done + piece.byteLength));
      done += piece.byteLength;
      this.#window.sent(piece.byteLength);
      this.#post(piece);
    }
    return byteLength;
  }
}

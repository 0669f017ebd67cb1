import { ERRNO, type Errno } from '../wasi/errno.ts';
import { OutputWindow } from './remote-stdio.ts';

/** Takes a piece of output. A promise: the next piece has to wait for it. Throws, or rejects, where the stream has failed. */
export type TakeOutput = (bytes: Uint8Array) => undefined | Promise<void> | unknown;

/** What codes of Node's say that nobody reads any more. */
const CLOSED: ReadonlySet<unknown> = new Set([
  ...['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'],
]);

function errnoOf(error: unknown): Errno {
  return CLOSED.has((error as { code?: unknown } | undefined)?.code) ? ERRNO.pipe : ERRNO.io;
}

/**
 * One output of a guest that runs in another thread, on the way to where it goes. The guest waits while too much is
 * underway, so that a slow taker costs no memory.
 */
export class OutputQueue {
  readonly window: OutputWindow;
  readonly #take: TakeOutput;
  readonly #waiting: Uint8Array[] = [];
  #taking: Promise<void> | undefined;
  #hasFailed = false;
  #hasTakenKept = false;

  /** @param isForTheEnd whether what the guest writes may lie in its window until {@link takeKept} */
  constructor(take: TakeOutput, isForTheEnd = false) {
    this.#take = take;
    this.window = OutputWindow.create(isForTheEnd);
  }

  push(bytes: Uint8Array): void {
    this.takeKept();
    this.#waiting.push(bytes);
    this.#giveNext();
  }

  /** Takes what lies in the window, once: when something was sent after it, or the guest has ended, or is to end. */
  takeKept(): void {
    if (this.#hasTakenKept) return;
    this.#hasTakenKept = true;
    const kept = this.window.kept();
    if (kept.byteLength > 0) this.#give(kept)?.catch((error: unknown) => this.#fail(error));
  }

  /** Whether something that was pushed is not taken yet. */
  get isTaking(): boolean {
    return this.#taking !== undefined;
  }

  /** Settles when everything that was pushed is taken, or the stream has failed. */
  async drained(): Promise<void> {
    while (this.#taking !== undefined) await this.#taking;
  }

  /** Gives what is left without waiting for anything: the guest is gone, and nobody will wait any more. */
  giveRest(): void {
    for (const bytes of this.#waiting.splice(0)) {
      if (!this.#hasFailed) this.#give(bytes)?.catch((error: unknown) => this.#fail(error));
    }
  }

  #giveNext(): void {
    while (this.#taking === undefined) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      const taking = this.#hasFailed ? undefined : this.#give(bytes);
      if (taking === undefined) this.window.taken(bytes.byteLength);
      else this.#taking = this.#waitFor(taking, bytes.byteLength);
    }
  }

  async #waitFor(taking: Promise<void>, byteLength: number): Promise<void> {
    try {
      await taking;
    } catch (error) {
      this.#fail(error);
    }
    this.#taking = undefined;
    this.window.taken(byteLength);
    this.#giveNext();
  }

  #give(bytes: Uint8Array): Promise<void> | undefined {
    try {
      const taking = this.#take(bytes);
      return taking instanceof Promise ? taking : undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.window.fail(errnoOf(error));
  }
}

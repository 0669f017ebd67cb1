/** Streams of the embedder as a guest's standard output or error. They are written, and never ended. */
import { finished, type Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';

/** What takes bytes, in whatever form Node has for it. */
export type ByteSink = Writable | WritableStream<Uint8Array>;

function isWritable(value: object): value is Writable {
  const stream = value as Partial<Writable>;
  return typeof stream.on === 'function' && typeof stream.write === 'function';
}

export function isByteSink(value: object): value is ByteSink {
  return isWritable(value) || typeof (value as Partial<WritableStream>).getWriter === 'function';
}

/** One writer of a stream. */
export interface StreamWriter {
  /**
   * Hands bytes over. A promise where the stream has as much as it wants for now: it is kept when it wants more.
   * @throws what the stream has failed with; the promise is rejected with it
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Waits until everything is written. @throws what the stream has failed with */
  flush(): Promise<void>;
  /** Lets go of the stream. */
  release(): void;
}

export function openSink(stream: ByteSink): StreamWriter {
  return isWritable(stream) ? new NodeWriter(stream) : new WebWriter(stream);
}

class NodeWriter implements StreamWriter {
  readonly #writable: Writable;
  readonly #stopWatching: () => void;
  #failure: { error: unknown } | undefined;
  #pending = 0;
  /** Everyone who waits for the stream to go on; each looks itself whether its time has come. */
  #wake = new Set<() => void>();
  readonly #onDrain = () => this.#wakeAll();

  constructor(writable: Writable) {
    this.#writable = writable;
    this.#stopWatching = finished(writable, { readable: false }, (error) => {
      this.#fail(error ?? Object.assign(new Error('the stream was ended'), { code: 'ERR_STREAM_WRITE_AFTER_END' }));
    });
    writable.on('drain', this.#onDrain);
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#check();
    return this.#give(bytes) ? undefined : this.#until(() => !this.#writable.writableNeedDrain);
  }

  #give(bytes: Uint8Array): boolean {
    this.#pending++;
    try {
      return this.#writable.write(bytes, (error) => {
        this.#pending--;
        if (error) this.#fail(error);
        else this.#wakeAll();
      });
    } catch (error) {
      // It has thrown in place of calling back, and will not call back any more.
      this.#pending--;
      this.#fail(error);
      throw error;
    }
  }

  flush(): Promise<void> {
    return this.#until(() => this.#pending === 0);
  }

  async #until(isDone: () => boolean): Promise<void> {
    for (;;) {
      this.#check();
      if (isDone()) return;
      await new Promise<void>((resolve) => {
        this.#wake.add(resolve);
      });
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = new Set();
    for (const wake of waiting) wake();
  }

  release(): void {
    this.#stopWatching();
    this.#writable.off('drain', this.#onDrain);
  }
}

class WebWriter implements StreamWriter {
  readonly #writer: ReturnType<WritableStream['getWriter']>;
  #failure: { error: unknown } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stream: WritableStream) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
    this.#writer.ready.catch(() => {});
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#check();
    this.#last = this.#writer.write(bytes);
    this.#last.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    return (this.#writer.desiredSize ?? 0) > 0 ? undefined : this.#writer.ready.then(() => {});
  }

  async flush(): Promise<void> {
    await this.#last.catch(() => {});
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  release(): void {
    this.#writer.releaseLock();
    this.#writer.ready.catch(() => {});
    this.#writer.closed.catch(() => {});
  }
}

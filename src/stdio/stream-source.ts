/** Streams of the embedder as a guest's standard input. */
import { finished, type Readable } from 'node:stream';
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';

/** What gives bytes or text, in whatever form Node has for it. Text is given as UTF-8. */
export type ByteStream = Readable | ReadableStream | AsyncIterable<Uint8Array | string>;

/** One consumer of a stream. */
interface Source {
  /** The next chunk, of any type; undefined at the end. */
  next(): Promise<{ chunk: unknown } | undefined>;
  /** Lets go of the stream, with whatever it still holds. */
  release(): void;
}

function isReadable(value: object): value is Readable {
  const stream = value as Partial<Readable>;
  return typeof stream.on === 'function' && typeof stream.read === 'function';
}

export function isByteStream(value: object): value is ByteStream {
  return isReadable(value) || typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

function openSource(stream: ByteStream): Source {
  if (isReadable(stream)) return new NodeSource(stream);
  if (typeof (stream as Partial<ReadableStream>).getReader === 'function')
    return new WebSource(stream as ReadableStream);
  return new IterableSource(stream as AsyncIterable<unknown>);
}

/** `readable` events and not an iterator, which would keep its listeners until the next chunk comes. */
class NodeSource implements Source {
  readonly #readable: Readable;
  readonly #stopWatching: () => void;
  #ended: { error: unknown } | undefined;
  #wake: () => void = () => {};
  readonly #onReadable = () => this.#wake();

  constructor(readable: Readable) {
    this.#readable = readable;
    this.#stopWatching = finished(readable, { writable: false }, (error) => {
      this.#ended = { error };
      this.#wake();
    });
    readable.on('readable', this.#onReadable);
  }

  async next(): Promise<{ chunk: unknown } | undefined> {
    for (;;) {
      const chunk: unknown = this.#readable.read();
      if (chunk !== null) return { chunk };
      if (this.#ended !== undefined) {
        if (this.#ended.error) throw this.#ended.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  release(): void {
    this.#stopWatching();
    this.#readable.off('readable', this.#onReadable);
  }
}

class WebSource implements Source {
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  constructor(stream: ReadableStream) {
    this.#reader = stream.getReader();
    this.#reader.closed.catch(() => {});
  }

  async next(): Promise<{ chunk: unknown } | undefined> {
    const { done, value } = await this.#reader.read();
    return done ? undefined : { chunk: value };
  }

  /** A read under way is rejected by it; nobody waits for that any more. */
  release(): void {
    this.#reader.releaseLock();
  }
}

class IterableSource implements Source {
  readonly #iterator: AsyncIterator<unknown>;

  constructor(iterable: AsyncIterable<unknown>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  async next(): Promise<{ chunk: unknown } | undefined> {
    const { done, value } = await this.#iterator.next();
    return done ? undefined : { chunk: value };
  }

  release(): void {
    void (async () => this.#iterator.return?.())().catch(() => {});
  }
}

function heardLater(): void {}

/** As much of a chunk as one answer carries. */
const MOST_PIECE_BYTES = 2 ** 20;

/** How many chunks without bytes are taken in a row. */
const MOST_EMPTY_CHUNKS = 64;

/**
 * A stream that is read when somebody asks: nothing is taken from it before, and never more than one chunk ahead.
 */
export class StreamReader {
  readonly #stream: ByteStream;
  #source: Source | undefined;
  #chunk: Uint8Array = new Uint8Array(0);
  #isAtEnd = false;
  #filling: Promise<void> | undefined;
  /** What the stream failed with. */
  failure: { error: unknown } | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    // One that fails before the guest reads it would end the process; the guest hears of it when it does.
    if (isReadable(stream)) stream.on('error', heardLater);
  }

  /**
   * Waits for bytes; none means the end.
   * @throws what the stream failed with
   */
  async read(mostBytes: number): Promise<Uint8Array> {
    await this.#fill();
    if (this.failure !== undefined) throw this.failure.error;
    // A copy: `slice` of a Buffer is a view, with which all the memory behind it would pass between the threads.
    const piece = new Uint8Array(this.#chunk.subarray(0, Math.min(mostBytes, MOST_PIECE_BYTES)));
    this.#chunk = this.#chunk.subarray(piece.byteLength);
    return piece;
  }

  /** Waits until a read would not wait, for some time; answers whether it is so. */
  async wait(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeOut = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.#fill(), timeOut]);
    clearTimeout(timer);
    return this.#isFilled();
  }

  release(): void {
    this.#isAtEnd = true;
    this.#source?.release();
    this.#source = undefined;
    if (isReadable(this.#stream)) this.#stream.off('error', heardLater);
  }

  #isFilled(): boolean {
    return this.#chunk.byteLength > 0 || this.#isAtEnd;
  }

  async #fill(): Promise<void> {
    if (this.#isFilled()) return;
    this.#filling ??= this.#fetch();
    await this.#filling;
    this.#filling = undefined;
  }

  async #fetch(): Promise<void> {
    try {
      this.#source ??= openSource(this.#stream);
      for (let count = 1; !this.#isFilled(); count++) {
        // Chunks that have nothing in them, and are there at once, would let nothing else run.
        if (count % MOST_EMPTY_CHUNKS === 0) await new Promise(setImmediate);
        const next = await this.#source.next();
        if (next === undefined) this.#isAtEnd = true;
        else this.#chunk = toBytes(next.chunk);
      }
    } catch (error) {
      if (!this.#isAtEnd) this.failure = { error };
      this.#isAtEnd = true;
    }
  }
}

const encoder = new TextEncoder();

/** @throws TypeError for what is neither bytes nor text */
function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return encoder.encode(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError(`a chunk of bytes or text was expected, got ${chunk === null ? 'null' : typeof chunk}`);
}

/**
 * Thrown by {@link GuestMemory} when a pointer or length of the guest leaves its memory. Each ABI's one wrapper catches
 * it and answers the errno of that ABI; it never reaches the guest or the embedder.
 */
export class GuestFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GuestFault';
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bounds-checked access to a guest's linear memory (32-bit addresses, up to 4 GiB, shared or not).
 *
 * Pointers and lengths come as wasm `i32` and may be negative numbers in JavaScript: every method takes them as unsigned.
 * Memory may grow between two calls, which detaches older views, so no view may be kept past the host call that made it.
 *
 * A range of no bytes is checked like any other: it may begin at the very end of the memory, not beyond.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = NO_VIEW;
  /** Made when text is first read. */
  #buffer: Buffer | undefined;
  #listener: ((bytes: Uint8Array) => void) | undefined;

  /** Names the memory, once it exists: an instance's exported memory is known only after instantiation. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** Has a function told of every view of the memory that takes the place of another, this one first. */
  watch(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
    listener(this.#bytes);
  }

  /** Size in bytes, now. */
  get byteLength(): number {
    this.#refresh();
    return this.#bytes.byteLength;
  }

  /** The memory as bytes, with everything that was checked before. Valid for the current host call only. */
  bytes(): Uint8Array {
    if (this.#bytes.byteLength === 0) this.#refresh();
    return this.#bytes;
  }

  /**
   * The bytes `[pointer, pointer + byteLength)`, not copied. Valid for the current host call only.
   * @throws GuestFault when the range leaves the memory.
   */
  slice(pointer: number, byteLength: number): Uint8Array {
    const start = pointer >>> 0;
    const end = start + (byteLength >>> 0);
    this.#reach(start, end);
    return this.#bytes.subarray(start, end);
  }

  /** Checks a range without making a view. @throws GuestFault */
  check(pointer: number, byteLength: number): void {
    const start = pointer >>> 0;
    this.#reach(start, start + (byteLength >>> 0));
  }

  /** As {@link check}, for numbers that were computed and may exceed 32 bits, such as a count times a size. */
  checkRange(start: number, byteLength: number): void {
    this.#reach(start, start + byteLength);
  }

  readU8(pointer: number): number {
    return this.#at(pointer, 1).getUint8(pointer >>> 0);
  }
  readU16(pointer: number): number {
    return this.#at(pointer, 2).getUint16(pointer >>> 0, true);
  }
  readU32(pointer: number): number {
    return this.#at(pointer, 4).getUint32(pointer >>> 0, true);
  }
  readU64(pointer: number): bigint {
    return this.#at(pointer, 8).getBigUint64(pointer >>> 0, true);
  }
  writeU8(pointer: number, value: number): void {
    this.#at(pointer, 1).setUint8(pointer >>> 0, value);
  }
  writeU16(pointer: number, value: number): void {
    this.#at(pointer, 2).setUint16(pointer >>> 0, value, true);
  }
  writeU32(pointer: number, value: number): void {
    this.#at(pointer, 4).setUint32(pointer >>> 0, value, true);
  }
  writeU64(pointer: number, value: bigint): void {
    this.#at(pointer, 8).setBigUint64(pointer >>> 0, value, true);
  }

  /** Copies bytes into the guest. @throws GuestFault, and nothing is written then. */
  write(pointer: number, source: Uint8Array): void {
    this.slice(pointer, source.byteLength).set(source);
  }

  /**
   * Reads UTF-8 text; a byte order mark is kept as text.
   * @throws GuestFault when the range leaves the memory; TypeError when the bytes are not UTF-8.
   */
  readString(pointer: number, byteLength: number): string {
    const start = pointer >>> 0;
    const end = start + (byteLength >>> 0);
    this.#reach(start, end);
    // Another thread may change shared bytes while they are read.
    if (!(this.#bytes.buffer instanceof ArrayBuffer)) return utf8.decode(this.#bytes.slice(start, end));
    this.#buffer ??= Buffer.from(this.#bytes.buffer);
    const text = this.#buffer.toString('utf8', start, end);
    // Far faster than a TextDecoder, but what is not UTF-8 becomes this character, which may be meant as well.
    return text.includes('\ufffd') ? utf8.decode(this.#bytes.subarray(start, end)) : text;
  }

  #at(pointer: number, byteLength: number): DataView {
    const start = pointer >>> 0;
    this.#reach(start, start + byteLength);
    return this.#view;
  }

  /**
   * Makes sure that the views reach to `end`. Asking the memory for its buffer costs more than all the rest of a small read,
   * so it is asked only when the views are too short: one of a memory that has grown is empty, or, where the memory is
   * shared, as long as it was.
   */
  #reach(start: number, end: number): void {
    const known = this.#bytes.byteLength;
    if (end <= known && known > 0) return;
    this.#refresh();
    if (end > this.#bytes.byteLength) throw this.#fault(start, end);
  }

  #refresh(): void {
    const buffer = this.#memory?.buffer;
    if (buffer === undefined || buffer === this.#bytes.buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#buffer = undefined;
    this.#listener?.(this.#bytes);
  }

  #fault(start: number, end: number): GuestFault {
    return new GuestFault(`bytes ${start}..${end} lie outside the guest's memory of ${this.#bytes.byteLength} bytes`);
  }
}

import { BackendError } from '../../errors.ts';

/** Honest files visit every byte about once. */
const VISITS_PER_BYTE = 4;

/**
 * Reads FlatBuffers tables strictly within bounds. Readers of the runtime follow offsets without looking, so that one
 * flipped bit may read outside the file; here every offset is checked before it is followed.
 *
 * @see https://flatbuffers.dev/internals/
 */
export class FlatBuffer {
  readonly byteLength: number;
  readonly #view: DataView;
  /** What may still be looked at: offsets may lead to one table again and again, and a file of any size ends in its own time. */
  #budget: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.byteLength = bytes.byteLength;
    this.#budget = VISITS_PER_BYTE * bytes.byteLength;
  }

  /** The root table, behind the offset at the start and a file identifier. */
  root(): FlatTable {
    return this.table(this.follow(0));
  }

  /** Position that the offset at `at` leads to; offsets lead forward. */
  follow(at: number): number {
    const offset = this.uint32(at);
    if (offset === 0) throw damaged(at, 'an offset of nothing');
    const target = at + offset;
    this.require(target, 4);
    return target;
  }

  /** A table: its vtable lies wherever a signed offset leads, and lists where each field lies. */
  table(at: number): FlatTable {
    this.#requireAligned(at, 4);
    this.spend(4);
    const vtable = at - this.int32(at);
    this.require(vtable, 4);
    this.#requireAligned(vtable, 2);
    const vtableBytes = this.uint16(vtable);
    const tableBytes = this.uint16(vtable + 2);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0 || tableBytes < 4) throw damaged(vtable, 'a table of no size');
    this.require(vtable, vtableBytes);
    this.require(at, tableBytes);
    return new FlatTable(this, at, tableBytes, vtable, vtableBytes);
  }

  /** Where a vector's elements begin, and how many there are. */
  vector(at: number, elementBytes: number): { start: number; length: number } {
    this.#requireAligned(at, 4);
    const length = this.uint32(at);
    this.require(at + 4, length * elementBytes);
    return { start: at + 4, length };
  }

  uint16(at: number): number {
    this.require(at, 2);
    return this.#view.getUint16(at, true);
  }
  int32(at: number): number {
    this.require(at, 4);
    return this.#view.getInt32(at, true);
  }
  uint32(at: number): number {
    this.require(at, 4);
    return this.#view.getUint32(at, true);
  }
  uint64(at: number): bigint {
    this.require(at, 8);
    return this.#view.getBigUint64(at, true);
  }
  uint8(at: number): number {
    this.require(at, 1);
    return this.#view.getUint8(at);
  }

  require(at: number, byteLength: number): void {
    if (at < 0 || at + byteLength > this.byteLength) throw damaged(at, `${byteLength} bytes are needed there`);
  }

  /** Counts elements about to be read one by one. */
  spend(visits: number): void {
    this.#budget -= visits;
    if (this.#budget < 0) throw damaged(0, 'its parts lead to each other over and over');
  }

  #requireAligned(at: number, alignment: number): void {
    if (at % alignment !== 0) throw damaged(at, `not a multiple of ${alignment}`);
  }
}

/** One table of a {@link FlatBuffer}; fields are numbered as in the schema, from 0. */
export class FlatTable {
  readonly #buffer: FlatBuffer;
  readonly #at: number;
  readonly #byteLength: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  constructor(buffer: FlatBuffer, at: number, byteLength: number, vtable: number, vtableBytes: number) {
    this.#buffer = buffer;
    this.#at = at;
    this.#byteLength = byteLength;
    this.#vtable = vtable;
    this.#vtableBytes = vtableBytes;
  }

  uint8(field: number): number {
    const at = this.#field(field, 1);
    return at === undefined ? 0 : this.#buffer.uint8(at);
  }

  uint32(field: number): number {
    const at = this.#field(field, 4);
    return at === undefined ? 0 : this.#buffer.uint32(at);
  }

  uint64(field: number): bigint {
    const at = this.#field(field, 8);
    return at === undefined ? 0n : this.#buffer.uint64(at);
  }

  /** The table of a field (or of a union's value), where it is there. */
  table(field: number): FlatTable | undefined {
    const at = this.#field(field, 4);
    return at === undefined ? undefined : this.#buffer.table(this.#buffer.follow(at));
  }

  /** A vector of tables; none where the field is absent. */
  tables(field: number): FlatTable[] {
    const vector = this.vector(field, 4);
    if (vector === undefined) return [];
    this.#buffer.spend(vector.length);
    return Array.from({ length: vector.length }, (_, index) => {
      return this.#buffer.table(this.#buffer.follow(vector.start + index * 4));
    });
  }

  int32s(field: number): number[] {
    const vector = this.vector(field, 4);
    if (vector === undefined) return [];
    this.#buffer.spend(vector.length);
    return Array.from({ length: vector.length }, (_, index) => this.#buffer.int32(vector.start + index * 4));
  }

  vector(field: number, elementBytes: number): { start: number; length: number } | undefined {
    const at = this.#field(field, 4);
    return at === undefined ? undefined : this.#buffer.vector(this.#buffer.follow(at), elementBytes);
  }

  /** Checks a text: in bounds, with a zero after it. */
  checkString(field: number): void {
    const text = this.vector(field, 1);
    if (text && this.#buffer.uint8(text.start + text.length) !== 0) throw damaged(text.start, 'a text does not end');
  }

  #field(field: number, byteLength: number): number | undefined {
    const entry = 4 + field * 2;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#buffer.uint16(this.#vtable + entry);
    if (offset === 0) return undefined;
    if (offset + byteLength > this.#byteLength) throw damaged(this.#at, `field ${field} leaves its table`);
    return this.#at + offset;
  }
}

function damaged(at: number, what: string): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `the TensorFlow Lite model is damaged at byte ${at}: ${what}`);
}

import { BackendError } from '../../errors.ts';

/** How a field's value is written. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** Deeper nesting than this no parser follows: protobuf's own limit. */
const MAX_DEPTH = 100;
/** Protobuf messages are smaller than 2 GiB. */
const MAX_LENGTH = 0x7fff_ffff;

/**
 * Walks the fields of one protobuf message within bounds, strictly: what protobuf's own parsers might read in two ways
 * (tags and lengths of more than five bytes or above 32 bits, groups that do not end) is an error and never skipped.
 *
 *     while (fields.next()) if (fields.number === 7) walk(fields.message());
 */
export class ProtobufFields {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #depth: number;
  #at: number;

  /** Field number of the current field. */
  number = 0;
  /** One of {@link WIRE}; never a group, which are skipped as a whole. */
  wireType = 0;
  /** Whether the current varint has any bit set; its width is not looked at. */
  isNonZero = false;
  /** The current field's bytes, as a range of the whole; meaningful for {@link WIRE.bytes}. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength, depth = 0) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Moves to the next field; false at the end. @throws BackendError ERR_NN_INVALID_MODEL */
  next(): boolean {
    while (this.#at < this.#end) {
      this.#readTag();
      if (this.wireType === WIRE.groupEnd) throw malformed(this.#at, 'a group ends that never began');
      if (this.wireType !== WIRE.groupStart) {
        this.#readValue();
        return true;
      }
      this.#skipGroup(this.number, this.#depth + 1);
    }
    return false;
  }

  /** The current field as a message. @throws BackendError when it is none, or nested too deep */
  message(): ProtobufFields {
    if (this.wireType !== WIRE.bytes) throw malformed(this.start, `field ${this.number} is no message`);
    if (this.#depth >= MAX_DEPTH) throw malformed(this.start, `messages are nested more than ${MAX_DEPTH} deep`);
    return new ProtobufFields(this.#bytes, this.start, this.end, this.#depth + 1);
  }

  #readTag(): void {
    const tag = this.#readUint32('tag');
    this.number = tag >>> 3;
    this.wireType = tag & 7;
    if (this.number === 0) throw malformed(this.#at, 'field 0');
  }

  #readValue(): void {
    this.start = this.#at;
    if (this.wireType === WIRE.varint) this.#readVarint();
    else if (this.wireType === WIRE.bytes) this.#take(this.#readLength());
    else if (this.wireType === WIRE.fixed32) this.#take(4);
    else if (this.wireType === WIRE.fixed64) this.#take(8);
    else throw malformed(this.#at, `wire type ${this.wireType}`);
    this.end = this.#at;
  }

  #skipGroup(number: number, depth: number): void {
    if (depth > MAX_DEPTH) throw malformed(this.#at, `groups are nested more than ${MAX_DEPTH} deep`);
    while (this.#at < this.#end) {
      this.#readTag();
      if (this.wireType === WIRE.groupEnd) {
        if (this.number !== number) throw malformed(this.#at, `group ${number} ends as ${this.number}`);
        return;
      }
      if (this.wireType === WIRE.groupStart) this.#skipGroup(this.number, depth + 1);
      else this.#readValue();
    }
    throw malformed(this.#at, `group ${number} does not end`);
  }

  #take(byteLength: number): void {
    if (byteLength > this.#end - this.#at) {
      throw malformed(this.#at, `field ${this.number} needs ${byteLength} bytes, ${this.#end - this.#at} are left`);
    }
    if (this.wireType === WIRE.bytes) this.start = this.#at;
    this.#at += byteLength;
  }

  #readLength(): number {
    const length = this.#readUint32('length');
    if (length > MAX_LENGTH) throw malformed(this.#at, `length ${length}`);
    return length;
  }

  /** Tags and lengths: five bytes at most, and no bit above the 32nd, where parsers differ in what they drop. */
  #readUint32(what: string): number {
    let value = 0;
    for (let index = 0; index < 5; index++) {
      const byte = this.#readByte();
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw malformed(this.#at, `a ${what} of more than 32 bits`);
  }

  #readVarint(): void {
    this.isNonZero = false;
    for (let index = 0; index < 10; index++) {
      const byte = this.#readByte();
      if ((byte & 0x7f) !== 0) this.isNonZero = true;
      if (byte < 0x80) return;
    }
    throw malformed(this.#at, 'a number of more than ten bytes');
  }

  #readByte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw malformed(this.#at, 'the message ends within a field');
    this.#at++;
    return byte;
  }
}

function malformed(offset: number, what: string): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `no well-formed protobuf at byte ${offset}: ${what}`);
}

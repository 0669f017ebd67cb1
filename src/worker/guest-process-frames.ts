/**
 * How messages pass over the pipe between a host and its child process, in either direction: each is a frame of two lengths, a
 * head and a body. Nothing of Node's own is in between, which would obey what a child says that was taken over.
 *
 *     | 0            | 4            | 8    | 8 + n |
 *     | n: u32, head | m: u32, body | head | body  |    little-endian
 */

const PREFIX_BYTES = 8;

/** The descriptor of the pipe in the child. */
export const PIPE_FD = 3;

/** What a frame may have at most. */
export interface FrameLimits {
  headBytes: number;
  bodyBytes: number;
}

/** @returns what goes before head and body. @throws RangeError for four gigabytes and more */
export function framePrefix(headBytes: number, bodyBytes: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix.writeUInt32LE(headBytes, 0);
  prefix.writeUInt32LE(bodyBytes, 4);
  return prefix;
}

/** A frame without a body. @throws RangeError for four gigabytes and more */
export function frameOf(head: string | Uint8Array): Buffer {
  const byteLength = typeof head === 'string' ? Buffer.byteLength(head) : head.byteLength;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + byteLength);
  frame.writeUInt32LE(byteLength, 0);
  frame.writeUInt32LE(0, 4);
  if (typeof head === 'string') frame.write(head, PREFIX_BYTES);
  else frame.set(head, PREFIX_BYTES);
  return frame;
}

interface BegunFrame {
  bytes: Buffer;
  headBytes: number;
  filledBytes: number;
}

/** Finds the frames in what comes in pieces of any size. */
export class FrameReader {
  readonly #take: (head: Buffer, body: Buffer) => void;
  readonly #limits: FrameLimits | undefined;
  /** Less than a prefix. */
  #rest: Buffer = Buffer.alloc(0);
  /** One that has begun. */
  #frame: BegunFrame | undefined;

  /** @param take gets views of memory that nothing else is written to */
  constructor(take: (head: Buffer, body: Buffer) => void, limits?: FrameLimits) {
    this.#take = take;
    this.#limits = limits;
  }

  /** @throws RangeError for a frame beyond the limits; what `take` throws */
  push(piece: Buffer): void {
    for (let left = piece; left.byteLength > 0; ) {
      left = this.#frame === undefined ? this.#begin(left) : this.#fill(this.#frame, left);
    }
  }

  /** @returns what is left */
  #begin(piece: Buffer): Buffer {
    const bytes = this.#rest.byteLength === 0 ? piece : Buffer.concat([this.#rest, piece]);
    this.#rest = bytes.subarray(0, 0);
    if (bytes.byteLength < PREFIX_BYTES) {
      this.#rest = bytes;
      return this.#rest.subarray(bytes.byteLength);
    }
    const [headBytes, bodyBytes] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
    const limits = this.#limits;
    if (limits !== undefined && (headBytes > limits.headBytes || bodyBytes > limits.bodyBytes)) {
      throw new RangeError(`a frame of ${headBytes} and ${bodyBytes} bytes`);
    }
    const end = PREFIX_BYTES + headBytes + bodyBytes;
    if (bytes.byteLength < end) {
      this.#frame = { bytes: Buffer.allocUnsafe(headBytes + bodyBytes), headBytes, filledBytes: 0 };
      return bytes.subarray(PREFIX_BYTES);
    }
    const bodyStart = PREFIX_BYTES + headBytes;
    this.#take(bytes.subarray(PREFIX_BYTES, bodyStart), bytes.subarray(bodyStart, end));
    return bytes.subarray(end);
  }

  #fill(frame: BegunFrame, piece: Buffer): Buffer {
    const { bytes, headBytes } = frame;
    const count = piece.copy(bytes, frame.filledBytes);
    frame.filledBytes += count;
    if (frame.filledBytes === bytes.byteLength) {
      this.#frame = undefined;
      this.#take(bytes.subarray(0, headBytes), bytes.subarray(headBytes));
    }
    return piece.subarray(count);
  }
}

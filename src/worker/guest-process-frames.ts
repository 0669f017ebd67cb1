/**
 * How messages pass over the pipe between a host and its child process, in either direction: each is a frame of a kind, a
 * head and a body. Nothing of Node's own is in between, which would obey what a child says that was taken over.
 *
 *     | 0         | 4            | 8            | 12   | 12 + n |
 *     | kind: u32 | n: u32, head | m: u32, body | head | body   |    little-endian
 */

export const PREFIX_BYTES = 12;

/** The descriptor of the pipe in the child. */
export const PIPE_FD = 3;

/** By their numbers: those of a host, and what a child says, by how much of it there may be. */
export const FRAME_KINDS = ['order', 'brief', 'output', 'call', 'long'] as const;

export type FrameKind = (typeof FRAME_KINDS)[number];

/** What a frame may have at most. */
export interface FrameLimits {
  headBytes: number;
  bodyBytes: number;
}

/** @returns what goes before head and body. @throws RangeError for four gigabytes and more */
export function framePrefix(kind: FrameKind, headBytes: number, bodyBytes: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, kind, headBytes, bodyBytes);
  return prefix;
}

function writePrefix(frame: Buffer, kind: FrameKind, headBytes: number, bodyBytes: number): void {
  frame.writeUInt32LE(FRAME_KINDS.indexOf(kind), 0);
  frame.writeUInt32LE(headBytes, 4);
  frame.writeUInt32LE(bodyBytes, 8);
}

/** A frame without a body. @throws RangeError for four gigabytes and more */
export function frameOf(kind: FrameKind, head: string | Uint8Array): Buffer {
  const byteLength = typeof head === 'string' ? Buffer.byteLength(head) : head.byteLength;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + byteLength);
  writePrefix(frame, kind, byteLength, 0);
  if (typeof head === 'string') frame.write(head, PREFIX_BYTES);
  else frame.set(head, PREFIX_BYTES);
  return frame;
}

type TakeFrame = (head: Buffer, body: Buffer, kind: FrameKind) => void;

/** By kind: one that is not there may not come. */
export type KindLimits = Readonly<Partial<Record<FrameKind, FrameLimits>>>;

interface BegunFrame {
  kind: FrameKind;
  bytes: Buffer;
  headBytes: number;
  filledBytes: number;
}

/** Finds the frames in what comes in pieces of any size. */
export class FrameReader {
  readonly #take: TakeFrame;
  readonly #limits: KindLimits | undefined;
  /** Less than a prefix. */
  #rest: Buffer = Buffer.alloc(0);
  /** One that has begun. */
  #frame: BegunFrame | undefined;

  /**
   * @param take gets views of memory that nothing else is written to
   * @param limits undefined: whatever comes is taken
   */
  constructor(take: TakeFrame, limits?: KindLimits) {
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
    const kind = FRAME_KINDS[bytes.readUInt32LE(0)];
    if (kind === undefined) throw new RangeError('a frame of no kind');
    const [headBytes, bodyBytes] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
    this.#check(kind, headBytes, bodyBytes);
    const end = PREFIX_BYTES + headBytes + bodyBytes;
    if (bytes.byteLength < end) {
      this.#frame = { kind, bytes: Buffer.allocUnsafe(headBytes + bodyBytes), headBytes, filledBytes: 0 };
      return bytes.subarray(PREFIX_BYTES);
    }
    const bodyStart = PREFIX_BYTES + headBytes;
    this.#take(bytes.subarray(PREFIX_BYTES, bodyStart), bytes.subarray(bodyStart, end), kind);
    return bytes.subarray(end);
  }

  #check(kind: FrameKind, headBytes: number, bodyBytes: number): void {
    if (this.#limits === undefined) return;
    const most = this.#limits[kind];
    if (most === undefined || headBytes > most.headBytes || bodyBytes > most.bodyBytes) {
      throw new RangeError(`a frame '${kind}' of ${headBytes} and ${bodyBytes} bytes`);
    }
  }

  #fill(frame: BegunFrame, piece: Buffer): Buffer {
    const { kind, bytes, headBytes } = frame;
    const count = piece.copy(bytes, frame.filledBytes);
    frame.filledBytes += count;
    if (frame.filledBytes === bytes.byteLength) {
      this.#frame = undefined;
      this.#take(bytes.subarray(0, headBytes), bytes.subarray(headBytes), kind);
    }
    return piece.subarray(count);
  }
}

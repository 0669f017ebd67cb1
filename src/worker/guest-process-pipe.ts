/** The child's end of the pipe to its host. */
import { Socket } from 'node:net';
import { deserialize } from 'node:v8';
import { encodeMessage } from './guest-process-encoding.ts';
import { FrameReader, frameOf, framePrefix, PIPE_FD, PREFIX_BYTES } from './guest-process-frames.ts';
import type { ProcessMessage, ProcessOrder } from './guest-process-messages.ts';

/** Of a body: beyond, several writes at once cost less than a copy. */
const MOST_COPIED_BYTES = 64 * 1024;

export class HostPipe {
  readonly #socket: Socket;
  readonly #onGone: () => void;

  /**
   * @param take gets what the host says
   * @param onGone called when the host is there no more, maybe more than once
   */
  constructor(take: (order: ProcessOrder) => void, onGone: () => void) {
    const frames = new FrameReader((head) => take(deserialize(head) as ProcessOrder));
    this.#onGone = onGone;
    this.#socket = new Socket({ fd: PIPE_FD, readable: true, writable: true });
    this.#socket.on('data', (piece: Buffer) => frames.push(piece));
    for (const event of ['error', 'end', 'close']) this.#socket.on(event, onGone);
  }

  /**
   * @param whenWritten called once the host can read it
   * @returns of how many bytes the head was
   * @throws RangeError for a call that is too long
   */
  send(message: ProcessMessage, whenWritten?: () => void): number {
    if (!this.#socket.writable) this.#onGone();
    const { kind, head, body } = encodeMessage(message);
    const written = whenWritten && ((error?: Error | null) => !error && whenWritten());
    if (body.length === 0) {
      const frame = frameOf(kind, head);
      this.#socket.write(frame, written);
      return frame.byteLength - PREFIX_BYTES;
    }
    const headBytes = Buffer.from(head);
    const bodyBytes = body.reduce((total, { byteLength }) => total + byteLength, 0);
    if (bodyBytes <= MOST_COPIED_BYTES) {
      const prefix = framePrefix(kind, headBytes.byteLength, bodyBytes);
      this.#socket.write(Buffer.concat([prefix, headBytes, ...body]), written);
      return headBytes.byteLength;
    }
    this.#socket.cork();
    this.#socket.write(framePrefix(kind, headBytes.byteLength, bodyBytes));
    this.#socket.write(headBytes);
    for (const [index, part] of body.entries())
      this.#socket.write(part, index === body.length - 1 ? written : undefined);
    this.#socket.uncork();
    return headBytes.byteLength;
  }
}

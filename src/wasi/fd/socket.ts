import { constants as osConstants } from 'node:os';
import type { NativeFs, Status } from '../../native/fs.ts';
import { answer, ERRNO, type Errno, errnoFromPosix, failed, outcome, SUSPENDED } from '../errno.ts';
import { FDFLAGS, type Fdstat, FILE_TYPE, RIFLAGS, RIGHTS } from '../layout.ts';
import type { Waits } from '../suspending.ts';
import { Descriptor, type Readiness } from './descriptor.ts';
import { waitFor } from './stdio.ts';

const EAGAIN = osConstants.errno.EAGAIN;

const SOCKET_RIGHTS =
  RIGHTS.fdRead |
  RIGHTS.fdWrite |
  RIGHTS.fdFdstatSetFlags |
  RIGHTS.fdFilestatGet |
  RIGHTS.pollFdReadwrite |
  RIGHTS.sockShutdown |
  RIGHTS.sockAccept;

/** A socket of the host: one that the embedder handed in, listening or connected, or one that the guest accepted. */
export class Socket extends Descriptor {
  override readonly isSocket = true;
  override readonly waitingCalls = ['fd_read', 'fd_write', 'sock_accept', 'sock_recv', 'sock_send'];
  readonly #fs: NativeFs;
  readonly #fd: number;
  readonly #owned: boolean;
  readonly #isDatagram: boolean;
  readonly #waits: Waits | undefined;
  /** Of a call that is suspended and waits for its buffer to be full: how many bytes were received. */
  #begun = 0;
  #flags: number;

  /** @param owned whether closing it closes `fd`; what the embedder handed in stays the embedder's */
  constructor(fs: NativeFs, fd: number, owned: boolean, flags = 0, waits?: Waits) {
    super();
    this.#fs = fs;
    this.#fd = fd;
    this.#owned = owned;
    this.#isDatagram = fs.isDatagram(fd) === 1;
    this.#flags = flags & FDFLAGS.nonblock;
    this.#waits = waits;
  }

  override fdstat(): Fdstat {
    const fileType = this.#isDatagram ? FILE_TYPE.socketDgram : FILE_TYPE.socketStream;
    return { fileType, flags: this.#flags, rights: SOCKET_RIGHTS, inheriting: SOCKET_RIGHTS };
  }

  override status(out: Status): Errno {
    return outcome(this.#fs.statDescriptor(this.#fd, out.words));
  }

  override setFlags(flags: number): Errno {
    if ((flags & ~FDFLAGS.nonblock) !== 0) return ERRNO.inval;
    this.#flags = flags;
    return ERRNO.success;
  }

  override seek(): bigint {
    return BigInt(failed(ERRNO.spipe));
  }
  override readAt(): number {
    return failed(ERRNO.spipe);
  }
  override writeAt(): number {
    return failed(ERRNO.spipe);
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    const result = this.receive(memory, start, byteLength, 0);
    return typeof result === 'number' ? failed(result) : result.byteLength;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    return this.send(memory, start, byteLength);
  }

  override accept(flags: number): Descriptor | Errno {
    if ((flags & ~FDFLAGS.nonblock) !== 0) return ERRNO.inval;
    const fd = this.#waiting(this.#fs.constants.POLLIN, () => this.#fs.accept(this.#fd));
    return fd < 0 ? errnoFromPosix(fd) : new Socket(this.#fs, fd, true, flags, this.#waits);
  }

  override receive(
    memory: Uint8Array,
    start: number,
    byteLength: number,
    flags: number,
  ): { byteLength: number; cut: boolean } | Errno {
    const status = new BigUint64Array(1);
    const peek = (flags & RIFLAGS.peek) !== 0;
    // A second read would be of the next datagram, or of the same bytes again.
    const all = (flags & RIFLAGS.waitall) !== 0 && !peek && !this.#isDatagram;
    let done = this.#begun;
    this.#begun = 0;
    do {
      const count = this.#waiting(this.#fs.constants.POLLIN, () =>
        this.#fs.receive(this.#fd, memory, start + done, byteLength - done, peek, status),
      );
      if (count === -SUSPENDED) this.#begun = done;
      if (count === -SUSPENDED || (count < 0 && done === 0)) return errnoFromPosix(count);
      if (count <= 0) break;
      done += count;
    } while (all && done < byteLength);
    return { byteLength: done, cut: status[0] === 1n };
  }

  override send(memory: Uint8Array, start: number, byteLength: number): number {
    return answer(this.#waiting(this.#fs.constants.POLLOUT, () => this.#fs.send(this.#fd, memory, start, byteLength)));
  }

  override shutdown(reading: boolean, writing: boolean): Errno {
    return outcome(this.#fs.shutdown(this.#fd, reading, writing));
  }

  override readiness(): Readiness {
    return { hostFd: this.#fd };
  }

  override event(direction: 'read' | 'write'): { byteLength: bigint; hangup: boolean } {
    if (direction === 'write') return { byteLength: 1n, hangup: false };
    const count = this.#fs.available(this.#fd);
    return { byteLength: BigInt(Math.max(count, 0)), hangup: count === 0 && !this.#isDatagram };
  }

  override close(): void {
    if (this.#owned) this.#fs.close(this.#fd);
  }

  /** Repeats a call while it would have to wait, unless the guest wants to be told. Answers as `native/fs.ts` does. */
  #waiting(events: number, call: () => number): number {
    for (;;) {
      const result = call();
      if (result !== -EAGAIN || (this.#flags & FDFLAGS.nonblock) !== 0) return result;
      const errno = waitFor(this.#fs, this.#fd, events, this.#waits);
      if (errno === SUSPENDED) return -SUSPENDED;
      if (errno !== ERRNO.success) return -osConstants.errno.EIO;
    }
  }
}

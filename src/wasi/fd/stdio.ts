import { constants as osConstants } from 'node:os';
import { DIRECT } from '../../native/direct-calls.ts';
import { MODE, type NativeFs, type Status, setMode } from '../../native/fs.ts';
import { answer, ERRNO, type Errno, errnoFromPosix, failed, SUSPENDED } from '../errno.ts';
import { type Fdstat, FILE_TYPE, RIGHTS } from '../layout.ts';
import type { Waits } from '../suspending.ts';
import { Descriptor, type Readiness } from './descriptor.ts';
import { isStreamType, typeOf } from './host-file.ts';

/**
 * How long one wait blocks the thread before JavaScript runs again. Short enough for a worker that is being terminated, or
 * a time limit, to be noticed; long enough that waiting costs nothing.
 */
export const WAIT_SLICE_MS = 50;

const { EAGAIN, EBADF } = osConstants.errno;

/**
 * Blocks until `fd` can be read or written.
 * @param waits of a guest that can be suspended: the answer is {@link SUSPENDED} at once then
 */
export function waitFor(fs: NativeFs, fd: number, events: number, waits: Waits | undefined): Errno {
  if (waits !== undefined) return waits.later({ hostFds: [{ fd, events }] });
  const triple = Int32Array.of(fd, events, 0);
  for (;;) {
    const ready = fs.wait(triple, WAIT_SLICE_MS);
    if (ready > 0) return ERRNO.success;
    if (ready < 0) return errnoFromPosix(ready);
  }
}

/** What standard input, output and error have in common: they are streams, whatever stands behind them. */
abstract class Stdio extends Descriptor {
  protected abstract readonly rights: bigint;
  protected abstract readonly isTerminal: boolean;

  override fdstat(): Fdstat {
    const fileType = this.isTerminal ? FILE_TYPE.characterDevice : FILE_TYPE.unknown;
    return { fileType, flags: 0, rights: this.rights, inheriting: this.rights };
  }

  /** Says no more than whether it is a terminal: the host's files are none of the guest's business. */
  override status(out: Status): Errno {
    out.words.fill(0n);
    if (this.isTerminal) setMode(out, MODE.characterDevice);
    return ERRNO.success;
  }

  override seek(): bigint {
    return BigInt(failed(ERRNO.spipe));
  }
}

/** Standard input of any kind. */
export abstract class Input extends Stdio {
  protected override readonly rights = RIGHTS.fdRead;
  protected override readonly isTerminal: boolean = false;

  override readAt(): number {
    return failed(ERRNO.spipe);
  }
  override readiness(direction: 'read' | 'write'): Readiness {
    return direction === 'read' ? 'ready' : undefined;
  }
}

/** Standard output or error of any kind. */
export abstract class Output extends Stdio {
  protected override readonly rights = RIGHTS.fdWrite;
  protected override readonly isTerminal: boolean = false;

  override writeAt(): number {
    return failed(ERRNO.spipe);
  }
  override readiness(direction: 'read' | 'write'): Readiness {
    return direction === 'write' ? 'ready' : undefined;
  }
}

/** What a stream is to direct calls. All but pipes and files may have to wait, or take a part. */
function directStreamOf(type: number, pipe: number, file: number): number {
  return type === MODE.fifo ? pipe : type === MODE.regular ? file : 0;
}

/**
 * A descriptor of the host as standard input. The host keeps it: closing is not ours to do.
 *
 * As in wasmtime, a failure is told once, and the end comes after it: a guest that passes over lines that cannot be read
 * would never stop.
 */
export class HostInput extends Input {
  protected override readonly isTerminal: boolean;
  readonly #fs: NativeFs;
  readonly #fd: number;
  readonly #stream: boolean;
  override directFd: number;
  override readonly directStream: number;
  override readonly waitingCalls: readonly string[];
  readonly #waits: Waits | undefined;
  #hasFailed = false;

  constructor(fs: NativeFs, fd: number, waits?: Waits) {
    super();
    this.#fs = fs;
    this.#fd = fd;
    this.#waits = waits;
    const type = typeOf(fs, fd);
    this.#stream = isStreamType(type);
    this.waitingCalls = this.#stream ? ['fd_read'] : [];
    this.directStream = directStreamOf(type, DIRECT.pipeIn, DIRECT.fileIn);
    this.directFd = this.directStream === 0 ? -1 : fd;
    this.isTerminal = fs.isTerminal(fd) === 1;
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    if (byteLength === 0 || this.#hasFailed) return 0;
    for (;;) {
      const count = this.#fs.readNow(this.#fd, memory, start, byteLength, this.#stream);
      if (count >= 0) return count;
      if (count !== -EAGAIN) return this.#fail(errnoFromPosix(count));
      const errno = waitFor(this.#fs, this.#fd, this.#fs.constants.POLLIN, this.#waits);
      if (errno === SUSPENDED) return failed(SUSPENDED);
      if (errno !== ERRNO.success) return this.#fail(errno);
    }
  }

  #fail(errno: Errno): number {
    this.#hasFailed = true;
    this.directFd = -1;
    return failed(errno);
  }

  override readiness(direction: 'read' | 'write'): Readiness {
    if (direction === 'write') return undefined;
    return this.#stream ? { hostFd: this.#fd } : 'ready';
  }
}

/**
 * A descriptor of the host as standard output or error. Everything the guest gave is written before a write returns; what was
 * written before a failure is counted, and the failure is the next write's.
 */
export class HostOutput extends Output {
  protected override readonly isTerminal: boolean;
  readonly #fs: NativeFs;
  readonly #fd: number;
  readonly #stream: boolean;
  override readonly directFd: number;
  override readonly directStream: number;
  override readonly waitingCalls: readonly string[];
  readonly #waits: Waits | undefined;
  /** Of a write that is suspended: how many bytes were written. */
  #begun = 0;

  constructor(fs: NativeFs, fd: number, waits?: Waits) {
    super();
    this.#fs = fs;
    this.#fd = fd;
    this.#waits = waits;
    const type = typeOf(fs, fd);
    this.#stream = isStreamType(type);
    this.waitingCalls = this.#stream ? ['fd_write'] : [];
    this.directStream = directStreamOf(type, DIRECT.pipeOut, DIRECT.fileOut);
    this.directFd = this.directStream === 0 ? -1 : fd;
    this.isTerminal = fs.isTerminal(fd) === 1;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    let done = this.#begun;
    this.#begun = 0;
    while (done < byteLength) {
      const count = this.#fs.writeNow(this.#fd, memory, start + done, byteLength - done, this.#stream);
      if (count > 0) done += count;
      // The host's own output is not open for writing: as in wasmtime, nobody wants to hear the guest.
      else if (count === -EBADF) return byteLength;
      else if (count === -EAGAIN) {
        const errno = waitFor(this.#fs, this.#fd, this.#fs.constants.POLLOUT, this.#waits);
        if (errno === SUSPENDED) {
          this.#begun = done;
          return failed(SUSPENDED);
        }
        if (errno !== ERRNO.success) return done > 0 ? done : failed(errno);
      } else return done > 0 || count === 0 ? done : answer(count);
    }
    return done;
  }

  override readiness(direction: 'read' | 'write'): Readiness {
    if (direction === 'read') return undefined;
    return this.#stream ? { hostFd: this.#fd } : 'ready';
  }
}

/** Standard input without anything in it. */
export class NullInput extends Input {
  override read(): number {
    return 0;
  }
}

/** Standard output that goes nowhere. */
export class NullOutput extends Output {
  override write(_memory: Uint8Array, _start: number, byteLength: number): number {
    return byteLength;
  }
}

/** Standard input from bytes of the embedder, which must not change them while the guest runs. */
export class BytesInput extends Input {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    const part = this.#bytes.subarray(this.#position, this.#position + byteLength);
    memory.set(part, start);
    this.#position += part.byteLength;
    return part.byteLength;
  }
}

/** Standard output into a function of the embedder, which owns the bytes it gets. What it throws is the guest's `io`. */
export class CallbackOutput extends Output {
  readonly #write: (bytes: Uint8Array) => void;

  constructor(write: (bytes: Uint8Array) => void) {
    super();
    this.#write = write;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    // `slice` of a view over shared memory would stay shared; the callee gets memory of its own.
    const copy = new Uint8Array(byteLength);
    copy.set(memory.subarray(start, start + byteLength));
    if (byteLength > 0) this.#write(copy);
    return byteLength;
  }
}

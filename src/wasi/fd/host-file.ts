import { HostError } from '../../errors.ts';
import { DIRECT } from '../../native/direct-calls.ts';
import { MODE, modeOf, type NativeFs, newStatus, type Offset, STATUS, type Status } from '../../native/fs.ts';
import { answer, ERRNO, type Errno, errnoFromPosix, errnoName, failed, outcome } from '../errno.ts';
import { type Fdstat, fileTypeFromMode } from '../layout.ts';
import { OpenedFile, type OpenedFileOptions } from './opened-file.ts';

/** Filled and read within one call. */
const scratch = newStatus();

const MOST_OFFSET = (1n << 64n) - 1n;

/** The system's numbers of advice (Linux) for preview1's: normal, sequential, random, willneed, dontneed, noreuse. */
const ADVICE = [0, 2, 1, 3, 4, 5] as const;

/**
 * A file of the host. The position is ours and every read and write names its offset, so that a file that cannot seek (a
 * FIFO, say) answers `spipe` instead of making the host wait.
 */
export class HostFile extends OpenedFile {
  readonly #fs: NativeFs;
  readonly #fd: number;
  override readonly directFd: number;
  /** Shared with direct calls where they know the descriptor. */
  readonly #positions: Float64Array;
  readonly #slot: number;
  /** Where the position is no safe integer: a guest may seek where no file reaches. */
  #farPosition = 0n;

  /** Takes over `fd`. */
  constructor(fs: NativeFs, fd: number, options: OpenedFileOptions) {
    super(options);
    this.#fs = fs;
    this.#fd = fd;
    const isKnown = fs.positions !== undefined && fd < fs.positions.length;
    this.directFd = isKnown ? fd : -1;
    this.#positions = isKnown ? fs.positions : new Float64Array(1);
    this.#slot = isKnown ? fd : 0;
    this.#position = 0;
    this.#showKind();
  }

  #showKind(): void {
    setDirectKind(this.#fs, this.#fd, this.appends ? DIRECT.file | DIRECT.appends : DIRECT.file);
  }

  /** Unsigned 64-bit. */
  get #position(): Offset {
    const position = this.#positions[this.#slot] as number;
    return position >= 0 ? position : this.#farPosition;
  }

  set #position(position: Offset) {
    const isNear = typeof position === 'number';
    this.#positions[this.#slot] = isNear ? position : -1;
    if (!isNear) this.#farPosition = position;
  }

  override fdstat(): Fdstat | Errno {
    const errno = this.status(scratch);
    return errno === ERRNO.success ? this.fdstatOf(fileTypeFromMode(modeOf(scratch))) : errno;
  }

  override status(out: Status): Errno {
    return outcome(this.#fs.statDescriptor(this.#fd, out.words));
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    const count = this.readAt(memory, start, byteLength, this.#position);
    if (count > 0) this.#position = advance(this.#position, count);
    return count;
  }

  override readAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    return answer(this.#fs.readAt(this.#fd, memory, start, byteLength, offset));
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    const count = this.writeAt(memory, start, byteLength, this.#position);
    if (count < 0) return count;
    if (!this.appends) {
      this.#position = advance(this.#position, count);
      return count;
    }
    const errno = this.status(scratch);
    if (errno !== ERRNO.success) return failed(errno);
    this.#position = asOffset(scratch.words[STATUS.size] ?? 0n);
    return count;
  }

  /** As Linux does it, an offset means nothing while the file is in append mode. */
  override writeAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    if (this.appends) return answer(this.#fs.append(this.#fd, memory, start, byteLength));
    return answer(this.#fs.writeAt(this.#fd, memory, start, byteLength, offset));
  }

  override seek(offset: bigint, origin: number): bigint {
    let from = 0n;
    if (origin === 1) from = BigInt(this.#position);
    if (origin === 2) {
      const errno = this.status(scratch);
      if (errno !== ERRNO.success) return BigInt(failed(errno));
      from = scratch.words[STATUS.size] ?? 0n;
    }
    const position = from + offset;
    if (position < 0n || position > MOST_OFFSET) return BigInt(failed(ERRNO.inval));
    this.#position = asOffset(position);
    return position;
  }

  override setFlags(flags: number): Errno {
    const errno = super.setFlags(flags);
    this.#showKind();
    return errno;
  }

  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (this.options.readOnly) return ERRNO.rofs;
    return outcome(this.#fs.setDescriptorTimes(this.#fd, accessed, modified));
  }

  override truncate(byteLength: bigint): Errno {
    if (this.options.readOnly) return ERRNO.rofs;
    return outcome(this.#fs.truncate(this.#fd, byteLength));
  }

  override advise(offset: bigint, byteLength: bigint, advice: number): Errno {
    return outcome(this.#fs.advise(this.#fd, offset, byteLength, ADVICE[advice] ?? 0));
  }

  override sync(): Errno {
    return outcome(this.#fs.sync(this.#fd));
  }

  override dataSync(): Errno {
    return outcome(this.#fs.dataSync(this.#fd));
  }

  /** Reading at the end of a file is told by the hangup flag. */
  override event(direction: 'read' | 'write'): { byteLength: bigint; hangup: boolean } {
    if (direction === 'write') return { byteLength: 1n, hangup: false };
    if (this.status(scratch) !== ERRNO.success) return { byteLength: 1n, hangup: true };
    return { byteLength: 1n, hangup: (scratch.words[STATUS.size] ?? 0n) <= this.#position };
  }

  override close(): void {
    setDirectKind(this.#fs, this.#fd, 0);
    this.#fs.close(this.#fd);
  }
}

function asOffset(position: bigint): Offset {
  return position <= Number.MAX_SAFE_INTEGER ? Number(position) : position;
}

function advance(position: Offset, count: number): Offset {
  if (typeof position === 'number' && position + count <= Number.MAX_SAFE_INTEGER) return position + count;
  return BigInt(position) + BigInt(count);
}

/** Tells direct calls what a descriptor of the host is, before they are given it and when it is closed. */
export function setDirectKind(fs: NativeFs, fd: number, kind: number): void {
  if (fs.kinds !== undefined && fd < fs.kinds.length) fs.kinds[fd] = kind;
}

/** What kind of file a descriptor of the host is: type bits of {@link MODE}. */
export function typeOf(fs: NativeFs, fd: number): number {
  const result = fs.statDescriptor(fd, scratch.words);
  if (result < 0)
    throw new HostError('ERR_STDIO', `descriptor ${fd} of the process: ${errnoName(errnoFromPosix(result))}`);
  return modeOf(scratch) & MODE.typeMask;
}

/** Whether such a file waits for others: pipes, sockets, terminals. */
export function isStreamType(type: number): boolean {
  return type === MODE.fifo || type === MODE.socket || type === MODE.characterDevice;
}

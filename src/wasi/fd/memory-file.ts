import type { File as ShimFile } from '@bjorn3/browser_wasi_shim';
import type { Offset, Status } from '../../native/fs.ts';
import { ERRNO, type Errno, failed } from '../errno.ts';
import { type Fdstat, FILE_TYPE } from '../layout.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { notesOf, setInodeTimes, touch, writeInodeStatus } from './memory-inode.ts';
import { OpenedFile, type OpenedFileOptions } from './opened-file.ts';

const MOST_OFFSET = (1n << 64n) - 1n;
const MOST_FILE_OFFSET = (1n << 63n) - 1n;
/** A guest may not fill the host's memory with one file. */
const MOST_BYTES = 2 ** 30;
const LEAST_ROOM = 4096;

/** Buffers that we made with room to spare; those of the embedder are never written beyond their file. */
const roomy = new WeakSet<ArrayBufferLike>();

/** A file of a tree in memory, opened. It behaves as {@link HostFile} does. */
export class MemoryFile extends OpenedFile {
  readonly #file: ShimFile;
  readonly #budget: MemoryBudget;
  #position = 0n;

  constructor(file: ShimFile, options: OpenedFileOptions, budget: MemoryBudget) {
    super(options);
    this.#file = file;
    this.#budget = budget;
    notesOf(file).opens++;
  }

  override fdstat(): Fdstat {
    return this.fdstatOf(FILE_TYPE.regularFile);
  }

  override status(out: Status): Errno {
    writeInodeStatus(this.#file, out);
    return ERRNO.success;
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    const count = this.readAt(memory, start, byteLength, this.#position);
    if (count > 0) this.#position += BigInt(count);
    return count;
  }

  override readAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    if (offset > MOST_FILE_OFFSET) return failed(ERRNO.inval);
    if (!this.options.readable) return failed(ERRNO.badf);
    if (offset > MOST_FILE_OFFSET - BigInt(byteLength)) return failed(ERRNO.inval);
    if (offset >= BigInt(this.#file.data.byteLength)) return 0;
    const from = Number(offset);
    const part = this.#file.data.subarray(from, from + byteLength);
    memory.set(part, start);
    return part.byteLength;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    const count = this.writeAt(memory, start, byteLength, this.#position);
    if (count < 0) return count;
    this.#position = this.appends ? BigInt(this.#file.data.byteLength) : this.#position + BigInt(count);
    return count;
  }

  override writeAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    const at = this.appends ? BigInt(this.#file.data.byteLength) : BigInt(offset);
    if (at > MOST_FILE_OFFSET) return failed(ERRNO.inval);
    if (!this.options.writable) return failed(ERRNO.badf);
    if (at > MOST_FILE_OFFSET - BigInt(byteLength)) return failed(ERRNO.inval);
    if (byteLength === 0) return 0;
    const end = at + BigInt(byteLength);
    if (end > MOST_BYTES) return failed(ERRNO.fbig);
    if (Number(end) > this.#file.data.byteLength) {
      const errno = resize(this.#file, Number(end), this.#budget);
      if (errno !== ERRNO.success) return failed(errno);
    }
    this.#file.data.set(memory.subarray(start, start + byteLength), Number(at));
    touch(this.#file);
    return byteLength;
  }

  override seek(offset: bigint, origin: number): bigint {
    const from = [0n, this.#position, BigInt(this.#file.data.byteLength)][origin] ?? 0n;
    const position = from + offset;
    if (position < 0n || position > MOST_OFFSET) return BigInt(failed(ERRNO.inval));
    this.#position = position;
    return position;
  }

  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (this.options.readOnly) return ERRNO.rofs;
    setInodeTimes(this.#file, accessed, modified);
    return ERRNO.success;
  }

  override truncate(byteLength: bigint): Errno {
    if (this.options.readOnly) return ERRNO.rofs;
    if (!this.options.writable || byteLength > MOST_FILE_OFFSET) return ERRNO.inval;
    if (byteLength > MOST_BYTES) return ERRNO.fbig;
    const errno = resize(this.#file, Number(byteLength), this.#budget);
    if (errno === ERRNO.success) touch(this.#file);
    return errno;
  }

  override advise(_offset: bigint, byteLength: bigint): Errno {
    return byteLength < 0n ? ERRNO.inval : ERRNO.success;
  }
  override sync(): Errno {
    return ERRNO.success;
  }
  override dataSync(): Errno {
    return ERRNO.success;
  }

  override event(direction: 'read' | 'write'): { byteLength: bigint; hangup: boolean } {
    const hangup = direction === 'read' && BigInt(this.#file.data.byteLength) <= this.#position;
    return { byteLength: 1n, hangup };
  }

  override close(): void {
    notesOf(this.#file).opens--;
    releaseUnreachable(this.#file, this.#budget);
  }
}

/**
 * Gives a file another length. `data` stays a view of exactly the file's bytes, for the embedder to read; behind it we keep
 * room, so that a file written piece by piece is not copied for each piece. `nospc` where the budget has no more.
 */
export function resize(file: ShimFile, byteLength: number, budget: MemoryBudget): Errno {
  const { data } = file;
  const isRoomy = roomy.has(data.buffer);
  if (isRoomy && byteLength > 0 && byteLength <= data.buffer.byteLength) {
    // What was cut off must read as zeros when the file grows again.
    if (byteLength < data.byteLength) data.fill(0, byteLength);
    file.data = new Uint8Array(data.buffer, 0, byteLength);
    return ERRNO.success;
  }
  const most = Math.max(byteLength, Math.min(MOST_BYTES, data.byteLength * 2), LEAST_ROOM);
  const roomBytes = byteLength === 0 ? 0 : byteLength < data.byteLength ? byteLength : most;
  const notes = notesOf(file);
  if (!budget.take(Math.max(roomBytes - notes.charged, 0))) return ERRNO.nospc;
  if (roomBytes < notes.charged) budget.give(notes.charged - roomBytes);
  notes.charged = roomBytes;
  const room = new ArrayBuffer(roomBytes);
  roomy.add(room);
  file.data = new Uint8Array(room, 0, byteLength);
  file.data.set(data.subarray(0, byteLength));
  return ERRNO.success;
}

/** Gives back what a file took, once nothing leads to it any more. */
export function releaseUnreachable(file: ShimFile, budget: MemoryBudget): void {
  const notes = notesOf(file);
  if (notes.opens > 0 || notes.links > 0n) return;
  budget.give(notes.charged);
  notes.charged = 0;
}

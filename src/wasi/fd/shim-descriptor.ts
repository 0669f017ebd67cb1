import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import { type Offset, STATUS, type Status, setMode, TIME_NOW, TIME_OMIT } from '../../native/fs.ts';
import { ERRNO, type Errno, failed } from '../errno.ts';
import { ALL_RIGHTS, type Fdstat, FSTFLAGS } from '../layout.ts';
import { Descriptor, type Readiness } from './descriptor.ts';
import { modeFromFileType } from './memory-inode.ts';

/** What the shim answers for a call that an `Fd` does not know. */
const UNKNOWN_CALL = ERRNO.notsup;

/** The fstflags of preview1 for times in the words of `native/fs.ts`. */
export function fstflagsOf(accessed: bigint, modified: bigint): number {
  const word = (time: bigint, set: number, now: number) => (time === TIME_OMIT ? 0 : time === TIME_NOW ? now : set);
  return word(accessed, FSTFLAGS.atim, FSTFLAGS.atimNow) | word(modified, FSTFLAGS.mtim, FSTFLAGS.mtimNow);
}

/** A status as the shim words it, in ours. */
export function writeShimStatus(
  ret: number,
  stat: { ino: bigint; filetype: number; nlink: bigint; size: bigint; atim: bigint; mtim: bigint; ctim: bigint } | null,
  out: Status,
): Errno {
  if (stat === null) return ret === ERRNO.success ? ERRNO.io : ret;
  const { words } = out;
  words.fill(0n);
  words[STATUS.inode] = stat.ino;
  setMode(out, modeFromFileType(stat.filetype));
  words[STATUS.links] = stat.nlink;
  words[STATUS.size] = stat.size;
  words[STATUS.accessed] = stat.atim;
  words[STATUS.modified] = stat.mtim;
  words[STATUS.changed] = stat.ctim;
  return ERRNO.success;
}

/**
 * Any `Fd` of the embedder's as a file or a stream. It gets and gives copies, as its interface has it; what it answers is
 * checked before the guest's memory is touched.
 */
export class ShimDescriptor extends Descriptor {
  override readonly isFile = true;
  readonly #fd: ShimFd;

  constructor(fd: ShimFd) {
    super();
    this.#fd = fd;
  }

  override fdstat(): Fdstat | Errno {
    const { ret, fdstat } = this.#fd.fd_fdstat_get();
    if (fdstat === null) return ret === ERRNO.success ? ERRNO.io : ret;
    // The shim's own classes say that nothing may be done with them.
    const rights = fdstat.fs_rights_base === 0n ? ALL_RIGHTS : fdstat.fs_rights_base;
    const inheriting = fdstat.fs_rights_inherited === 0n ? rights : fdstat.fs_rights_inherited;
    return { fileType: fdstat.fs_filetype, flags: fdstat.fs_flags, rights, inheriting };
  }

  override status(out: Status): Errno {
    const { ret, filestat } = this.#fd.fd_filestat_get();
    return writeShimStatus(ret, filestat, out);
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    return take(this.#fd.fd_read(byteLength), memory, start, byteLength);
  }
  override readAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    return take(this.#fd.fd_pread(byteLength, BigInt(offset)), memory, start, byteLength);
  }
  override write(memory: Uint8Array, start: number, byteLength: number): number {
    return counted(this.#fd.fd_write(copyOf(memory, start, byteLength)), byteLength);
  }
  override writeAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    return counted(this.#fd.fd_pwrite(copyOf(memory, start, byteLength), BigInt(offset)), byteLength);
  }

  override seek(offset: bigint, origin: number): bigint {
    const { ret, offset: position } = this.#fd.fd_seek(offset, origin);
    if (ret === UNKNOWN_CALL) return BigInt(failed(ERRNO.spipe));
    return ret === ERRNO.success ? BigInt.asUintN(64, position) : BigInt(failed(ret));
  }

  override setFlags(flags: number): Errno {
    return this.#fd.fd_fdstat_set_flags(flags);
  }
  override setRights(): Errno {
    return ERRNO.notsup;
  }
  override setTimes(accessed: bigint, modified: bigint): Errno {
    return this.#fd.fd_filestat_set_times(accessed, modified, fstflagsOf(accessed, modified));
  }
  override truncate(byteLength: bigint): Errno {
    return this.#fd.fd_filestat_set_size(byteLength);
  }
  override allocate(offset: bigint, byteLength: bigint): Errno {
    return this.#fd.fd_allocate(offset, byteLength);
  }
  override advise(): Errno {
    return ERRNO.success;
  }
  override sync(): Errno {
    return this.#fd.fd_sync();
  }
  override dataSync(): Errno {
    return this.#fd.fd_sync();
  }
  override readiness(): Readiness {
    return 'ready';
  }
  override close(): void {
    this.#fd.fd_close();
  }
}

function copyOf(memory: Uint8Array, start: number, byteLength: number): Uint8Array {
  const copy = new Uint8Array(byteLength);
  copy.set(memory.subarray(start, start + byteLength));
  return copy;
}

function take(result: { ret: number; data: Uint8Array }, memory: Uint8Array, start: number, room: number): number {
  if (result.ret !== ERRNO.success) return failed(result.ret === UNKNOWN_CALL ? ERRNO.badf : result.ret);
  if (result.data.byteLength > room) throw new RangeError(`asked for ${room} bytes, got ${result.data.byteLength}`);
  memory.set(result.data, start);
  return result.data.byteLength;
}

function counted(result: { ret: number; nwritten: number }, most: number): number {
  if (result.ret !== ERRNO.success) return failed(result.ret === UNKNOWN_CALL ? ERRNO.badf : result.ret);
  if (!(result.nwritten >= 0 && result.nwritten <= most)) throw new RangeError(`${result.nwritten} of ${most} written`);
  return result.nwritten;
}

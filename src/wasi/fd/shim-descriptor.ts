import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import { type Offset, type Status, TIME_OMIT } from '../../native/fs.ts';
import { ERRNO, type Errno, failed } from '../errno.ts';
import { ALL_RIGHTS, type Fdstat, FSTFLAGS } from '../layout.ts';
import { Descriptor, type Readiness } from './descriptor.ts';
import {
  checkedBytes,
  checkedCount,
  checkedErrno,
  checkedNumber,
  checkedWord,
  failedIo,
  failureOf,
  UNKNOWN_CALL,
  writeShimStatus,
} from './shim-answer.ts';

/** The fstflags of preview1 for times in the words of `native/fs.ts`. */
export function fstflagsOf(accessed: bigint, modified: bigint): number {
  return (accessed === TIME_OMIT ? 0 : FSTFLAGS.atim) | (modified === TIME_OMIT ? 0 : FSTFLAGS.mtim);
}

/**
 * Any `Fd` of the embedder's as a file or a stream. It gets and gives copies, as its interface has it; what it answers is
 * checked before the guest's memory is touched.
 */
export class ShimDescriptor extends Descriptor {
  override readonly isFile = true;
  readonly #fd: ShimFd;
  readonly #readOnly: boolean;

  /** @param readOnly whether it is given to read only: it is not asked to change anything then */
  constructor(fd: ShimFd, readOnly = false) {
    super();
    this.#fd = fd;
    this.#readOnly = readOnly;
  }

  override fdstat(): Fdstat | Errno {
    const { ret, fdstat } = this.#fd.fd_fdstat_get();
    if (fdstat === null) return failureOf(ret);
    // The shim's own classes say that nothing may be done with them.
    const rights = checkedWord(fdstat.fs_rights_base) || ALL_RIGHTS;
    const inheriting = checkedWord(fdstat.fs_rights_inherited) || rights;
    return {
      fileType: checkedNumber(fdstat.fs_filetype, 8),
      flags: checkedNumber(fdstat.fs_flags, 16),
      rights,
      inheriting,
    };
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
    if (this.#readOnly) return failed(ERRNO.badf);
    return counted(this.#fd.fd_write(copyOf(memory, start, byteLength)), byteLength);
  }
  override writeAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    if (this.#readOnly) return failed(ERRNO.badf);
    return counted(this.#fd.fd_pwrite(copyOf(memory, start, byteLength), BigInt(offset)), byteLength);
  }

  override seek(offset: bigint, origin: number): bigint {
    const { ret, offset: position } = this.#fd.fd_seek(offset, origin);
    const errno = checkedErrno(ret);
    if (errno === ERRNO.success) return checkedWord(position);
    return BigInt(failed(errno === UNKNOWN_CALL ? ERRNO.spipe : errno));
  }

  override setFlags(flags: number): Errno {
    return checkedErrno(this.#fd.fd_fdstat_set_flags(flags));
  }
  override setRights(): Errno {
    return ERRNO.notsup;
  }
  override setTimes(accessed: bigint, modified: bigint): Errno {
    if (this.#readOnly) return ERRNO.rofs;
    return checkedErrno(this.#fd.fd_filestat_set_times(accessed, modified, fstflagsOf(accessed, modified)));
  }
  override truncate(byteLength: bigint): Errno {
    return this.#readOnly ? ERRNO.rofs : checkedErrno(this.#fd.fd_filestat_set_size(byteLength));
  }
  override allocate(offset: bigint, byteLength: bigint): Errno {
    return this.#readOnly ? ERRNO.rofs : checkedErrno(this.#fd.fd_allocate(offset, byteLength));
  }
  override advise(): Errno {
    return ERRNO.success;
  }
  override sync(): Errno {
    return checkedErrno(this.#fd.fd_sync());
  }
  override dataSync(): Errno {
    return checkedErrno(this.#fd.fd_sync());
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
  const { ret } = result;
  if (checkedErrno(ret) !== ERRNO.success) return failedIo(ret);
  const data = checkedBytes(result.data, room);
  memory.set(data, start);
  return data.byteLength;
}

function counted(result: { ret: number; nwritten: number }, most: number): number {
  const { ret } = result;
  return checkedErrno(ret) === ERRNO.success ? checkedCount(result.nwritten, most) : failedIo(ret);
}

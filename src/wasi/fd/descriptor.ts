import type { Offset, Status } from '../../native/fs.ts';
import { ERRNO, type Errno, failed } from '../errno.ts';
import type { Fdstat } from '../layout.ts';
import type { OutputLimit } from '../output-limit.ts';
import type { Subscribe } from '../suspending.ts';

/** One entry of a directory, its name as the bytes the guest gets. */
export interface Entry {
  inode: bigint;
  fileType: number;
  name: Uint8Array;
}

/** What `poll_oneoff` has to know of a descriptor. */
export type Readiness =
  /** Reading or writing would not wait. */
  | 'ready'
  /** Ask the system about this descriptor of the host. */
  | { hostFd: number }
  /** Ask it: blocks for at most so long, 0 or more, and answers whether it is ready. */
  | { wait: (milliseconds: number) => boolean }
  /** Ask it; it says when to ask again. Of guests that can be suspended alone. */
  | { isReady: () => boolean; whenReady: Subscribe }
  /** It can never become ready in this direction. */
  | undefined;

/** How `path_open` wants a file. */
export interface OpenRequest {
  create: boolean;
  directory: boolean;
  exclusive: boolean;
  truncate: boolean;
  follow: boolean;
  read: boolean;
  write: boolean;
  /** fdflags of preview1 */
  flags: number;
}

/**
 * Something that a descriptor of the guest stands for. A method answers an {@link Errno}; or, where it counts bytes, a count
 * or a negated errno. What a kind of descriptor cannot do stays as it is here: `badf`, as a wasm host answers, not what a
 * POSIX system would.
 *
 * `memory` is the whole guest memory; `[start, start + byteLength)` lies within it.
 */
export abstract class Descriptor {
  abstract fdstat(): Fdstat | Errno;
  abstract status(out: Status): Errno;

  /** Whether `path_open` relative to it is a mistake about its kind (`notdir`) rather than about its number (`badf`). */
  readonly isFile: boolean = false;
  readonly isSocket: boolean = false;
  /** The descriptor of the host behind it where direct calls may serve it, else -1. */
  readonly directFd: number = -1;
  /** For a standard stream that direct calls may serve: which, in bits of `DIRECT`; else 0. */
  readonly directStream: number = 0;

  /** Names of the calls that may have to wait for others because of it. */
  readonly waitingCalls: readonly string[] = [];

  /** Set on preopens: the name that the guest sees. */
  preopenName: Uint8Array | undefined;
  /** Set on standard output and error where they are limited: what is written has to pass it. */
  outputLimit: OutputLimit | undefined;

  read(_memory: Uint8Array, _start: number, _byteLength: number): number {
    return failed(ERRNO.badf);
  }
  readAt(_memory: Uint8Array, _start: number, _byteLength: number, _offset: Offset): number {
    return failed(ERRNO.badf);
  }
  write(_memory: Uint8Array, _start: number, _byteLength: number): number {
    return failed(ERRNO.badf);
  }
  writeAt(_memory: Uint8Array, _start: number, _byteLength: number, _offset: Offset): number {
    return failed(ERRNO.badf);
  }

  /** The new offset, or a negated errno. `origin`: 0 the start, 1 the offset, 2 the end. */
  seek(_offset: bigint, _origin: number): bigint {
    return BigInt(failed(ERRNO.badf));
  }

  setFlags(_flags: number): Errno {
    return ERRNO.badf;
  }
  setRights(): Errno {
    return ERRNO.badf;
  }
  setTimes(_accessed: bigint, _modified: bigint): Errno {
    return ERRNO.badf;
  }
  truncate(_byteLength: bigint): Errno {
    return ERRNO.badf;
  }
  allocate(_offset: bigint, _byteLength: bigint): Errno {
    return ERRNO.badf;
  }
  advise(_offset: bigint, _byteLength: bigint, _advice: number): Errno {
    return ERRNO.badf;
  }
  sync(): Errno {
    return ERRNO.badf;
  }
  dataSync(): Errno {
    return ERRNO.badf;
  }

  readiness(_direction: 'read' | 'write'): Readiness {
    return undefined;
  }
  /** The number and flags that `poll_oneoff` reports once it is ready. */
  event(_direction: 'read' | 'write'): { byteLength: bigint; hangup: boolean } {
    return { byteLength: 1n, hangup: false };
  }

  accept(_flags: number): Descriptor | Errno {
    return ERRNO.notsock;
  }
  receive(
    _memory: Uint8Array,
    _start: number,
    _byteLength: number,
    _flags: number,
  ): { byteLength: number; cut: boolean } | Errno {
    return ERRNO.notsock;
  }
  send(_memory: Uint8Array, _start: number, _byteLength: number): number {
    return failed(ERRNO.notsock);
  }
  shutdown(_reading: boolean, _writing: boolean): Errno {
    return ERRNO.notsock;
  }

  /** Gives back what it holds. Called once. */
  close(): void {}
}

/** A directory, real or in memory: paths are relative to it and never leave it. */
export abstract class Directory extends Descriptor {
  /** All entries but `.` and `..`. */
  abstract list(): Entry[] | Errno;
  abstract open(path: string, request: OpenRequest): Descriptor | Errno;
  abstract createDirectory(path: string): Errno;
  abstract removeDirectory(path: string): Errno;
  abstract unlink(path: string): Errno;
  /** `target` may be any directory; of another kind, the answer is `xdev`. */
  abstract rename(path: string, target: Directory, newPath: string): Errno;
  abstract link(path: string, target: Directory, newPath: string): Errno;
  abstract symlink(target: string, path: string): Errno;
  /** The whole target, as the bytes the guest gets. */
  abstract readlink(path: string): Uint8Array | Errno;
  abstract pathStatus(path: string, follow: boolean, out: Status): Errno;
  abstract setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno;

  override setRights(): Errno {
    return ERRNO.notsup;
  }
}

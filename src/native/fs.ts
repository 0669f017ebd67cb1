/**
 * What the addon's file system room (`native/fs/`) gives to JavaScript: thin wrappers of POSIX calls. POSIX words only, no
 * preview1 numbers: what knows those stands apart, in `direct-calls.ts`. `wasi/fd/node-fs.ts` implements the same interface
 * where the addon is missing, without direct calls.
 *
 * Every call answers a number: what the system answered, or a negative errno of this system (`os.constants.errno`). Nothing
 * throws on bad arguments (they are EINVAL, EFAULT, ENAMETOOLONG). Paths are resolved below the directory they are given
 * with: a link or `..` that leads outside is EPERM, whatever happens on the disk meanwhile.
 */
import type { NativeDirectCalls } from './direct-calls.ts';

/** A place in a file: a number where it is a safe integer, which is cheaper, else a BigInt. */
export type Offset = number | bigint;

/** Bits of {@link NativeFs.open} and {@link NativeFs.wait}, with the values of this system. */
export interface FsConstants {
  readonly O_RDONLY: number;
  readonly O_WRONLY: number;
  readonly O_RDWR: number;
  readonly O_CREAT: number;
  readonly O_EXCL: number;
  readonly O_TRUNC: number;
  readonly O_NOFOLLOW: number;
  readonly O_DIRECTORY: number;
  readonly O_NONBLOCK: number;
  readonly O_CLOEXEC: number;
  readonly O_NOCTTY: number;
  readonly POLLIN: number;
  readonly POLLOUT: number;
  readonly POLLERR: number;
  readonly POLLHUP: number;
  readonly POLLNVAL: number;
}

/** Indices into the eight numbers that `stat` and `statDescriptor` write. Times are nanoseconds since 1970. */
export const STATUS = {
  device: 0,
  inode: 1,
  /** `st_mode`: type and permission bits. */
  mode: 2,
  links: 3,
  size: 4,
  accessed: 5,
  modified: 6,
  changed: 7,
} as const;

/**
 * What `stat` tells, to be filled again and again: one made for every call would keep the garbage collector busy.
 * The three views are over the same bytes, little-endian.
 */
export interface Status {
  readonly words: BigUint64Array;
  readonly halves: Uint32Array;
  readonly bytes: Uint8Array;
}

export function newStatus(): Status {
  const buffer = new ArrayBuffer(64);
  return { words: new BigUint64Array(buffer), halves: new Uint32Array(buffer), bytes: new Uint8Array(buffer) };
}

/** `st_mode`, which has 32 bits. */
export function modeOf(status: Status): number {
  return status.halves[STATUS.mode * 2] ?? 0;
}

export function setMode(status: Status, mode: number): void {
  status.words[STATUS.mode] = BigInt(mode);
}

/** The file type bits of {@link STATUS.mode}; POSIX names, the same numbers on every system we build for. */
export const MODE = {
  typeMask: 0o170000,
  fifo: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  regular: 0o100000,
  link: 0o120000,
  socket: 0o140000,
} as const;

/** For {@link NativeFs.setTimes}: the time of the call, or leave as it is. */
export const TIME_NOW = -1n;
export const TIME_OMIT = -2n;

export interface NativeFs extends NativeDirectCalls {
  readonly constants: FsConstants;

  /** Opens a directory of the host; the one call whose path is the embedder's and follows links as any program does. */
  openDirectory(hostPath: string): number;

  /** `openat`: flags of {@link constants}; O_CLOEXEC is always added. */
  open(directory: number, path: string, flags: number, mode: number): number;
  /** Fills {@link Status.words}. */
  stat(directory: number, path: string, follow: boolean, words: BigUint64Array): number;
  /** Slashes at the end are ignored. */
  makeDirectory(directory: number, path: string, mode: number): number;
  removeDirectory(directory: number, path: string): number;
  unlink(directory: number, path: string): number;
  rename(directory: number, path: string, newDirectory: number, newPath: string): number;
  /** Hard link; a symbolic link is linked itself. */
  link(directory: number, path: string, newDirectory: number, newPath: string): number;
  symbolicLink(target: string, directory: number, path: string): number;
  /** Writes the target, as far as it fits; answers its length. */
  readLink(directory: number, path: string, target: Uint8Array): number;
  /** Nanoseconds since 1970, or TIME_NOW, TIME_OMIT. */
  setTimes(directory: number, path: string, follow: boolean, accessed: bigint, modified: bigint): number;
  /** For tests: resolves paths component by component even where the kernel could do it (`true`). */
  setResolver(walk: boolean): number;

  close(fd: number): number;
  /** Fills {@link Status.words}. */
  statDescriptor(fd: number, words: BigUint64Array): number;
  setDescriptorTimes(fd: number, accessed: bigint, modified: bigint): number;
  /** `pread` straight into `memory[start, start + byteLength)`, which may be shared and up to 4 GiB. */
  readAt(fd: number, memory: Uint8Array, start: number, byteLength: number, offset: Offset): number;
  writeAt(fd: number, memory: Uint8Array, start: number, byteLength: number, offset: Offset): number;
  /** Writes at the end of the file, atomically with finding it (in parts of 8 MiB). */
  append(fd: number, memory: Uint8Array, start: number, byteLength: number): number;
  truncate(fd: number, byteLength: bigint): number;
  sync(fd: number): number;
  dataSync(fd: number): number;
  /** `posix_fadvise`; advice 0 normal, 1 random, 2 sequential, 3 will need, 4 will not, 5 once. */
  advise(fd: number, offset: bigint, byteLength: bigint, advice: number): number;
  /** 1 or 0. */
  isTerminal(fd: number): number;
  /**
   * All entries but `.` and `..`: for each u64 inode, u32 type ({@link MODE} bits, 0 unknown), u32 length of the name, and
   * the name's bytes, little-endian, without padding.
   */
  listDirectory(fd: number): Uint8Array | number;

  /** `read`; of a stream only what is there now, EAGAIN where nothing is. */
  readNow(fd: number, memory: Uint8Array, start: number, byteLength: number, stream: boolean): number;
  /** `write`; to a stream only what it takes now, EAGAIN where it takes nothing. */
  writeNow(fd: number, memory: Uint8Array, start: number, byteLength: number, stream: boolean): number;
  /**
   * `poll`: triples of descriptor, events, and the answer. Blocks the thread for at most `milliseconds` (a fraction is
   * honoured); 0 when the time is over or a signal came, EINTR where nothing is ready and the thread was interrupted
   * ({@link NativeThread.interrupt}).
   */
  wait(triples: Int32Array, milliseconds: number): number;
  /** Bytes that can be read without waiting. */
  available(fd: number): number;
  /** 1 for a socket of datagrams, 0 for one of a stream. */
  isDatagram(fd: number): number;

  /** EAGAIN where nobody has come. */
  accept(fd: number): number;
  /** `status[0]` becomes 1 where a datagram was cut. */
  receive(
    fd: number,
    memory: Uint8Array,
    start: number,
    byteLength: number,
    peek: boolean,
    status: BigUint64Array,
  ): number;
  send(fd: number, memory: Uint8Array, start: number, byteLength: number): number;
  shutdown(fd: number, reading: boolean, writing: boolean): number;

  /** Nanoseconds: since 1970, or of the monotonic clock. */
  clockTime(realtime: boolean): bigint;
  random(memory: Uint8Array, start: number, byteLength: number): number;
}

/**
 * Numbers and structure layouts of preview1, and of `wasi_unstable` where they differ.
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
import type { GuestMemory } from '../guest/memory.ts';
import { MODE, modeOf, type Status } from '../native/fs.ts';

/** @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#rights */
export const RIGHTS = {
  fdDatasync: 1n << 0n,
  fdRead: 1n << 1n,
  fdSeek: 1n << 2n,
  fdFdstatSetFlags: 1n << 3n,
  fdSync: 1n << 4n,
  fdTell: 1n << 5n,
  fdWrite: 1n << 6n,
  fdAdvise: 1n << 7n,
  fdAllocate: 1n << 8n,
  pathCreateDirectory: 1n << 9n,
  pathCreateFile: 1n << 10n,
  pathLinkSource: 1n << 11n,
  pathLinkTarget: 1n << 12n,
  pathOpen: 1n << 13n,
  fdReaddir: 1n << 14n,
  pathReadlink: 1n << 15n,
  pathRenameSource: 1n << 16n,
  pathRenameTarget: 1n << 17n,
  pathFilestatGet: 1n << 18n,
  pathFilestatSetSize: 1n << 19n,
  pathFilestatSetTimes: 1n << 20n,
  fdFilestatGet: 1n << 21n,
  fdFilestatSetSize: 1n << 22n,
  fdFilestatSetTimes: 1n << 23n,
  pathSymlink: 1n << 24n,
  pathRemoveDirectory: 1n << 25n,
  pathUnlinkFile: 1n << 26n,
  pollFdReadwrite: 1n << 27n,
  sockShutdown: 1n << 28n,
  sockAccept: 1n << 29n,
} as const;

/** Every right there is. */
export const ALL_RIGHTS = (1n << 30n) - 1n;

/** @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#filetype */
export const FILE_TYPE = {
  unknown: 0,
  blockDevice: 1,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  socketDgram: 5,
  socketStream: 6,
  symbolicLink: 7,
} as const;

export const FDFLAGS = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const OFLAGS = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const LOOKUPFLAGS = { symlinkFollow: 1 } as const;
export const FSTFLAGS = { atim: 1, atimNow: 2, mtim: 4, mtimNow: 8 } as const;
export const RIFLAGS = { peek: 1, waitall: 2 } as const;
export const ROFLAGS = { dataTruncated: 1 } as const;
export const SDFLAGS = { rd: 1, wr: 2 } as const;
export const CLOCK = { realtime: 0, monotonic: 1, processCputime: 2, threadCputime: 3 } as const;
export const EVENT_TYPE = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
export const EVENT_HANGUP = 1;
export const SUBSCRIPTION_ABSTIME = 1;
/** 0 none … 30 sys */
export const MOST_SIGNAL = 30;
/** 0 normal … 5 noreuse */
export const MOST_ADVICE = 5;

/** Whether a word has no bit but those of a table of flags. */
export function onlyBits(word: number, most: number): boolean {
  return (word & ~most) === 0;
}

/** What a guest may see of a descriptor. */
export interface Fdstat {
  fileType: number;
  flags: number;
  rights: bigint;
  inheriting: bigint;
}

/**
 * ```
 *  0        1   2          4         8                16                      24
 *  | type u8 | – | flags u16 |    –    | rights_base u64 | rights_inheriting u64 |
 * ```
 */
export function writeFdstat(memory: GuestMemory, pointer: number, stat: Fdstat, layout: Layout): void {
  memory.check(pointer, 24);
  const start = pointer >>> 0;
  memory.bytes().fill(0, start, start + 8);
  memory.writeU8(start, stat.fileType);
  memory.writeU16(start + 2, stat.flags);
  memory.writeU64(start + 8, stat.rights & layout.rights);
  memory.writeU64(start + 16, stat.inheriting & layout.rights);
}

/** The preview1 file type of POSIX mode bits. preview1 has no word for a FIFO. */
export function fileTypeFromMode(mode: number): number {
  switch (mode & MODE.typeMask) {
    case MODE.regular:
      return FILE_TYPE.regularFile;
    case MODE.directory:
      return FILE_TYPE.directory;
    case MODE.link:
      return FILE_TYPE.symbolicLink;
    case MODE.characterDevice:
      return FILE_TYPE.characterDevice;
    case MODE.blockDevice:
      return FILE_TYPE.blockDevice;
    case MODE.socket:
      return FILE_TYPE.socketStream;
    default:
      return FILE_TYPE.unknown;
  }
}

/** Where the two versions of preview1 lay out bytes differently. */
export interface Layout {
  /** The rights that are known; a word with another bit is `inval`, and none is reported. */
  readonly rights: bigint;
  readonly filestatByteLength: number;
  writeFilestat(memory: GuestMemory, pointer: number, status: Status): void;
  /** The guest's numbers for: from the start, from the position, from the end. */
  readonly whence: readonly [number, number, number];
  readonly subscription: SubscriptionLayout;
}

/** Offsets in bytes within one subscription. */
interface SubscriptionLayout {
  readonly byteLength: number;
  readonly clockId: number;
  readonly clockTimeout: number;
  readonly clockFlags: number;
}

/**
 * ```
 *  0         8         16        17  24          32         40         48         56         64
 *  | dev u64 | ino u64 | type u8 | – | nlink u64 | size u64 | atim u64 | mtim u64 | ctim u64 |
 * ```
 */
function writeFilestat(memory: GuestMemory, pointer: number, status: Status): void {
  // The fields come in the order of a status, all but the type as they are.
  memory.write(pointer, status.bytes);
  memory.writeU32((pointer >>> 0) + 16, fileTypeFromMode(modeOf(status)));
}

/**
 * ```
 *  0         8         16        17  20          24         32         40         48         56
 *  | dev u64 | ino u64 | type u8 | – | nlink u32 | size u64 | atim u64 | mtim u64 | ctim u64 |
 * ```
 */
function writeUnstableFilestat(memory: GuestMemory, pointer: number, status: Status): void {
  memory.check(pointer, 56);
  const start = pointer >>> 0;
  memory.write(start, status.bytes.subarray(0, 16));
  memory.writeU32(start + 16, fileTypeFromMode(modeOf(status)));
  memory.write(start + 20, status.bytes.subarray(24, 28));
  memory.write(start + 24, status.bytes.subarray(32));
}

/** `wasi_snapshot_preview1`. */
export const SNAPSHOT: Layout = {
  rights: ALL_RIGHTS,
  filestatByteLength: 64,
  writeFilestat,
  whence: [0, 1, 2],
  subscription: { byteLength: 48, clockId: 16, clockTimeout: 24, clockFlags: 40 },
};

/**
 * `wasi_unstable`: there was no `sock_accept`, links were counted in 32 bits, `whence` began with the position, and a clock subscription had a user
 * identifier of its own.
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview0/docs.md
 */
export const UNSTABLE: Layout = {
  rights: ALL_RIGHTS & ~RIGHTS.sockAccept,
  filestatByteLength: 56,
  writeFilestat: writeUnstableFilestat,
  whence: [2, 0, 1],
  subscription: { byteLength: 56, clockId: 24, clockTimeout: 32, clockFlags: 48 },
};

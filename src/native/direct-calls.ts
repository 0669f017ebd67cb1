/**
 * What the addon answers of preview1 without JavaScript (`native/preview1/`), and what it has to know for that. Arrays are
 * shared: both sides read and write them, each in its turn.
 */

/** Bits of {@link NativeDirectCalls.kinds} and {@link DirectTable.streams}; 0: nothing that direct calls touch. */
export const DIRECT = {
  file: 1,
  appends: 2,
  directory: 4,
  /** With {@link DIRECT.directory}. */
  readOnly: 8,
  /** Of {@link DirectTable.streams} alone: a pipe, or a file, whose position is the system's. */
  pipeIn: 16,
  pipeOut: 32,
  fileIn: 64,
  fileOut: 128,
} as const;

/** Bits of {@link DirectTable.opened}. */
export const OPENED = { yes: 1, directory: 2, readOnly: 4, readable: 8, writable: 16 } as const;

/** Places in {@link DirectTable.counts}. */
export const COUNT = { room: 0, top: 1 } as const;

/** Places in {@link DirectGuest.moved}. */
export const MOVED = { read: 0, written: 1 } as const;

/** What there are direct calls for. */
export const DIRECT_CALLS = [
  'fd_read',
  'fd_write',
  'fd_seek',
  'fd_filestat_get',
  'path_filestat_get',
  'clock_time_get',
  'random_get',
  'path_open',
  'fd_close',
  'path_unlink_file',
  'path_rename',
] as const;

/** The guest's descriptors as calls that do without JavaScript see them: the low numbers, each an index. */
export interface DirectTable {
  /** The host's descriptor, or -1 where JavaScript has to answer. */
  readonly table: Int32Array;
  /** For standard streams, bits of {@link DIRECT}: the host may have one descriptor behind two of them. Else 0. */
  readonly streams: Uint8Array;
  /** Bits of {@link OPENED} where a direct call has opened it and JavaScript does not know it yet, else 0. */
  readonly opened: Int32Array;
  /** 1 for a number that was closed. */
  readonly free: Uint8Array;
  /** How many more may be opened, and one above the highest number that ever was in use. */
  readonly counts: Int32Array;
}

/** What calls that do without JavaScript need to know of a guest. */
export interface DirectGuest extends DirectTable {
  readonly kinds: Uint8Array;
  readonly positions: Float64Array;
  /**
   * How many bytes direct calls have read and written for the guest, each in its place of {@link MOVED}. They add to it;
   * what the functions in JavaScript move is not in it.
   */
  readonly moved: Float64Array;
  /** One number: what the monotonic clock showed when the guest was made, in nanoseconds. */
  readonly monotonicStart: BigInt64Array;
  /** The whole of preview1: what is asked where a call is out of the ordinary. */
  readonly functions: Readonly<Record<string, (...args: never[]) => number>>;
}

/** Functions of preview1 by name, and `attach`, which is told of every new view of the guest's memory. */
export interface DirectCalls {
  readonly attach: (memory: Uint8Array) => undefined;
  readonly [name: string]: (...args: never[]) => number | undefined;
}

/** Absent where the addon is. */
export interface NativeDirectCalls {
  /**
   * By descriptor of the host: bits of {@link DIRECT} for what a guest has opened, from then until it is closed. What the
   * embedder lends, such as a standard stream, has none: it may be closed, and its number be somebody else's, untold.
   */
  readonly kinds?: Uint8Array;
  /** By descriptor of the host: where the next read or write of a file begins; -1 where that is no safe integer. */
  readonly positions?: Float64Array;
  /**
   * The functions of preview1 (the layouts of `wasi_snapshot_preview1`) that programs call by the ten thousand, for a guest
   * to import: they answer plain cases by themselves and hand on the rest. A negative errno where something given is wrong.
   */
  directCalls?(guest: DirectGuest): DirectCalls | number;
}

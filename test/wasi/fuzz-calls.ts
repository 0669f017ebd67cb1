/** What the fuzzer may call, with what numbers, and which bytes of the memory each call may write. */
import type { Layout } from '../../src/wasi/layout.ts';

export type Range = readonly [start: number, byteLength: number];

/** Where the fuzzer puts things for pointers to find. */
export const AREAS = { vectors: 0x400, subscriptions: 0x800, path: 0x1000, path2: 0x1800 } as const;
export const MEMORY_BYTES = 65536;

/** Random words, given out one by one. Drawing from them costs a hundredth of making a value by fast-check. */
export class Entropy {
  readonly #words: readonly number[];
  #drawn = 0;

  constructor(words: readonly number[]) {
    this.#words = words;
  }

  /** 32 bits, signed. */
  next(): number {
    const { length } = this.#words;
    const round = Math.floor(this.#drawn / length);
    // Beyond the last word they begin again, and differ.
    return (this.#words[this.#drawn++ % length] ?? 0) ^ Math.imul(round, 0x9e3779b9);
  }

  /** A whole number from 0 to before `count`. */
  below(count: number): number {
    return (this.next() >>> 0) % count;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

export type Draw<T> = (entropy: Entropy) => T;

/** One of several ways to draw, as often as its weight says. */
function oneOf<T>(...ways: readonly (readonly [weight: number, draw: Draw<T>])[]): Draw<T> {
  const table = ways.flatMap(([weight, draw]) => Array.from({ length: weight }, () => draw));
  return (entropy) => entropy.pick(table)(entropy);
}
const among =
  <T>(...list: readonly T[]): Draw<T> =>
  (entropy) =>
    entropy.pick(list);
const upTo =
  (most: number): Draw<number> =>
  (entropy) =>
    entropy.below(most + 1);
const anyWord: Draw<number> = (entropy) => entropy.next();
const anyLong: Draw<bigint> = (entropy) =>
  BigInt.asIntN(64, (BigInt(entropy.next()) << 32n) | BigInt(entropy.next() >>> 0));

const word = oneOf<number>(
  [4, upTo(MEMORY_BYTES)],
  [2, (entropy) => MEMORY_BYTES - 70 + entropy.below(73)],
  [1, among(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0xffff0000)],
  [1, anyWord],
);
const long = oneOf<bigint>(
  [1, among(0n, 1n, -1n, 1n << 62n, (1n << 63n) - 1n, -(1n << 63n), 4096n)],
  [1, anyLong],
  [1, (entropy) => BigInt(entropy.below(101))],
);
/** Small enough that files stay small. */
const fileOffset = oneOf<bigint>([8, (entropy) => BigInt(entropy.below(0x2000))], [1, among(-1n, 1n << 20n)]);
const fd = oneOf<number>([8, upTo(9)], [1, among(99, 0x7fffffff, -1, 0x80000000)]);
const small = oneOf<number>([6, upTo(40)], [1, among(-1, 0x10000, 0x7fffffff, 0x80000000)]);
const rights = oneOf<bigint>([4, among(0n, 2n, 64n, 66n, 0x1fffffffn)], [1, long]);
const vectors = oneOf<number>([5, among<number>(AREAS.vectors)], [1, word]);
const path = oneOf<number>([8, among<number>(AREAS.path)], [1, word]);
const path2 = oneOf<number>([8, among<number>(AREAS.path2)], [1, word]);
/** Replaced by the length of the text that lies there. */
export const PATH_LENGTH = -1001;
export const PATH2_LENGTH = -1002;
const pathLength = oneOf<number>([8, among(PATH_LENGTH)], [1, word]);
const path2Length = oneOf<number>([8, among(PATH2_LENGTH)], [1, word]);
const subscriptions = oneOf<number>(
  [5, among<number>(AREAS.subscriptions)],
  [1, (entropy) => MEMORY_BYTES - 60 + entropy.below(71)],
  [1, among(0x80000000, 0xffffffff)],
);

type Words = readonly number[];

interface Fuzzed {
  args: readonly Draw<number | bigint>[];
  /** Which of the memory a call may write; `args` unsigned. */
  writes: (args: Words, memory: DataView, layout: Layout) => Range[];
}

const none = () => [];
const at = (index: number, byteLength: number) => (args: Words) => [[args[index] ?? 0, byteLength] as const];
const filestat = (index: number) => (args: Words, _: DataView, layout: Layout) => [
  [args[index] ?? 0, layout.filestatByteLength] as const,
];
const buffer = (pointer: number, length: number) => (args: Words) => [[args[pointer] ?? 0, args[length] ?? 0] as const];

/** Everything that a list of buffers names. */
function buffers(args: Words, memory: DataView, pointer: number, count: number): Range[] {
  const start = args[pointer] ?? 0;
  const most = Math.min(args[count] ?? 0, 64);
  const ranges: Range[] = [];
  for (let index = 0; index < most && start + index * 8 + 8 <= memory.byteLength; index++) {
    ranges.push([memory.getUint32(start + index * 8, true), memory.getUint32(start + index * 8 + 4, true)]);
  }
  return ranges;
}

/** All functions but `proc_exit`, which ends every guest of the fuzzer. */
export const CALLS: Readonly<Record<string, Fuzzed>> = {
  args_get: {
    args: [word, word],
    writes: (args) => [
      [args[0] ?? 0, 8],
      [args[1] ?? 0, 16],
    ],
  },
  args_sizes_get: {
    args: [word, word],
    writes: (args) => [
      [args[0] ?? 0, 4],
      [args[1] ?? 0, 4],
    ],
  },
  environ_get: {
    args: [word, word],
    writes: (args) => [
      [args[0] ?? 0, 8],
      [args[1] ?? 0, 16],
    ],
  },
  environ_sizes_get: {
    args: [word, word],
    writes: (args) => [
      [args[0] ?? 0, 4],
      [args[1] ?? 0, 4],
    ],
  },
  clock_res_get: { args: [small, word], writes: at(1, 8) },
  clock_time_get: { args: [small, long, word], writes: at(2, 8) },
  fd_advise: { args: [fd, long, long, small], writes: none },
  fd_allocate: { args: [fd, long, long], writes: none },
  fd_close: { args: [fd], writes: none },
  fd_datasync: { args: [fd], writes: none },
  fd_fdstat_get: { args: [fd, word], writes: at(1, 24) },
  fd_fdstat_set_flags: { args: [fd, small], writes: none },
  fd_fdstat_set_rights: { args: [fd, rights, rights], writes: none },
  fd_filestat_get: { args: [fd, word], writes: filestat(1) },
  fd_filestat_set_size: { args: [fd, fileOffset], writes: none },
  fd_filestat_set_times: { args: [fd, long, long, small], writes: none },
  fd_pread: {
    args: [fd, vectors, small, long, word],
    writes: (args, memory) => [[args[4] ?? 0, 4], ...buffers(args, memory, 1, 2)],
  },
  fd_prestat_get: { args: [fd, word], writes: at(1, 8) },
  fd_prestat_dir_name: { args: [fd, word, small], writes: buffer(1, 2) },
  fd_pwrite: { args: [fd, vectors, small, fileOffset, word], writes: at(4, 4) },
  fd_read: {
    args: [fd, vectors, small, word],
    writes: (args, memory) => [[args[3] ?? 0, 4], ...buffers(args, memory, 1, 2)],
  },
  fd_readdir: {
    args: [fd, word, word, long, word],
    writes: (args) => [
      [args[4] ?? 0, 4],
      [args[1] ?? 0, args[2] ?? 0],
    ],
  },
  fd_renumber: { args: [fd, fd], writes: none },
  fd_seek: { args: [fd, long, small, word], writes: at(3, 8) },
  fd_sync: { args: [fd], writes: none },
  fd_tell: { args: [fd, word], writes: at(1, 8) },
  fd_write: { args: [fd, vectors, small, word], writes: at(3, 4) },
  path_create_directory: { args: [fd, path, pathLength], writes: none },
  path_filestat_get: { args: [fd, small, path, pathLength, word], writes: filestat(4) },
  path_filestat_set_times: { args: [fd, small, path, pathLength, long, long, small], writes: none },
  path_link: { args: [fd, small, path, pathLength, fd, path2, path2Length], writes: none },
  path_open: { args: [fd, small, path, pathLength, small, rights, rights, small, word], writes: at(8, 4) },
  path_readlink: {
    args: [fd, path, pathLength, word, small, word],
    writes: (args) => [
      [args[5] ?? 0, 4],
      [args[3] ?? 0, args[4] ?? 0],
    ],
  },
  path_remove_directory: { args: [fd, path, pathLength], writes: none },
  path_rename: { args: [fd, path, pathLength, fd, path2, path2Length], writes: none },
  path_symlink: { args: [path, pathLength, fd, path2, path2Length], writes: none },
  path_unlink_file: { args: [fd, path, pathLength], writes: none },
  poll_oneoff: {
    args: [subscriptions, word, small, word],
    writes: (args) => [
      [args[3] ?? 0, 4],
      [args[1] ?? 0, (args[2] ?? 0) * 32],
    ],
  },
  proc_raise: { args: [small], writes: none },
  random_get: { args: [word, word], writes: buffer(0, 1) },
  sched_yield: { args: [], writes: none },
  sock_accept: { args: [fd, small, word], writes: at(2, 4) },
  sock_recv: {
    args: [fd, vectors, small, small, word, word],
    writes: (args, memory) => [[args[4] ?? 0, 4], [args[5] ?? 0, 2], ...buffers(args, memory, 1, 2)],
  },
  sock_send: { args: [fd, vectors, small, small, word], writes: at(4, 4) },
  sock_shutdown: { args: [fd, small], writes: none },
};

const NAMES = ['a', 'b', 'f', 'sub', 'link', 'up', 'abs', 'loop', 'fifo', 'dangling'];
const component = oneOf<string>(
  [6, (entropy) => entropy.pick(NAMES)],
  [2, among('.', '..', '')],
  [1, among('n'.repeat(256), '\0', 'ä', '%', 'proc', 'etc')],
);
const list =
  <T>(least: number, most: number, draw: Draw<T>): Draw<T[]> =>
  (entropy) => {
    const all: T[] = [];
    for (let left = least + entropy.below(most - least + 1); left > 0; left--) all.push(draw(entropy));
    return all;
  };
const components = list(1, 4, component);
const rawBytes = list(0, 40, upTo(255));
const pathBytes = oneOf<Buffer>(
  [8, (entropy) => Buffer.from(components(entropy).join('/'))],
  [1, (entropy) => Buffer.from(rawBytes(entropy))],
);

export interface Subscription {
  tag: number;
  fd: number;
  timeout: bigint;
  flags: number;
}
const tag = oneOf<number>([8, upTo(2)], [1, upTo(255)]);
const flags = oneOf<number>([8, upTo(1)], [1, upTo(65535)]);
/** Times are short: what is searched for is a fault, not patience. */
const subscription: Draw<Subscription> = (entropy) => ({
  tag: tag(entropy),
  fd: fd(entropy),
  timeout: BigInt(entropy.below(1001)),
  flags: flags(entropy),
});

const vectorLength = oneOf<number>([1, small], [1, word]);

export interface FuzzCall {
  name: string;
  args: (number | bigint)[];
  /** What lies in the areas where the call looks for it; empty where it does not. */
  vectors: [number, number][];
  subscriptions: Subscription[];
  path: Buffer | undefined;
  path2: Buffer | undefined;
}

const vectorList = list<[number, number]>(0, 8, (entropy) => [word(entropy), vectorLength(entropy)]);
const subscriptionList = list(1, 4, subscription);

/** Draws one call of the functions named. */
export function drawCall(entropy: Entropy, names: readonly string[]): FuzzCall {
  const name = entropy.pick(names);
  const kinds = CALLS[name]?.args ?? [];
  return {
    name,
    args: kinds.map((draw) => draw(entropy)),
    vectors: kinds.includes(vectors) ? vectorList(entropy) : [],
    subscriptions: kinds.includes(subscriptions) ? subscriptionList(entropy) : [],
    path: kinds.includes(path) ? pathBytes(entropy) : undefined,
    path2: kinds.includes(path2) ? pathBytes(entropy) : undefined,
  };
}

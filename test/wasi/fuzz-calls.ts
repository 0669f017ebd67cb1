/** What the fuzzer may call, with what numbers, and which bytes of the memory each call may write. */
import fc from 'fast-check';

export type Range = readonly [start: number, byteLength: number];

/** Where the fuzzer puts things for pointers to find. */
export const AREAS = { vectors: 0x400, subscriptions: 0x800, path: 0x1000, path2: 0x1800 } as const;
export const MEMORY_BYTES = 65536;

const word = fc.oneof(
  { weight: 4, arbitrary: fc.nat(MEMORY_BYTES) },
  { weight: 2, arbitrary: fc.integer({ min: MEMORY_BYTES - 70, max: MEMORY_BYTES + 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0xffff0000) },
  { weight: 1, arbitrary: fc.integer() },
);
const long = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 1n << 62n, (1n << 63n) - 1n, -(1n << 63n), 4096n),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: 0n, max: 100n }),
);
const fd = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom(99, 0x7fffffff, -1, 0x80000000) },
);
const small = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0x10000, 0x7fffffff, 0x80000000) },
);
const rights = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0n, 2n, 64n, 66n, 0x1fffffffn) },
  { weight: 1, arbitrary: long },
);
const vectors = fc.oneof({ weight: 5, arbitrary: fc.constant<number>(AREAS.vectors) }, { weight: 1, arbitrary: word });
const path = fc.oneof({ weight: 8, arbitrary: fc.constant<number>(AREAS.path) }, { weight: 1, arbitrary: word });
const path2 = fc.oneof({ weight: 8, arbitrary: fc.constant<number>(AREAS.path2) }, { weight: 1, arbitrary: word });
/** Replaced by the length of the text that lies there. */
export const PATH_LENGTH = -1001;
export const PATH2_LENGTH = -1002;
const pathLength = fc.oneof({ weight: 8, arbitrary: fc.constant(PATH_LENGTH) }, { weight: 1, arbitrary: word });
const path2Length = fc.oneof({ weight: 8, arbitrary: fc.constant(PATH2_LENGTH) }, { weight: 1, arbitrary: word });
const subscriptions = fc.oneof(
  { weight: 5, arbitrary: fc.constant<number>(AREAS.subscriptions) },
  { weight: 1, arbitrary: fc.integer({ min: MEMORY_BYTES - 60, max: MEMORY_BYTES + 10 }) },
  { weight: 1, arbitrary: fc.constantFrom(0x80000000, 0xffffffff) },
);

type Arg = fc.Arbitrary<number> | fc.Arbitrary<bigint>;
type Words = readonly number[];

interface Fuzzed {
  args: readonly Arg[];
  /** Which of the memory a call may write; `args` unsigned. */
  writes: (args: Words, memory: DataView) => Range[];
}

const none = () => [];
const at = (index: number, byteLength: number) => (args: Words) => [[args[index] ?? 0, byteLength] as const];
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
  fd_filestat_get: { args: [fd, word], writes: at(1, 64) },
  fd_filestat_set_size: { args: [fd, fc.bigInt({ min: -1n, max: 1n << 20n })], writes: none },
  fd_filestat_set_times: { args: [fd, long, long, small], writes: none },
  fd_pread: {
    args: [fd, vectors, small, long, word],
    writes: (args, memory) => [[args[4] ?? 0, 4], ...buffers(args, memory, 1, 2)],
  },
  fd_prestat_get: { args: [fd, word], writes: at(1, 8) },
  fd_prestat_dir_name: { args: [fd, word, small], writes: buffer(1, 2) },
  fd_pwrite: { args: [fd, vectors, small, fc.bigInt({ min: -1n, max: 1n << 20n }), word], writes: at(4, 4) },
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
  path_filestat_get: { args: [fd, small, path, pathLength, word], writes: at(4, 64) },
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

const component = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'f', 'sub', 'link', 'up', 'abs', 'loop', 'fifo', 'dangling') },
  { weight: 2, arbitrary: fc.constantFrom('.', '..', '') },
  { weight: 1, arbitrary: fc.constantFrom('n'.repeat(256), '\0', 'ä', '%', 'proc', 'etc') },
);
const pathBytes = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(component, { minLength: 1, maxLength: 4 }).map((all) => Buffer.from(all.join('/'))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);

export interface FuzzCall {
  name: string;
  args: (number | bigint)[];
  vectors: [number, number][];
  subscriptions: { tag: number; fd: number; timeout: bigint; flags: number }[];
  path: Buffer;
  path2: Buffer;
}

/** Times are short: what is searched for is a fault, not patience. */
const subscription = fc.record({
  tag: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 2 }) }, { weight: 1, arbitrary: fc.nat(255) }),
  fd,
  timeout: fc.bigInt({ min: 0n, max: 1000n }),
  flags: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, 1) }, { weight: 1, arbitrary: fc.nat(65535) }),
});

export const fuzzCall: fc.Arbitrary<FuzzCall> = fc.constantFrom(...Object.keys(CALLS)).chain((name) =>
  fc.record({
    name: fc.constant(name),
    args: fc.tuple(...(CALLS[name]?.args ?? [])) as fc.Arbitrary<(number | bigint)[]>,
    vectors: fc.array(fc.tuple(word, fc.oneof(small, word)), { maxLength: 8 }),
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
    path: pathBytes,
    path2: pathBytes,
  }),
);

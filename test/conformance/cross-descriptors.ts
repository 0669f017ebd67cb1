/** Every call on a descriptor, with every kind of descriptor and the numbers that matter to the call. */
import { type Case, crossing } from './script.ts';

/** What is open while a descriptor is tried; the numbers are those that the probe's `dir` leaves free. */
const OPENED = [
  'path_open 4 1 f 0 2 0 0', // 20, to read
  'path_open 4 1 f 0 64 0 0', // 19, to write
  'path_open 4 1 f 0 66 0 0', // 18, both
  'path_open 4 1 sub/g 0 66 0 1', // 17, to append
  'path_open 4 1 f 0 0 0 0', // 16, for neither
  'path_open 4 1 f 0 66 0 4', // 15, nonblocking
  'path_open 4 1 sub 2 0 0 0', // 14, a directory
  'path_open 4 1 f 0 2 0 0', // 13, closed
  'fd_close 13',
];
const OPEN = [3, 4, 14, 15, 16, 17, 18, 19, 20];
/** Standard ones, a preopen, a directory, all that was opened, one that was closed, and numbers that were never given. */
const FDS = [0, 1, 2, ...OPEN, 13, 21, 99, 0x7fffffff, 0x80000000, 0xffffffff];
const MOST = '0x7fffffffffffffff';
const LEAST = '0x8000000000000000';

/** What is called on each descriptor, by function: `#` stands for its number. Nothing here waits. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  'fd-advise': [
    ...[0, 1, 2, 3, 4, 5].map((advice) => `fd_advise # 0 0 ${advice}`),
    ...['0 10', '10 0', '1000 1000', `${MOST} 1`, `1 ${MOST}`, `${LEAST} 1`, `1 ${LEAST}`, '-1 0', '0 -1', '-1 -1'].map(
      (range) => `fd_advise # ${range} 0`,
    ),
  ],
  'fd-allocate': ['0 10', '0 0', '10 0', '100 100', `0 ${MOST}`, `${MOST} 1`, `0 ${LEAST}`, '-1 1', '1 -1', '0 -1'].map(
    (range) => `fd_allocate # ${range}`,
  ),
  'fd-datasync': ['fd_datasync #'],
  'fd-sync': ['fd_sync #'],
  'fd-fdstat-get': ['fd_fdstat_get #'],
  'fd-fdstat-set-flags': [0, 1, 4, 5, 2, 8, 16, 3, 6, 12, 31, 0].flatMap((flags) => [
    `fd_fdstat_set_flags # ${flags}`,
    'fd_fdstat_get #',
  ]),
  'fd-fdstat-set-rights': ['0 0', '2 2', '66 0', '0x1fffffff 0x1fffffff', '0x20000000 0', '0 0x20000000'].map(
    (rights) => `fd_fdstat_set_rights # ${rights}`,
  ),
  'fd-filestat-get': ['fd_filestat_get #'],
  'fd-filestat-set-size': ['3', '6', '100', '0', '1', LEAST, '-1', '-100'].flatMap((size) => [
    `fd_filestat_set_size # ${size}`,
    'fd_filestat_get #',
  ]),
  'fd-filestat-set-times': Array.from(
    { length: 16 },
    (_, flags) => `fd_filestat_set_times # 1000000001 2000000002 ${flags}`,
  ),
  'fd-pread': [
    '3 0',
    '3 2',
    '0,2,9 1',
    '0 0',
    'x0 0',
    'x3 0',
    '9 6',
    '9 1000',
    `3 ${MOST}`,
    `3 ${LEAST}`,
    '3 -1',
    '0 -1',
  ].map((rest) => `fd_pread # ${rest}`),
  'fd-pwrite': [
    'ab 0',
    'ab 4',
    '%,cd,ef 1',
    '% 0',
    'x0 0',
    'x3 0',
    'zz 10',
    `ab ${MOST}`,
    `ab ${LEAST}`,
    'ab -1',
    '% -1',
  ].map((rest) => `fd_pwrite # ${rest}`),
  'fd-read': ['3', '0,2,9', 'x0', 'x3', '100', '100', '65536'].map((rest) => `fd_read # ${rest}`),
  'fd-write': ['ab', '%,cd,ef', 'x0', 'x3', '%'].map((rest) => `fd_write # ${rest}`),
  'fd-prestat-get': ['fd_prestat_get #'],
  'fd-prestat-dir-name': ['0', '1', '2', '100'].map((length) => `fd_prestat_dir_name # ${length}`),
  'fd-readdir': [
    '0 0',
    '1 0',
    '23 0',
    '24 0',
    '25 0',
    '26 0',
    '49 0',
    '52 0',
    '24 1',
    '26 1',
    '24 -1',
    `0 ${MOST}`,
    `60 ${LEAST}`,
  ].map((rest) => `fd_readdir # ${rest}`),
  'fd-seek': [
    '0 0',
    '3 0',
    '-1 0',
    '0 1',
    '1 1',
    '-100 1',
    '0 2',
    '-1 2',
    '5 2',
    `${MOST} 0`,
    `${MOST} 1`,
    `${MOST} 2`,
    `${LEAST} 0`,
    `${LEAST} 1`,
    `${LEAST} 2`,
    '-1 1',
    '0 1',
  ].map((rest) => `fd_seek # ${rest}`),
  'fd-tell': ['fd_tell #', 'fd_seek # 2 0', 'fd_tell #', 'fd_read # 1', 'fd_tell #', 'fd_write # a', 'fd_tell #'],
  'path-on': [
    'path_open # 1 f 0 2 0 0', 'path_open # 1 g 0 66 0 0', 'path_open # 1 % 0 2 0 0', 'path_open # 1 %ff 0 2 0 0', 'path_open # 1 f%00 0 2 0 0',
    'path_open # 1 nope 1 66 0 2', 'path_open # 1 . 2 2 0 0', 'path_open # 1 . 3 2 0 0', 'path_filestat_get # 0 f', 'path_filestat_get # 1 .',
    'path_filestat_get # 1 %', 'path_filestat_get # 0 %ff', 'path_filestat_set_times # 0 f 1 2 5', 'path_filestat_set_times # 0 f 1 2 3',
    'path_filestat_set_times # 0 %ff 1 2 5', 'path_create_directory # %ff', 'path_create_directory # g/x', 'path_create_directory # %',
    'path_remove_directory # f', 'path_remove_directory # g', 'path_remove_directory # %ff', 'path_unlink_file # %ff', 'path_unlink_file # .',
    'path_unlink_file # %', 'path_readlink # f 10', 'path_readlink # g 10', 'path_readlink # %ff 10', 'path_readlink # % 0',
    'path_rename # %ff 4 x', 'path_rename # nope 4 x', 'path_rename 4 nope # x', 'path_rename 4 nope # %ff', 'path_rename # nope # x',
    'path_link # 0 nope 4 x', 'path_link 4 0 nope # x', 'path_link 4 0 nope # %ff', 'path_link # 1 nope 4 x', 'path_link # 0 %ff 4 x',
  ], // biome-ignore format: a table
  'sock-on': [
    ...[0, 1, 2, 4, 5, 31].map((flags) => `sock_accept # ${flags}`),
    ...[0, 1, 2, 3].map((flags) => `sock_recv # 3 ${flags}`),
    'sock_recv # x0 0',
    ...[0, 1, 0xffff].map((flags) => `sock_send # ab ${flags}`),
    'sock_send # x0 0',
    ...[0, 1, 2, 3].map((how) => `sock_shutdown # ${how}`),
  ],
};

function onDescriptor(fd: number, calls: readonly string[], tree: number): string[] {
  return [`dir t${tree}`, ...OPENED, ...calls.map((call) => call.replaceAll('#', String(fd)))];
}

/** Reading nothing from standard input: wasmtime answers `intr`, we do not; `cases/fd-io.txt` says why. */
const NOTHING_READ = /^fd_read # x/;

function onEach(family: string, calls: readonly string[]): Case {
  const all = FDS.flatMap((fd, index) =>
    onDescriptor(fd, fd === 0 ? calls.filter((call) => !NOTHING_READ.test(call)) : calls, index),
  );
  return crossing(family, 'on each descriptor', all);
}

/** Descriptor 1 is where the probe prints. */
const CLOSABLE = FDS.filter((fd) => fd !== 1);

function closing(): Case[] {
  return CLOSABLE.map((fd) =>
    crossing('fd-close', `descriptor ${fd}`, onDescriptor(fd, ['fd_close #', 'fd_close #', 'fd_fdstat_get #'], 0)),
  );
}

/** Each descriptor onto each other, and what each is then. */
function renumbering(): Case[] {
  return CLOSABLE.map((fd) => {
    const calls = CLOSABLE.flatMap((to) => [`fd_renumber # ${to}`, `fd_fdstat_get ${to}`, 'fd_fdstat_get #']);
    return crossing('fd-renumber', `descriptor ${fd}`, onDescriptor(fd, calls, 0));
  });
}

export const descriptorCrossings: readonly Case[] = [
  ...Object.entries(CALLS).map(([family, calls]) => onEach(family, calls)),
  ...closing(),
  ...renumbering(),
];

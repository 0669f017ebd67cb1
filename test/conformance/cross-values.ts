/** Numbers that matter beyond one call: cookies, positions, times, and several things to wait for at once. */
import { type Case, crossing } from './script.ts';

function inOneTree(family: string, name: string, calls: readonly string[]): Case {
  return crossing(family, name, ['dir t0', ...calls]);
}

/** Every size of a buffer around the two dots, from every cookie around them. The order of the rest is the file system's. */
const tinyListings = Array.from({ length: 53 }, (_, size) => `fd_readdir 4 ${size} 0`);
const lateCookies = ['6', '7', '100', '0xffffffff', '0x100000000', '0x7fffffffffffffff', '0x8000000000000000', '-1'];

/** Everything that one wait may be for, none of which takes long. */
const WAITS = [
  'clock 0 0 0',
  'clock 1 0 0',
  'clock 1 0 1000',
  'clock 0 1 0',
  'clock 1 1 1',
  'clock 0 1 1000000000000',
  'now+ 0 1 -1000000',
  'read 13',
  'write 13',
  'read 99',
  'write 0xffffffff',
  'read 4',
  'write 4',
  'read 3',
  'read 1',
  'write 0',
  'write 1',
  'write 20',
  'write 18',
  'write 17',
  'tag 3 20',
  'tag 255 0',
  'clock 2 0 0',
  'clock 3 0 0',
  'clock 4 0 0',
  'clock 0xffffffff 0 0',
  'clock 2 1 0',
  'clock 3 1 1',
  'clock 0 2 0',
  'clock 1 0xffff 0',
];
/** 20 to read, 19 to write, 18 for both, 17 to append. */
const OPENED = [
  'path_open 4 1 f 0 2 0 0',
  'path_open 4 1 f 0 64 0 0',
  'path_open 4 1 f 0 66 0 0',
  'path_open 4 1 sub/g 0 66 0 1',
];
/** Never comes. */
const NEVER = 'clock 1 0 -1';

const SEEKS = ['0', '1', '-1', '6', '-6', '7', '0x7fffffffffffffff', '0x8000000000000000', '-0x7fffffffffffffff'];

const TIMES = ['0 0', '1 1', '999999999 1000000000', '1234567890123456789 987654321', '0x7fffffffffffffff 0', '0 -1'];

export const valueCrossings: readonly Case[] = [
  inOneTree('fd-readdir', 'every size of a buffer', tinyListings),
  inOneTree('fd-readdir', 'cookies behind the end', [
    ...lateCookies.map((cookie) => `fd_readdir 4 100 ${cookie}`),
    ...lateCookies.map((cookie) => `fd_readdir 4 0 ${cookie}`),
  ]),
  inOneTree('poll-oneoff', 'each alone', [...OPENED, ...WAITS.map((one) => `poll_oneoff ${one}`)]),
  inOneTree('poll-oneoff', 'each beside what never comes', [
    ...OPENED,
    ...WAITS.flatMap((one) => [`poll_oneoff ${one} ${NEVER}`, `poll_oneoff ${NEVER} ${one}`]),
  ]),
  inOneTree('poll-oneoff', 'each beside what is ready', [
    ...OPENED,
    ...WAITS.flatMap((one) => [`poll_oneoff ${one} write 1`, `poll_oneoff write 1 ${one}`]),
  ]),
  inOneTree('poll-oneoff', 'many', [
    ...OPENED,
    'poll_oneoff x64 write 1',
    'poll_oneoff x1000 write 1',
    'poll_oneoff x1000 clock 1 0 -1 write 1',
    'poll_oneoff x500 write 1 x500 clock 0 0 -1',
    'poll_oneoff x999 write 1 write 99',
    'poll_oneoff x2000 write 20',
  ]),
  inOneTree('fd-seek', 'from everywhere to everywhere', [
    'path_open 4 1 f 0 66 0 0',
    ...[0, 1, 2, 3, 255]
      .flatMap((whence) =>
        SEEKS.flatMap((offset) => ['fd_seek 20 3 0', `fd_seek 20 ${offset} ${whence}`, 'fd_tell 20']),
      )
      .filter((call) => !/ (3|255)$/.test(call)),
  ]),
  inOneTree('fd-write', 'in append mode', [
    'path_open 4 1 f 0 66 0 1',
    'fd_write 20 A',
    'fd_tell 20',
    'fd_seek 20 0 0',
    'fd_write 20 B',
    'fd_tell 20',
    'fd_pwrite 20 C 0',
    'fd_tell 20',
    'fd_pread 20 20 0',
    'fd_seek 20 100 0',
    'fd_write 20 D',
    'fd_tell 20',
    'fd_fdstat_set_flags 20 0',
    'fd_seek 20 0 0',
    'fd_write 20 E',
    'fd_pwrite 20 F 2',
    'fd_fdstat_set_flags 20 1',
    'fd_write 20 %',
    'fd_tell 20',
    'fd_write 20 G',
    'fd_filestat_set_size 20 2',
    'fd_write 20 H',
    'fd_pread 20 20 0',
    'path_open 4 1 f 8 66 0 1',
    'fd_write 20 I',
    'fd_write 19 J',
    'fd_tell 20',
    'fd_tell 19',
    'fd_pread 20 20 0',
  ]),
  inOneTree('fd-filestat-set-times', 'values', [
    'show',
    'path_open 4 1 f 0 66 0 0',
    ...TIMES.flatMap((times) => [`fd_filestat_set_times 20 ${times} 5`, 'fd_filestat_get 20']),
    ...TIMES.flatMap((times) => [`path_filestat_set_times 4 1 f ${times} 5`, 'path_filestat_get 4 0 f']),
    ...TIMES.flatMap((times) => [`path_filestat_set_times 4 0 sub ${times} 5`, 'path_filestat_get 4 0 sub']),
  ]),
  inOneTree('path-filestat-set-times', 'flags', [
    ...Array.from({ length: 16 }, (_, flags) => flags).flatMap((flags) =>
      ['f', 'sub', 'nope', '.'].flatMap((path) =>
        [0, 1].map((follow) => `path_filestat_set_times 4 ${follow} ${path} 1000 2000 ${flags}`),
      ),
    ),
  ]),
  inOneTree(
    'clock-res-get',
    'each',
    [0, 1, 2, 3].map((id) => `clock_res_get ${id}`),
  ),
  inOneTree(
    'clock-time-get',
    'each',
    [0, 1, 2, 3].flatMap((id) => ['0', '1', '-1'].map((precision) => `clock_time_get ${id} ${precision}`)),
  ),
  inOneTree(
    'random-get',
    'sizes',
    [0, 1, 2, 7, 255, 256, 257, 4096, 65536, 1048577, 8388608].map((size) => `random_get ${size}`),
  ),
];

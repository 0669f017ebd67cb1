/** Devices, and two file systems below one directory: what ordinary files never answer, here and under wasmtime. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { PROBE } from './script.ts';
import { runInWasmtime, wasmtime } from './wasmtime.ts';

const OTHER_FILE_SYSTEM = '/dev/shm';
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(OTHER_FILE_SYSTEM, 'wasi-nn-host-devices-'));
  writeFileSync(join(scratch, 'f'), 'hello\n');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Each with its errno; wasmtime has no word for `xdev`, and says `io`. */
function calls(): readonly (readonly [call: string, errno: number])[] {
  const here = `shm/${basename(scratch)}`;
  return [
    ['path_open 3 1 full 0 66 0 0', ERRNO.success],
    ['fd_write 4 abc', ERRNO.nospc],
    ['fd_pwrite 4 abc 0', ERRNO.nospc],
    ['fd_read 4 3', ERRNO.success],
    ['fd_seek 4 5 0', ERRNO.success],
    ['fd_filestat_get 4', ERRNO.success],
    ['fd_fdstat_get 4', ERRNO.success],
    ['fd_filestat_set_size 4 3', ERRNO.inval],
    ['fd_advise 4 0 0 0', ERRNO.success],
    ['fd_allocate 4 0 3', ERRNO.notsup],
    ['fd_sync 4', ERRNO.inval],
    ['fd_datasync 4', ERRNO.inval],
    ['poll_oneoff write 4', ERRNO.success],
    ['path_open 3 1 null 8 66 0 0', ERRNO.success],
    ['fd_write 5 abc', ERRNO.success],
    ['fd_read 5 3', ERRNO.success],
    ['path_open 3 1 zero 0 2 0 0', ERRNO.success],
    ['fd_pread 6 3 100', ERRNO.success],
    ['path_open 3 1 null/ 0 2 0 0', ERRNO.notdir],
    ['path_open 3 1 null 5 66 0 0', ERRNO.exist],
    ['path_filestat_get 3 1 null', ERRNO.success],
    ['path_readlink 3 null 10', ERRNO.inval],
    ['path_create_directory 3 null', ERRNO.exist],
    ['path_remove_directory 3 null', ERRNO.notdir],
    [`path_open 3 1 ${here} 2 2 0 0`, ERRNO.success],
    ['path_rename 7 f 3 wasi-nn-host-none', ERRNO.xdev],
    ['path_link 7 0 f 3 wasi-nn-host-none', ERRNO.xdev],
    ['path_rename 3 wasi-nn-host-none 7 g', ERRNO.xdev],
    ['path_filestat_get 3 0 wasi-nn-host-none', ERRNO.noent],
  ];
}

function ours(): string {
  const preopen = { kind: 'host', hostPath: '/dev', guestPath: '/' } as const;
  return runGuest({ wasm: PROBE, args: ['guest.wasm', ...calls().map(([call]) => call)], preopens: [preopen] }).stdout;
}

it('are answered as wasmtime answered', () => {
  const answered = ours()
    .trimEnd()
    .split('\n')
    .map((line) => errnoName(Number(/errno=(\d+)/.exec(line)?.[1])));
  expect(calls().map(([call], index) => [call, answered[index]])).toEqual(
    calls().map(([call, errno]) => [call, errnoName(errno)]),
  );
});

it.skipIf(skipUnless(wasmtime))('are answered as the wasmtime here answers', () => {
  const peer = runInWasmtime(
    PROBE,
    '/dev',
    calls().map(([call]) => call),
  );
  expect(ours().replaceAll(`errno=${ERRNO.xdev}`, `errno=${ERRNO.io}`)).toBe(peer.stdout);
});

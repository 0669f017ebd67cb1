/** Devices, and two file systems below one directory: what ordinary files never answer, here and under wasmtime. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { type Requirement, skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { PROBE } from './script.ts';
import { ConformanceTable } from './table.ts';
import { runInWasmtime, wasmtime } from './wasmtime.ts';

const OTHER_FILE_SYSTEM = '/dev/shm';
const devices: Requirement = {
  met: areDevicesHere(),
  reason: `/dev has no full, null and zero, or ${OTHER_FILE_SYSTEM} is no file system of its own`,
  // Nothing that can be installed.
  isOptional: true,
};
const table = new ConformanceTable();
let scratch: string;

function areDevicesHere(): boolean {
  if (!['full', 'null', 'zero', 'shm'].every((name) => existsSync(`/dev/${name}`))) return false;
  return statSync(OTHER_FILE_SYSTEM).dev !== statSync('/dev').dev;
}

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

/** Where wasmtime has no word for the errno. */
function asPeerSays(errno: number): number {
  return errno === ERRNO.xdev ? ERRNO.io : errno;
}

describe.skipIf(skipUnless(devices))('calls on devices', () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(OTHER_FILE_SYSTEM, 'wasi-nn-host-devices-'));
    writeFileSync(join(scratch, 'f'), 'hello\n');
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('are answered as wasmtime answered', () => {
    const lines = ours().trimEnd().split('\n');
    const answered = lines.map((line) => errnoName(Number(/errno=(\d+)/.exec(line)?.[1])));
    expect(calls().map(([call], index) => [call, answered[index]])).toEqual(
      calls().map(([call, errno]) => [call, errnoName(errno)]),
    );
    const recorded = calls().map(([, errno], index) =>
      (lines[index] ?? '').replace(/errno=\d+/, `errno=${asPeerSays(errno)}`),
    );
    table.add(recorded.join('\n'), lines.join('\n'), 'recorded');
  });

  it.skipIf(skipUnless(wasmtime))('are answered as the wasmtime here answers', () => {
    const script = calls().map(([call]) => call);
    const [peer, output] = [runInWasmtime(PROBE, '/dev', script).stdout, ours()];
    table.add(peer, output, 'peer');
    expect(output.replaceAll(`errno=${ERRNO.xdev}`, `errno=${ERRNO.io}`)).toBe(peer);
  });

  it('are told in a table', ({ task }) => {
    task.meta.conformance = table.rows();
    expect(table.rows().length).toBeGreaterThan(0);
  });
});

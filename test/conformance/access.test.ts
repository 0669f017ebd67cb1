/**
 * What the modes of files and directories forbid, here and under wasmtime. Whoever is root is forbidden nothing: both run with
 * the rights of `nobody`, and this test needs root to become so.
 */
import type { StdioOptions } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import { type Requirement, skipUnless } from '../support/requirements.ts';
import { runGuest } from '../support/run-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { PROBE } from './script.ts';
import { ConformanceTable } from './table.ts';
import { runInWasmtime, wasmtime } from './wasmtime.ts';

/** A user and a group that own nothing. */
const NOBODY = { uid: 65534, gid: 65534 } as const;
const root: Requirement = {
  met: process.platform === 'linux' && process.getuid?.() === 0,
  reason: 'only root can run as another user',
  // Whoever tests as an ordinary user is not expected to become root.
  isOptional: true,
};
const newDirectory = temporaryDirectories();
const table = new ConformanceTable();

/** Each in a directory of its own, with a file `f` that is everybody's. */
const DIRECTORY_MODES = {
  open: 0o777,
  closed: 0o700,
  'no-exec': 0o766,
  'no-read': 0o733,
  'no-write': 0o755,
  sticky: 0o1777,
} as const;
const FILE_MODES = { closed: 0o600, 'read-only': 0o644, 'write-only': 0o622, full: 0o666 } as const;

/** The directories and, in `open`, the files, root's all but `mine`. */
function makeTree(): string {
  const tree = newDirectory();
  for (const [name, mode] of Object.entries(DIRECTORY_MODES)) {
    mkdirSync(join(tree, name));
    writeWithMode(join(tree, name, 'f'), 0o666);
    mkdirSync(join(tree, name, 'd'));
    chmodSync(join(tree, name), mode);
  }
  for (const [name, mode] of Object.entries(FILE_MODES)) writeWithMode(join(tree, 'open', name), mode);
  writeWithMode(join(tree, 'sticky', 'mine'), 0o600);
  writeWithMode(join(tree, 'open', 'mine'), 0);
  for (const name of ['open', 'sticky']) chownSync(join(tree, name, 'mine'), NOBODY.uid, NOBODY.gid);
  for (const path of [tree, dirname(tree)]) chmodSync(path, 0o755);
  return tree;
}

function writeWithMode(path: string, mode: number): void {
  writeFileSync(path, 'text');
  chmodSync(path, mode);
}

const READ = 2;
const WRITE = 64;
const BOTH = READ | WRITE;
const { success, acces, perm } = ERRNO;

/** Each with its errno. Modes are heeded when a name is looked up, so that what follows an open is the descriptor's matter. */
const CALLS: readonly (readonly [call: string, errno: number])[] = [
  [`path_open 3 1 closed 2 ${READ} 0 0`, acces],
  [`path_open 3 1 closed/f 0 ${READ} 0 0`, acces],
  ['path_filestat_get 3 1 closed', success],
  ['path_filestat_get 3 1 closed/f', acces],
  ['path_filestat_get 3 1 closed/nope', acces],
  ['path_create_directory 3 closed/new', acces],
  ['path_readlink 3 closed/f 10', acces],
  [`path_open 3 1 no-exec/f 0 ${READ} 0 0`, acces],
  ['path_filestat_get 3 0 no-exec/f', acces],
  ['path_unlink_file 3 no-exec/f', acces],
  ['path_remove_directory 3 no-exec/d', acces],
  [`path_open 3 1 no-read 2 ${READ} 0 0`, acces],
  [`path_open 3 1 no-read/f 0 ${BOTH} 0 0`, success],
  ['path_filestat_get 3 1 no-read/f', success],
  ['path_create_directory 3 no-read/new', success],
  ['path_remove_directory 3 no-read/new', success],
  [`path_open 3 1 no-write/new 1 ${WRITE} 0 0`, acces],
  [`path_open 3 1 no-write/f 0 ${BOTH} 0 0`, success],
  ['path_create_directory 3 no-write/new', acces],
  ['path_create_directory 3 no-write/d', ERRNO.exist],
  ['path_symlink f 3 no-write/new', acces],
  ['path_link 3 0 open/full 3 no-write/new', acces],
  ['path_unlink_file 3 no-write/f', acces],
  ['path_unlink_file 3 no-write/nope', ERRNO.noent],
  ['path_remove_directory 3 no-write/d', acces],
  ['path_rename 3 no-write/f 3 open/new', acces],
  ['path_rename 3 open/f 3 no-write/new', acces],
  ['path_unlink_file 3 sticky/f', perm],
  ['path_remove_directory 3 sticky/d', perm],
  ['path_rename 3 sticky/f 3 sticky/new', perm],
  ['path_rename 3 open/f 3 sticky/f', perm],
  ['path_rename 3 sticky/mine 3 sticky/new', success],
  ['path_unlink_file 3 sticky/new', success],
  [`path_open 3 1 open/closed 0 ${READ} 0 0`, acces],
  [`path_open 3 1 open/closed 8 ${WRITE} 0 0`, acces],
  [`path_open 3 1 open/read-only 0 ${READ} 0 0`, success],
  [`path_open 3 1 open/read-only 0 ${BOTH} 0 0`, acces],
  [`path_open 3 1 open/read-only 8 ${WRITE} 0 0`, acces],
  [`path_open 3 1 open/write-only 0 ${READ} 0 0`, acces],
  [`path_open 3 1 open/write-only 0 ${WRITE} 0 0`, success],
  [`path_open 3 1 open/mine 0 ${READ} 0 0`, acces],
  [`path_open 3 1 open/closed 5 ${WRITE} 0 0`, ERRNO.exist],
  ['path_filestat_set_times 3 1 open/mine 5 6 5', success],
  ['path_filestat_set_times 3 1 open/full 5 6 5', perm],
  // wasmtime reads the clock itself, and so asks for what only the owner may.
  ['path_filestat_set_times 3 1 open/full 0 0 10', perm],
  ['path_filestat_set_times 3 1 open/read-only 0 0 10', perm],
  ['path_filestat_set_times 3 1 open/full 0 0 10', perm],
  ['path_filestat_set_times 3 1 open/read-only 0 0 10', perm],
  ['fd_filestat_set_times 6 0 0 10', perm],
  ['path_link 3 0 open/closed 3 open/new', perm],
  ['path_unlink_file 3 open/closed', success],
];
const SCRIPT = CALLS.map(([call]) => call);

/** With the rights of nobody in this process, whose own are root's before and after it. */
function ours(fs?: NativeFs): string {
  const preopens = [{ kind: 'host', hostPath: makeTree(), guestPath: '/' }] as const;
  const run = {
    wasm: new Uint8Array(readFileSync(PROBE)),
    args: ['guest.wasm', ...SCRIPT],
    preopens,
    ...(fs && { fs }),
  };
  loadAddon();
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(NOBODY.gid);
  process.seteuid?.(NOBODY.uid);
  try {
    return withoutTimes(runGuest(run).stdout);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

/** Opened by root, since the way to the program need not be open to others; its libraries are not needed for files. */
function theirs(): string {
  const directory = newDirectory();
  copyFileSync(PROBE, join(directory, 'probe.wasm'));
  for (const path of [directory, dirname(directory)]) chmodSync(path, 0o755);
  const cache = join(directory, 'cache');
  mkdirSync(cache);
  chownSync(cache, NOBODY.uid, NOBODY.gid);
  const fd = openSync(wasmtime.path, 'r');
  try {
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', fd];
    const options = { ...NOBODY, stdio, env: { ...wasmtime.env, XDG_CACHE_HOME: cache } };
    const how = { program: '/proc/self/fd/3', options };
    const result = runInWasmtime(join(directory, 'probe.wasm'), makeTree(), SCRIPT, how);
    expect([result.exitCode, result.stderr]).toEqual([0, '']);
    return withoutTimes(result.stdout);
  } finally {
    closeSync(fd);
  }
}

/** Of files that were made anew for each run. */
function withoutTimes(output: string): string {
  return output.replaceAll(/ (ino|[acm]tim)=\d+/g, '').trimEnd();
}

function errnosOf(output: string): string[] {
  return output.split('\n').map((line) => errnoName(Number(/errno=(\d+)/.exec(line)?.[1])));
}

/** The lines as wasmtime answered them: with its errnos. */
function asRecorded(output: string): string {
  const lines = output.split('\n');
  return lines.map((line, index) => line.replace(/errno=\d+/, `errno=${CALLS[index]?.[1]}`)).join('\n');
}

it.skipIf(skipUnless(root)).each([
  ['openat2', () => ours()],
  [
    'the walk by components',
    () => {
      loadAddon().fs?.setResolver(true);
      try {
        return ours();
      } finally {
        loadAddon().fs?.setResolver(false);
      }
    },
  ],
  ['the file calls of Node', () => ours(createNodeFs())],
] as const)('are answered as wasmtime answered, over %s', (name, run) => {
  const output = run();
  expect(SCRIPT.map((call, index) => [call, errnosOf(output)[index]])).toEqual(
    CALLS.map(([call, errno]) => [call, errnoName(errno)]),
  );
  if (name === 'openat2') table.add(asRecorded(output), output, 'recorded');
});

it.skipIf([root, wasmtime].some(skipUnless))('are answered as the wasmtime here answers', () => {
  const [peer, output] = [theirs(), ours()];
  table.add(peer, output, 'peer');
  expect(output.split('\n')).toEqual(peer.split('\n'));
});

it('are told in a table', ({ task }) => {
  task.meta.conformance = table.rows();
  expect(table.rows().length > 0).toBe(root.met);
});

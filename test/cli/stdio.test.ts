/**
 * Standard streams of the process in every form that a shell or a terminal gives them: what a guest sees of them, and how it
 * ends. `expected-stdio.json` holds what wasmtime answered, with its version. To record anew:
 * `RECORD=1 npx vitest run --config test/vitest.config.ts test/cli/stdio.test.ts`.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/wasi/errno.ts';
import { PROBE } from '../conformance/script.ts';
import { RUN } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { findWasmtime } from '../support/wasmtime.ts';

const directory = temporaryDirectories();
const wasmtime = findWasmtime();
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const EXPECTED = here('expected-stdio.json');

interface Ended {
  exitCode: number | null;
  signal: string | number | null;
  stdout: string;
  stderr: string;
}

/** How a guest is run: by our command line, or by wasmtime's. */
interface Program {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
}

const OURS: Program = { argv: [process.execPath, RUN, 'run'], env: process.env };
const PEER: Program = { argv: [wasmtime.path, 'run'], env: wasmtime.env };

const READING = ['fd_fdstat_get 0', 'fd_filestat_get 0', 'fd_tell 0', 'fd_pread 0 3 0', 'poll_oneoff read 0'];
const READ = [...READING, 'fd_read 0 3', 'fd_read 0 100', 'fd_read 0 100'];
const WRITING = ['fd_fdstat_get 1', 'fd_filestat_get 1', 'fd_tell 1', 'fd_pwrite 1 x 0', 'poll_oneoff write 1'];
const WRITE = ['print 2', ...WRITING, 'fd_write 1 abc', 'fd_write 1 def,ghi', 'fd_write 1 %'];
const FLAGS = ['fd_fdstat_set_flags 0 4', 'fd_fdstat_set_flags 1 4', 'fd_fdstat_set_flags 2 1'];
const CLOCK = 'clock 1 0 1000000';

/** A line of a shell with RUN in it, and the calls of the guest. `file` holds a few lines, `out` nothing. */
const LINES: readonly [line: string, calls: readonly string[], options?: readonly string[]][] = [
  ...['< file', '< /dev/null', '<&-', '0<> file', '0<> /dev/null', '0> out'].map((line): [string, string[]] => [
    `RUN ${line}`,
    READ,
  ]),
  // A directory says what it is once, and is at its end.
  ['RUN < .', [...READING, 'fd_read 0 3', 'fd_read 0 3', 'fd_read 0 3']],
  ['RUN < /dev/full', ['fd_read 0 2', 'fd_read 0 2']],
  ['cat file | RUN', READ.filter((call) => !call.startsWith('poll'))],
  // A pipe that somebody could write to, and nobody does.
  ['mkfifo pipe; exec 3<> pipe; RUN < pipe', [`poll_oneoff ${CLOCK} read 0`, 'fd_fdstat_get 0']],
  ['true | RUN', ['poll_oneoff read 0', 'fd_read 0 3', `poll_oneoff ${CLOCK} read 0`]],
  ['RUN < /dev/null', FLAGS],
  ['RUN < file', ['fd_read 0 2,4', 'fd_read 0 0,3']],
  ...['> /dev/null', '>&-', '>> file; cat file', '> out; cat out', '1<> file; cat file'].map(
    (line): [string, string[]] => [`RUN ${line} < /dev/null`.replace(/(;.*) (<.*)/, ' $2$1'), WRITE],
  ),
  ['RUN > /dev/full < /dev/null', [...WRITE.slice(0, 1), 'fd_write 1 abc', 'fd_write 1 %']],
  ['RUN > out 2>&1 < /dev/null; cat out', ['fd_write 1 a', 'fd_write 2 b', 'fd_write 1 c']],
  ['RUN 2>&- < /dev/null', ['fd_write 2 a', 'fd_fdstat_get 2']],
  ['RUN 2> /dev/full < /dev/null', ['fd_write 2 a', 'fd_fdstat_get 2']],
  ['RUN >&- 2>&- <&-', ['fd_write 1 a', 'fd_write 2 a', 'fd_read 0 1', 'proc_exit 3']],
  ['RUN < file > file2; cat file2', READ],
  ['RUN < file | cat', ['fd_write 1 abc', 'fd_read 0 3']],
  ...['stdin=n', 'stdin=y', 'stdin', 'stdout=n', 'stderr=n', 'stdin=n,inherit-stdout=n,inherit-stderr=n'].map(
    (key): [string, string[], string[]] => [
      'RUN < file',
      [...READ, 'fd_write 1 a', 'fd_write 2 b', 'fd_fdstat_get 1', 'fd_fdstat_get 2', 'fd_filestat_get 2'],
      ['-S', `inherit-${key}`],
    ],
  ),
];

const titleOf = (line: string, options: readonly string[] = []) => [...options, line].join(' ');

function shell({ argv, env }: Program, line: string, calls: readonly string[], options: readonly string[] = []): Ended {
  const cwd = directory();
  writeFileSync(join(cwd, 'file'), 'hello\nworld\n');
  writeFileSync(join(cwd, 'out'), '');
  const words = [...argv, ...options, '--argv0=guest.wasm', PROBE, ...calls];
  const script = line.replace('RUN', '"$@"');
  const result = spawnSync('bash', ['-c', script, 'bash', ...words], { cwd, env, encoding: 'latin1', timeout: 50_000 });
  if (result.error) throw result.error;
  const { status, signal, stdout, stderr } = result;
  return { exitCode: status, signal, stdout, stderr };
}

interface Step {
  await: string;
  type?: string;
  signal?: number;
}

const LOOP = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\02\\00\\00\\00go")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
    (loop $forever (br $forever))))`;

/** What the guest says when it has written a prompt, before it reads. */
function prompted(name: string): string {
  return `${name}> errno=0 n=2\r\n`;
}

const WAITS: readonly [what: string, calls: string[]][] = [
  ['a read', ['fd_write 1 go', 'fd_read 0 100']],
  ['a poll', ['fd_write 1 go', 'poll_oneoff read 0']],
  ['a sleep', ['fd_write 1 go', 'poll_oneoff clock 1 0 1000000000000']],
  ['a loop', []],
];

const INTERRUPTIONS: readonly [title: string, how: Omit<Step, 'await'>][] = [
  ['Ctrl-C', { type: '\u0003' }],
  ['Ctrl-\\', { type: '\u001c' }],
  ['SIGTERM', { signal: osConstants.signals.SIGTERM }],
  ['SIGHUP', { signal: osConstants.signals.SIGHUP }],
];

/** What a guest does on a terminal, and what is typed there. Without calls it is one that never ends. */
const SESSIONS: readonly [title: string, calls: readonly string[], steps: readonly Step[]][] = [
  [
    'lines',
    [...READING.slice(0, 4), ...WRITING, 'fd_fdstat_get 2', ...['a', 'b', 'c'].flatMap(prompt)],
    [
      { await: prompted('a'), type: 'one\n' },
      { await: prompted('b'), type: 'two, ü\n' },
      { await: prompted('c'), type: '\u0004' },
    ],
  ],
  [
    'a line in pieces, and the end within one',
    ['fd_write 1 a>', 'fd_read 0 2', 'fd_read 0 100', ...prompt('b'), ...prompt('c')],
    [
      { await: prompted('a'), type: 'one\n' },
      { await: prompted('b'), type: 'half\u0004' },
      { await: prompted('c'), type: '\u0004' },
    ],
  ],
  [
    'waiting for a line',
    ['fd_write 1 a>', 'poll_oneoff read 0', 'fd_read 0 100', `poll_oneoff ${CLOCK} read 0`],
    [{ await: prompted('a'), type: 'one\n' }],
  ],
  ...INTERRUPTIONS.flatMap(([title, how]) =>
    WAITS.map(([what, calls]): [string, string[], Step[]] => [`${title} in ${what}`, calls, [{ await: 'go', ...how }]]),
  ),
];

function prompt(name: string): string[] {
  return [`fd_write 1 ${name}>`, 'fd_read 0 100'];
}

interface Session {
  output: string;
  exitCode: number | null;
  signal: number | null;
}

function terminal({ argv, env }: Program, calls: readonly string[], steps: readonly Step[], options: string[] = []) {
  const module = calls.length > 0 ? PROBE : join(directory(), 'loop.wat');
  if (calls.length === 0) writeFileSync(module, LOOP);
  const words = [...argv, ...options, '--argv0=guest.wasm', module, ...calls];
  const input = JSON.stringify({ argv: words, steps });
  const result = spawnSync('python3', [here('terminal.py')], { env, input, encoding: 'utf8', timeout: 55_000 });
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as Session;
}

/** Where a signal ends the guest, what it had still written is a matter of luck. */
function withoutInterrupted({ output, ...ending }: Session): Partial<Session> {
  return ending.signal === null ? { output, ...ending } : ending;
}

/** What wasmtime answered. */
interface Expected {
  version: string;
  lines: Record<string, Ended>;
  sessions: Record<string, Session>;
}

if (process.env.RECORD) {
  it('records', { timeout: 600_000 }, () => {
    const version = spawnSync(PEER.argv[0] ?? '', ['--version'], { encoding: 'utf8', env: PEER.env }).stdout.trim();
    const lines = LINES.map(([line, calls, options]) => [
      titleOf(line, options) + calls,
      shell(PEER, line, calls, options),
    ]);
    const sessions = SESSIONS.map(([title, calls, steps]) => [title, terminal(PEER, calls, steps)]);
    const record = { version, lines: Object.fromEntries(lines), sessions: Object.fromEntries(sessions) };
    writeFileSync(EXPECTED, `${JSON.stringify(record, null, 2)}\n`);
  });
}

const expected = JSON.parse(readFileSync(EXPECTED, 'utf8')) as Expected;
const python = {
  met: spawnSync('python3', ['-c', 'import pty']).status === 0,
  reason: 'there is no python3 to make terminals',
};

describe('a line of a shell', () => {
  it.each(LINES)('%s', (line, calls, options = []) => {
    const ended = expected.lines[titleOf(line, options) + calls];
    expect(ended).toBeDefined();
    expect(shell(OURS, line, calls, options)).toEqual(ended);
  });
});

it('counts what was written before a file was as long as it may be', () => {
  const calls = ['print 2', ...Array(3).fill(`fd_write 1 ${'a'.repeat(3000)}`)];
  const { stdout, stderr } = shell(OURS, 'ulimit -f 1; RUN > out < /dev/null; wc -c < out', calls);
  expect(stderr.match(/(?<=-> ).*/g)).toEqual(['errno=0 n=1024', `errno=${ERRNO.fbig}`, `errno=${ERRNO.fbig}`]);
  expect(Number(stdout)).toBe(1024);
});

describe.skipIf(skipUnless(python)).each([
  ['as it is', []],
  ['with a time limit', ['-W', 'timeout=1000s']],
])('on a terminal, %s', (_, watching) => {
  it.each(SESSIONS)('%s', (title, calls, steps) => {
    const session = expected.sessions[title];
    expect(session).toBeDefined();
    const ended = terminal(OURS, calls, steps, watching);
    expect(withoutInterrupted(ended)).toEqual(withoutInterrupted(session as Session));
  });
});

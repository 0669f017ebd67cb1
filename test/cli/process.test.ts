import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cliProcess, RUN } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { findWasmtime } from '../support/wasmtime.ts';

const directory = temporaryDirectories();
const wat = (name: string) => fileURLToPath(new URL(`../../fixtures/guests/wat/${name}.wat`, import.meta.url));

/** A module of this text, in a file. */
function file(text: string, name = 'm.wat'): string {
  const path = join(directory(), name);
  writeFileSync(path, text);
  return path;
}

const WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))';
const LINE = '(memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\05\\00\\00\\00line\\n")';
const PRINT = '(drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))';

describe('exit codes', () => {
  it.each([0, 1, 3, 125])('of the guest: %i', (code) => {
    expect(cliProcess(['run', wat('exit'), String(code)])).toEqual({
      exitCode: code,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });

  it.each<[string[], number, RegExp]>([
    [['run', wat('exit'), '126'], 1, /exit with invalid exit status/],
    [['run', wat('trap')], 134, /wasm trap: wasm `unreachable` instruction executed\n$/],
    [['run', wat('recursion')], 134, /wasm trap: call stack exhausted\n$/],
    [['run', 'missing.wasm'], 1, /^Error: failed to open wasm module "missing\.wasm"/],
    [['run', wat('unknown-import')], 1, /`nowhere::nothing` has not been defined\n$/],
    [['run', '--no-such', wat('exit')], 2, /^error: unknown option/],
    [[], 2, /^error: a module to run is missing/],
  ])('%j: %i', (argv, exitCode, stderr) => {
    expect(cliProcess(argv)).toEqual({ exitCode, signal: null, stdout: '', stderr: expect.stringMatching(stderr) });
  });
});

describe('a machine without OpenVINO', () => {
  const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));
  const argv = (...options: string[]) => [
    ...['run', '-S', 'nn', '--openvino-dir', directory(), '--dir', `${fixtures}digits::fixture`, ...options],
    `${fixtures}classify.wasm`,
  ];

  it.each<[string[]]>([[[]], [['-W', 'timeout=60s']]])('tells once what to do, unasked: %j', (options) => {
    const { exitCode, stdout, stderr } = cliProcess(argv(...options));
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Read graph XML/);
    expect(stderr.match(/^wasi-nn: load: .*$/gm)).toEqual([
      expect.stringContaining('no OpenVINO at the place you named'),
    ]);
  });

  it('runs a guest that does not infer', () => {
    expect(cliProcess(['run', '-S', 'nn', '--openvino-dir', directory(), wat('exit'), '3']).exitCode).toBe(3);
  });
});

describe('a time limit', () => {
  it('ends a guest that does not end, with what it wrote before', () => {
    const module = file(`(module ${WRITE} ${LINE} (func (export "_start") ${PRINT} (loop $l (br $l))))`);
    const started = process.hrtime.bigint();
    const { exitCode, stdout, stderr } = cliProcess(['run', '-W', 'timeout=2s', module]);
    expect([exitCode, stdout]).toEqual([134, 'line\n']);
    expect(stderr).toMatch(/^Error: failed to run main module .*\n\nCaused by:\n.*\n.*wasm trap: interrupt\n$/);
    expect(process.hrtime.bigint() - started).toBeGreaterThan(2_000_000_000n);
  });

  it.each([
    ['0', 134],
    ['1h', 2],
    ['60s', 5],
    ['99999999999', 5],
  ])('of %s: %i', (text, exitCode) => {
    expect(cliProcess(['run', '-W', `timeout=${text}`, wat('exit'), '5']).exitCode).toBe(exitCode);
  });

  it('leaves the guest its streams, arguments and exit code', () => {
    const argv = ['run', '-W', 'timeout=60s', '--env', 'A=1', wat('echo'), 'word'];
    const watched = cliProcess(argv, { input: 'from stdin' });
    expect(watched).toEqual(
      cliProcess(
        argv.filter((word) => !/timeout|-W/.test(word)),
        { input: 'from stdin' },
      ),
    );
    expect(watched.stdout).toContain('from stdin');
  });

  it('does not hide a trap or a failure to link', () => {
    const limited = (name: string) => cliProcess(['run', '-W', 'timeout=60s', wat(name)]);
    expect(limited('trap')).toEqual(cliProcess(['run', wat('trap')]));
    expect(limited('unknown-import')).toEqual(cliProcess(['run', wat('unknown-import')]));
  });
});

describe('a deeper stack', () => {
  const depth = (calls: number) => `(module (func $f (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0))))
    (func (export "f") (result i32) (call $f (i32.const ${calls}))))`;

  it('lets a guest call deeper than without', () => {
    const module = file(depth(200_000));
    expect(cliProcess(['run', '--invoke', 'f', module]).exitCode).toBe(134);
    const argv = ['run', '-W', 'max-wasm-stack=67108864', '--invoke', 'f', module];
    expect(cliProcess(argv)).toMatchObject({ exitCode: 0, stdout: '200000\n' });
  });

  it.each([1, 524_288, 600_000])('of %i bytes traps where it is used up', (byteLength) => {
    const argv = ['run', '-W', `max-wasm-stack=${byteLength}`, wat('recursion')];
    expect(cliProcess(argv)).toMatchObject({ exitCode: 134, stderr: expect.stringContaining('call stack exhausted') });
  });
});

describe('streams', () => {
  it('pass any bytes and any amount', () => {
    const { exitCode, stdout } = cliProcess(['run', wat('write-bytes'), '1000003']);
    expect([exitCode, stdout.length]).toEqual([0, 1_000_003]);
  });

  it('that are closed early are a failed write to the guest, not a signal', async () => {
    const module = file(`(module ${WRITE} (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) ${LINE}
      (func (export "_start")
        (loop $l (br_if $l (i32.eqz (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))
        (call $exit (i32.const 9))))`);
    const child = spawn(process.execPath, [RUN, 'run', module], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    expect([code, signal]).toEqual([9, null]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends the process as it does by default', async (signal) => {
    const module = file(`(module ${WRITE} ${LINE} (func (export "_start") ${PRINT} (loop $l (br $l))))`);
    const child = spawn(process.execPath, [RUN, 'run', module], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'readable');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([null, signal]);
  });

  it('may be a file, which holds everything when the process has ended', () => {
    const path = join(directory(), 'out');
    const fd = openSync(path, 'w');
    try {
      cliProcess(['run', wat('write-bytes'), '300000'], { stdio: ['ignore', fd, 'inherit'] });
    } catch {
      // Nothing was captured, as asked for.
    }
    closeSync(fd);
    expect(readFileSync(path)).toHaveLength(300_000);
  });

  it('take a module from stdin', () => {
    const input = readFileSync(wat('add'));
    expect(cliProcess(['run', '--invoke', 'add', '-', '3', '4'], { input })).toMatchObject({
      exitCode: 0,
      stdout: '7\n',
    });
  });
});

describe('a checkout that is not built', () => {
  it('is told how to build', () => {
    const folder = directory();
    copyFileSync(RUN, join(folder, 'run.js'));
    mkdirSync(join(folder, 'empty'));
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'run.js'), 'm.wasm'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^wasi-nn-host is not built: .*; run "npm run build" .*\n$/);
  });
});

const RUN_FILES = ['run.js', 'package.json', 'dist/cli.js', 'dist/command-line.js', 'dist/command-line-apart.js'];

/** A copy of what is needed to start, in a folder of its own. */
function installation(): string {
  const folder = directory();
  mkdirSync(join(folder, 'dist'));
  for (const name of RUN_FILES) copyFileSync(new URL(`../../${name}`, import.meta.url), join(folder, name));
  return folder;
}

describe('an installation without the addon', () => {
  const LACK = 'this machine lacks make: install it';
  const NONE_SHIPPED = `none is shipped for ${process.platform}-${process.arch}: run "npx wasi-nn-host setup"`;
  const run = (folder: string, ...argv: string[]) =>
    spawnSync(process.execPath, [join(folder, 'run.js'), ...argv], { encoding: 'utf8' });

  it.each([
    ['that was tried', LACK, LACK],
    ['that was never tried', undefined, NONE_SHIPPED],
  ])('%s says at its first use what is missing, in one line', (_, left, told) => {
    const folder = installation();
    mkdirSync(join(folder, 'native', 'build'), { recursive: true });
    if (left !== undefined) writeFileSync(join(folder, 'native', 'build', 'why-not-built.txt'), left);
    const digits = fileURLToPath(new URL('../../fixtures/digits', import.meta.url));
    const guest = run(
      folder,
      fileURLToPath(new URL('../../fixtures/classify.wasm', import.meta.url)),
      '--dir',
      `${digits}::fixture`,
    );
    expect(guest.status).toBe(1);
    expect(guest.stderr).toContain(`wasi-nn: load: the native addon is not built: ${told} (errno 5, runtime_error)\n`);
    const { status, stdout } = run(folder, 'doctor');
    expect(status).toBe(1);
    expect(stdout.match(/^native addon +(.*)$/m)?.[1]).toBe(`not built: ${told}`);
    expect(stdout).toContain(`Guests cannot run inference here: the native addon is not built: ${told}.\n`);
  });
});

describe('the code that V8 compiled', () => {
  const version = (folder: string) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'run.js'), '--version'], {
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const ANSWER = { status: 0, stdout: expect.stringMatching(/^wasi-nn-host \d/), stderr: '' };

  it('is kept for the next start, once', () => {
    const folder = installation();
    expect(version(folder)).toEqual(ANSWER);
    const kept = join(folder, 'dist', 'code-cache');
    const [file = '', ...others] = readdirSync(kept);
    expect([file, others]).toEqual([expect.stringContaining(process.versions.v8), []]);
    const { mtimeMs } = statSync(join(kept, file));
    expect(version(folder)).toEqual(ANSWER);
    expect([readdirSync(kept), statSync(join(kept, file)).mtimeMs]).toEqual([[file], mtimeMs]);
  });

  it('is done without where it cannot be kept', () => {
    const folder = installation();
    writeFileSync(join(folder, 'dist', 'code-cache'), 'no folder');
    expect(version(folder)).toEqual(ANSWER);
    expect(version(folder)).toEqual(ANSWER);
  });

  it('is done without where it was cut off', () => {
    const folder = installation();
    version(folder);
    const [file = ''] = readdirSync(join(folder, 'dist', 'code-cache'));
    for (const byteLength of [0, 10, 1000]) {
      truncateSync(join(folder, 'dist', 'code-cache', file), byteLength);
      expect(version(folder)).toEqual(ANSWER);
    }
  });
});

const wasmtime = findWasmtime();

describe.skipIf(skipUnless(wasmtime))('the same command line under wasmtime', () => {
  const peer = (argv: readonly string[]) => {
    const { status, stdout } = spawnSync(wasmtime.path, ['run', ...argv], { env: wasmtime.env, input: '' });
    return { exitCode: status, stdout: stdout.toString('latin1') };
  };
  const here = (argv: readonly string[]) => {
    const { exitCode, stdout } = cliProcess(['run', ...argv]);
    return { exitCode, stdout };
  };
  const preload = () => {
    const lib = file(
      '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))',
      'lib.wat',
    );
    const main = file(`(module (import "lib" "add" (func $add (param i32 i32) (result i32)))
      (func (export "go") (result i32) (call $add (i32.const 3) (i32.const 4))))`);
    return ['--preload', `lib=${lib}`, '--invoke', 'go', main];
  };
  const reactor = () =>
    file(
      '(module (global $g (mut i32) (i32.const 1)) (func (export "_initialize") (global.set $g (i32.const 5))) (func (export "get") (result i32) (global.get $g)))',
    );

  it.each<[title: string, argv: () => string[]]>([
    ['nothing to start', () => [file('(module)')]],
    ['an empty file', () => [file('')]],
    ['a start that returns', () => [file('(module (func (export "_start") (result i32) (i32.const 7)))')]],
    ['a start with parameters', () => [file('(module (func (export "_start") (param i32)))')]],
    ['a trap in the start function', () => [file('(module (func $s unreachable) (start $s))')]],
    ['a trap in _initialize', () => [file('(module (func (export "_initialize") unreachable))')]],
    ['a data segment out of bounds', () => [file('(module (memory 1) (data (i32.const 65536) "a"))')]],
    ['a reactor', () => ['--invoke', 'get', reactor()]],
    ['an exception', () => [file('(module (tag $t) (func (export "_start") (throw $t)))')]],
    [
      'a wrong type of import',
      () => [file('(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i64))))')],
    ],
    [
      'an unknown import that is not called',
      () => ['-W', 'unknown-imports-trap', file('(module (import "a" "b" (func)))')],
    ],
    ['an unknown import that is', () => ['-W', 'unknown-imports-trap', wat('unknown-import')]],
    ['an unknown import that returns zero', () => ['-W', 'unknown-imports-default', wat('unknown-import')]],
    ['an import from a preload', preload],
    ['a preload that is not there', () => ['--preload', 'a=missing.wasm', wat('exit')]],
    ['a preload without a name', () => ['--preload', 'missing.wasm', wat('exit')]],
    ['too many arguments', () => ['--invoke', 'add', wat('add'), '1', '2', '3']],
    [
      'references',
      () => [
        '--invoke',
        'f',
        file('(module (func (export "f") (result funcref externref) (ref.null func) (ref.null extern)))'),
      ],
    ],
    ['a table above its limit', () => ['-W', 'max-table-elements=2', file('(module (table 3 funcref))')]],
    ['too many instances', () => ['-W', 'max-instances=0', file('(module)')]],
    ['too many memories', () => ['-W', 'max-memories=0', wat('exit')]],
    ['memory at its limit', () => ['-W', 'max-memory-size=65536', wat('exit'), '3']],
    ['memory above its limit', () => ['-W', 'max-memory-size=65535', wat('exit'), '3']],
    ...[
      'cli=n',
      'common=n',
      'preview0=n',
      'http',
      'tls',
      'config',
      'keyvalue',
      'threads',
      'listenfd',
      'tcp=n',
      'p3',
      'nn=x',
    ].map((key): [string, () => string[]] => [`-S ${key}`, () => ['-S', key, wat('exit'), '3']]),
    ...['timeout', 'timeout=1m', 'max-memory-size=1k', 'component-model=n', 'all-proposals'].map(
      (key): [string, () => string[]] => [`-W ${key}`, () => ['-W', key, wat('exit'), '3']],
    ),
    ['-O opt-level=9', () => ['-O', 'opt-level=9', wat('exit')]],
    ['-O opt-level=s', () => ['-Oopt-level=s', wat('exit'), '3']],
    ['-C compiler=winch', () => ['-C=compiler=winch', wat('exit'), '3']],
    ...['x86_64-unknown-linux-gnu', 'x86_64-unknown-linux-musl', 'x86_64', 'aarch64', 'x86', ''].map(
      (target): [string, () => string[]] => [`--target=${target}`, () => [`--target=${target}`, wat('exit'), '3']],
    ),
    ['--argv0 twice', () => ['--argv0', 'a', '--argv0', 'b', wat('exit')]],
    ['--version', () => ['--version']],
    ['-- before the module', () => ['--', wat('exit'), '3']],
  ])('%s: the same exit code and stdout', (_, argv) => {
    const words = argv();
    expect(here(words)).toEqual(peer(words));
  });
});

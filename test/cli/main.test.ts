import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { cli } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const fixture = (path: string) => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));
const wat = (name: string) => fixture(`guests/wat/${name}.wat`);

/** A module of this text, in a file. */
function file(text: string | Uint8Array, name = 'm.wat'): string {
  const path = join(directory(), name);
  writeFileSync(path, text);
  return path;
}

describe('a guest that ends well', () => {
  it('gets arguments, environment and stdin', async () => {
    const argv = ['--env', 'A=1', '--env', 'SET', '--env', 'UNSET', wat('echo'), '--', 'x', '--dir'];
    const { exitCode, stdout, stderr } = await cli(argv, { SET: 'of the host', OTHER: 'not given' }, 'from stdin');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toContain('echo.wat');
    expect(stdout).toContain('--dir');
    expect(stdout).toContain('A=1');
    expect(stdout).toContain('SET=of the host');
    expect(stdout).toContain('from stdin');
    expect(stdout).not.toMatch(/UNSET|OTHER/);
  });

  it('gets all variables on demand, those of the command line behind them', async () => {
    const { stdout } = await cli(['-S', 'inherit-env', '--env', 'B=2', wat('echo')], { A: '1', B: '1' });
    expect(stdout).toMatch(/A=1[\s\S]*B=1[\s\S]*B=2/);
  });

  it('is called as it is told to be', async () => {
    expect((await cli(['--argv0', 'other', wat('echo')])).stdout).toContain('other');
    expect((await cli(['--argv0', 'other', wat('echo')])).stdout).not.toContain('echo.wat');
  });

  it.each([
    [['run', '-S', 'inherit-stdout=n', wat('write-bytes'), '10'], 0],
    [['run', wat('write-bytes'), '10'], 10],
  ])('%j writes %i bytes', async (argv, length) => {
    expect((await cli(argv)).stdout).toHaveLength(length);
  });

  it.each([0, 1, 125])('exits with %i', async (code) => {
    expect(await cli(['run', wat('exit'), String(code)])).toEqual({ exitCode: code, stdout: '', stderr: '' });
  });

  it('has its results printed one on a line', async () => {
    const argv = ['--invoke', 'mixed', wat('invoke'), '--', '-1', '-2', '0.1', '-inf'];
    expect(await cli(argv)).toEqual({ exitCode: 0, stdout: '-1\n-2\n0.1\n-inf\n', stderr: '' });
  });

  it('may grow its memory to the limit', async () => {
    expect(await cli(['run', '-W', 'max-memory-size=3276800', wat('memory-grower')])).toMatchObject({ stdout: '49\n' });
  });
});

describe('a guest that does not', () => {
  it('trap: 134, where and why', async () => {
    const path = wat('trap');
    const { exitCode, stdout, stderr } = await cli(['run', path]);
    expect([exitCode, stdout]).toEqual([134, '']);
    expect(stderr.split('\n')).toEqual([
      `Error: failed to run main module \`${path}\``,
      '',
      'Caused by:',
      '    0: failed to invoke command default',
      '    1: error while executing at wasm backtrace:',
      expect.stringMatching(/^ {4}0: +0x[0-9a-f]+ - trap!inner$/),
      expect.stringMatching(/^ {4}1: +0x[0-9a-f]+ - trap!middle$/),
      expect.stringMatching(/^ {4}2: +0x[0-9a-f]+ - trap!outer$/),
      expect.stringMatching(/^ {4}3: +0x[0-9a-f]+ - trap!_start$/),
      '    2: wasm trap: wasm `unreachable` instruction executed',
      '',
    ]);
  });

  it('frames as many as asked for', async () => {
    const frames = async (count: number) =>
      (await cli(['run', '-D', `max-backtrace=${count}`, wat('recursion')])).stderr.match(/ - .*!/g)?.length;
    expect([await frames(3), await frames(0), await frames(30)]).toEqual([3, 20, 30]);
  });

  it.each([126, 134, 255, 256, 4294967295])('proc_exit(%i): 1, and why', async (code) => {
    const { exitCode, stderr } = await cli(['run', wat('exit'), String(code)]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/ - exit!_start\n {4}2: exit with invalid exit status outside of \[0\.\.126\)\n$/);
  });

  const one = (line: string) => `${line}\n`;

  it.each<[title: string, argv: () => string[], exitCode: number, stderr: string | RegExp]>([
    [
      'no such module',
      () => ['missing.wasm'],
      1,
      one('Error: failed to open wasm module "missing.wasm": No such file or directory (os error 2)'),
    ],
    ['a directory', () => [fixture('')], 1, /^Error: failed to open wasm module ".*directory \(os error 21\)\n$/],
    [
      'no module',
      () => [file('xyz', 'm.wasm')],
      1,
      /^Error: .*m\.wasm is not a WebAssembly module: it begins with 78 79 7a in place of .*\n$/,
    ],
    [
      'a component',
      () => [file(Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]))],
      1,
      /is a component; only core modules .*\n$/,
    ],
    [
      'a missing import',
      () => [wat('unknown-import')],
      1,
      /unknown import: `nowhere::nothing` has not been defined\n$/,
    ],
    [
      'wasi-nn that is off',
      () => ['run', fixture('classify.wasm')],
      1,
      /^Error: .*: unknown import: `wasi_ephemeral_nn::\w+` has not been defined \(-S nn provides wasi-nn\)\n$/,
    ],
    [
      'wasi-nn that was turned off',
      () => ['-S', 'nn=n', fixture('classify.wasm')],
      1,
      /unknown import: `wasi_ephemeral_nn::/,
    ],
    ['WASI that is off', () => ['-S', 'cli=n', wat('exit')], 1, /unknown import: `wasi_snapshot_preview1::/],
    ['a directory that is not there', () => ['--dir', 'no/such', wat('exit')], 1, /^Error: .*'no\/such'.*\n$/],
    ['a file for a directory', () => ['--dir', wat('exit'), wat('exit')], 1, /^Error: .*exit\.wat'.*\n$/],
    [
      'too much memory',
      () => ['-W', 'max-memory-size=65535', wat('exit')],
      1,
      /^Error: .*memory minimum size of 1 pages exceeds memory limits\n$/,
    ],
    [
      'no such export',
      () => ['--invoke', 'none', wat('add')],
      1,
      /^Error: failed to run main module .*: no func export named `none` found\n$/,
    ],
    ['too few arguments', () => ['--invoke', 'add', wat('add'), '1'], 1, /: not enough arguments for `add`\n$/],
    [
      'no number',
      () => ['--invoke', 'add', wat('add'), '1', 'x'],
      1,
      /: argument 2, 'x' as i32: invalid digit found in string\n$/,
    ],
    [
      'an exception',
      () => [file('(module (tag $t) (func (export "_start") (throw $t)))')],
      1,
      /: thrown Wasm exception\n$/,
    ],
    [
      'a preload that is not there',
      () => ['--preload', 'a=missing.wasm', wat('exit')],
      1,
      /^Error: failed to open wasm module "missing\.wasm"/,
    ],
    [
      'a preload that does not link',
      () => ['--preload', `a=${wat('unknown-import')}`, wat('exit')],
      1,
      /^Error: failed to process preload `a`: unknown import: `nowhere::nothing`/,
    ],
    [
      'a graph without a directory',
      () => ['-S', 'nn-graph=openvino::/no/such', wat('exit')],
      1,
      /^Error: graph 'such': '\/no\/such' is not a directory\n$/,
    ],
    [
      '-S http',
      () => ['-S', 'http', wat('exit')],
      1,
      one('Error: -S http is for components; a core module has no imports of it'),
    ],
    ...['tls', 'config', 'keyvalue', 'threads', 'listenfd', 'tcplisten=127.0.0.1:1', 'preview2=n'].map(
      (key): [string, () => string[], number, RegExp] => [
        `-S ${key}`,
        () => ['run', '-S', key, wat('exit')],
        1,
        /^Error: -S \S+ is \S.*\n$/,
      ],
    ),
    ['-R path', () => ['-R', 'path=x', wat('exit')], 1, /^Error: -R path=x is not there/],
    ...[
      'fuel=1',
      'epoch-interruption',
      'trap-on-grow-failure',
      'wmemcheck',
      'nan-canonicalization',
      'simd=n',
      'gc=n',
    ].map((key): [string, () => string[], number, RegExp] => [
      `-W ${key}`,
      () => ['-W', key, wat('exit')],
      2,
      /^error: -W \S+ (is|cannot) \S.*\n$/,
    ]),
    ['-D coredump', () => ['-D', 'coredump=x', wat('exit')], 2, /^error: -D coredump=x is not there/],
    [
      'an unknown option',
      () => ['--no-such', wat('exit')],
      2,
      one("error: unknown option '--no-such'; try 'wasi-nn-host --help'"),
    ],
    [
      'an unknown key',
      () => ['-S', 'no-such', wat('exit')],
      2,
      one('error: -S: expected one of the keys that "-S help" lists, received \'no-such\''),
    ],
    ['no module named', () => [], 2, one("error: a module to run is missing; try 'wasi-nn-host --help'")],
    ['run without a module', () => ['run'], 2, one("error: a module to run is missing; try 'wasi-nn-host --help'")],
    [
      'another machine',
      () => ['--target', 'mips-unknown-linux-gnu', wat('exit')],
      1,
      /^Error: --target mips-\S+: only /,
    ],
    ["wasmtime's interpreter", () => ['--target=pulley64', wat('exit')], 2, /^error: --target pulley64 is not there/],
    ['no stack', () => ['-W', 'max-wasm-stack=0', wat('exit')], 2, /^error: -W max-wasm-stack: expected /],
  ])('%s', async (_, argv, exitCode, stderr) => {
    const result = await cli(argv());
    expect(result).toEqual({
      exitCode,
      stdout: '',
      stderr: typeof stderr === 'string' ? stderr : expect.stringMatching(stderr),
    });
  });

  it('an import that nobody provides may wait until it is called', async () => {
    const { exitCode, stderr } = await cli(['run', '-W', 'unknown-imports-trap', wat('unknown-import')]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      / - unknown_import!_start\n {4}2: unknown import: `nowhere::nothing` has not been defined\n$/,
    );
    expect((await cli(['run', '-W', 'unknown-imports-default', wat('unknown-import')])).exitCode).toBe(0);
  });
});

it('--log wasi tells of calls that failed for no reason of the guest', async () => {
  const stderr: string[] = [];
  const broken = {
    kind: 'write' as const,
    write: () => {
      throw new Error('of the stream');
    },
  };
  const io = {
    stdout: () => {},
    stderr: (text: string) => stderr.push(text),
    env: {},
    guest: { stdin: { kind: 'null' as const }, stdout: broken, stderr: broken },
  };
  await main(['run', wat('write-bytes'), '10'], io);
  expect(stderr).toEqual([]);
  await main(['run', '--log', 'wasi', wat('write-bytes'), '10'], io);
  expect(stderr[0]).toBe('wasi: fd_write: of the stream\n');
});

describe('what is only printed', () => {
  it.each([
    [['--version'], /^wasi-nn-host \d+\.\d+\.\d+\S*\n$/],
    [['-V'], /^wasi-nn-host \d/],
    [['--help'], /^Usage: wasi-nn-host \[OPTIONS\] MODULE/],
    [['help'], /^Usage: wasi-nn-host \[OPTIONS\] MODULE/],
    [['run', '--help'], /^Usage: wasi-nn-host run \[OPTIONS\] MODULE/],
    [['help', 'run'], /^Usage: wasi-nn-host run \[OPTIONS\] MODULE/],
    [['-S', 'help'], /-S nn\[=y\|n\] +provide wasi-nn\n/],
    [['run', '-W', 'help'], /-W fuel=N +refused: is not there/],
    [['doctor', '--help'], /^Usage: wasi-nn-host doctor/],
    [['setup', '--help'], /^Usage: wasi-nn-host setup/],
  ])('%j', async (argv, text) => {
    expect(await cli(argv)).toEqual({ exitCode: 0, stdout: expect.stringMatching(text), stderr: '' });
  });
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('with OpenVINO', () => {
  const found = /Found results, sorted top 5: \[InferenceResult\(7, 0\.9\d+\)/;

  it.each([
    [['--dir', `${fixture('digits')}::fixture`, fixture('classify.wasm')]],
    [[fixture('classify.wasm'), '--dir', `${fixture('digits')}::fixture`]],
    [['run', '-S', 'nn', `--dir=${fixture('digits')}::fixture`, fixture('classify.wasm')]],
    [['run', '-Snn', `--dir=${fixture('digits')}::fixture::ro`, fixture('classify.wasm')]],
  ])('%j classifies', async (argv) => {
    expect(await cli(argv)).toEqual({ exitCode: 0, stdout: expect.stringMatching(found), stderr: '' });
  });

  it('--log nn tells why a call was refused', async () => {
    const folder = join(directory(), 'model');
    mkdirSync(folder);
    copyFileSync(fixture('digits/model.xml'), join(folder, 'model.xml'));
    for (const name of ['model.bin', 'tensor.bgr']) writeFileSync(join(folder, name), 'damaged');
    const argv = ['--dir', `${folder}::fixture`, fixture('classify.wasm')];
    expect((await cli(argv)).stderr).not.toContain('wasi-nn:');
    expect((await cli(['--log', 'nn', ...argv])).stderr).toMatch(/^wasi-nn: load: \S.* \(errno \d, \w+\)$/m);
  });
});

import { describe, expect, it } from 'vitest';
import { CommandLineEnd, type RunSettings, readRunArguments } from '../../src/cli/args.ts';

const own = (...words: string[]) => readRunArguments(words, 'own');
const wasmtime = (...words: string[]) => readRunArguments(words, 'wasmtime');

/** The keys of a group that are honoured, as plain data. */
const keys = (settings: RunSettings, letter: 'S' | 'W' | 'D') => Object.fromEntries(settings.keys[letter]);

describe('options on both sides of the module', () => {
  it.each([
    [['m.wasm'], []],
    [
      ['m.wasm', '--', 'a', '--dir', 'x'],
      ['a', '--dir', 'x'],
    ],
    [['m.wasm', '--argv0', 'n', '--', 'a'], ['a']],
    [
      ['m.wasm', 'a', '--argv0', 'n'],
      ['a', '--argv0', 'n'],
    ],
    [['m.wasm', '--', '--'], ['--']],
    [['--', 'm.wasm'], []],
    [
      ['--invoke', 'f', 'm.wasm', '-1', '-2.5'],
      ['-1', '-2.5'],
    ],
    [['--invoke', 'f', 'm.wasm', '--', '-inf'], ['-inf']],
    [['m.wasm', ''], ['']],
  ])('%j leaves the guest %j', (words, guestArgs) => {
    expect(own(...words)).toMatchObject({ module: 'm.wasm', guestArgs });
  });

  it('come together', () => {
    const settings = own(
      '--dir',
      'a',
      '-S',
      'inherit-env',
      'm.wasm',
      '--dir=b::c',
      '--env',
      'A=1',
      '-Wtimeout=1',
      '--',
      'x',
    );
    expect(settings.dirs.map(({ hostPath }) => hostPath)).toEqual(['a', 'b']);
    expect(settings.env).toEqual([{ name: 'A', value: '1' }]);
    expect([keys(settings, 'S'), keys(settings, 'W')]).toEqual([{ 'inherit-env': [true] }, { timeout: [1000] }]);
  });

  it('are told apart from the guest by a hint', () => {
    expect(() => own('m.wasm', '--unknown')).toThrow(
      /unknown option '--unknown' \(put the arguments of the guest behind --\)/,
    );
    expect(() => own('--unknown', 'm.wasm')).toThrow(/unknown option '--unknown';/);
  });
});

describe('as wasmtime run', () => {
  it.each([
    [
      ['m.wasm', '--dir', 'x', '-S', 'foo', '-x'],
      ['--dir', 'x', '-S', 'foo', '-x'],
    ],
    [
      ['m.wasm', '--', 'a'],
      ['--', 'a'],
    ],
    [['--', 'm.wasm', 'a'], ['a']],
    [['-S', 'nn', 'm.wasm', '--help'], ['--help']],
  ])('%j leaves the guest %j', (words, guestArgs) => {
    expect(wasmtime(...words)).toMatchObject({ module: 'm.wasm', guestArgs });
  });
});

describe('keys', () => {
  it.each([
    ['-S', 'nn'],
    ['-Snn'],
    ['-S=nn'],
    ['-S', '=nn'],
    ['--wasi', 'nn'],
    ['--wasi=nn'],
    ['-S', 'nn=y'],
    ['-Snn=yes'],
    ['-S', 'nn=true'],
    ['-S', 'cli-exit-with-code,nn,p3'],
    ['-Snn=n', '-Snn'],
  ])('%s %s', (...words) => {
    expect(keys(wasmtime(...words, 'm.wasm'), 'S')).toEqual({ nn: [true] });
  });

  it('that may repeat keep all values, others the last', () => {
    const settings = wasmtime(
      '-S',
      'nn-graph=openvino::a,nn-graph=b=onnx::c',
      '-Snn-graph=onnx::d',
      '-Snn,nn=n',
      'm.wasm',
    );
    expect(keys(settings, 'S')).toEqual({ 'nn-graph': ['openvino::a', 'b=onnx::c', 'onnx::d'], nn: [false] });
  });

  it.each([
    ['10', 10_000],
    ['10s', 10_000],
    ['0', 0],
    ['250ms', 250],
    ['3us', 0.003],
    ['5ns', 0.000005],
  ])('timeout=%s is %d ms', (text, milliseconds) => {
    const [timeoutMs] = keys(wasmtime('-W', `timeout=${text}`, 'm.wasm'), 'W').timeout as [number];
    expect(timeoutMs).toBeCloseTo(milliseconds, 12);
  });

  it.each([
    ['65536', 65_536],
    ['0x10000', 65_536],
    ['0', 0],
  ])('max-memory-size=%s is %d', (text, value) => {
    expect(keys(wasmtime(`-Wmax-memory-size=${text}`, 'm.wasm'), 'W')).toEqual({ 'max-memory-size': [value] });
  });

  it.each<readonly [letter: string, text: string, message: string]>([
    ['-S', 'foo', '-S: expected one of the keys'],
    ['-S', '', "received ''"],
    ['-S', 'nn,,', "received ''"],
    ['-S', 'NN', "received 'NN'"],
    ['-S', 'nn , p3', "received 'nn '"],
    ['-S', 'nn=', "-S nn: expected y or n, received ''"],
    ['-S', 'nn=x', "-S nn: expected y or n, received 'x'"],
    ['-S', 'toString', "received 'toString'"],
    ['-S', 'nn-graph', '-S nn-graph needs a value: -S nn-graph=VALUE'],
    ['-W', 'max-memory-size', '-W max-memory-size needs a value: -W max-memory-size=N'],
    ['-W', 'timeout', '-W timeout needs a value: -W timeout=N[s|ms|us|ns]'],
    ['-S', 'cwd', '-S cwd needs a value: -S cwd=VALUE'],
    ['-S', 'max-resources=x', '-S max-resources: expected a whole number'],
    ...['', 'x', '1.5s', '1m', '1h', '-1', '10sec', '1 s', '1S', '99999999999999999999'].map(
      (text) => ['-W', `timeout=${text}`, '-W timeout: expected a time such as 10, 10s or 500ms'] as const,
    ),
    ...['', '1k', '1MiB', '-1', '1e3', '0x'].map(
      (text) => ['-W', `max-memory-size=${text}`, '-W max-memory-size: expected a whole number'] as const,
    ),
    ['-O', 'opt-level=9', '-O opt-level: expected one of 0, 1, 2, s'],
    ['-C', 'compiler=x', '-C compiler: expected one of cranelift, winch'],
    ['-O', 'foo', '-O: expected'],
    ['-C', 'foo', '-C: expected'],
    ['-D', 'foo', '-D: expected'],
    ['-R', 'foo', '-R: expected'],
  ])('%s %s is wrong', (letter, text, message) => {
    expect(() => wasmtime(letter, text, 'm.wasm')).toThrow(
      expect.objectContaining({ name: 'OptionError', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ['-S', 'threads=n,http=n,tls=n,config=n,keyvalue=n,listenfd=n,preview2=y'],
    ['-S', 'inherit-network,allow-ip-name-lookup,tcp=n,udp,network-error-code,p3,cwd=/x,config-var=a=b'],
    ['-W', 'component-model=n,stack-switching=n,simd,threads=y,all-proposals=y,nan-canonicalization=n'],
    ['-C', 'compiler=winch,cache=n,cranelift-opt_level=speed,inlining=gc'],
    ['-O', 'opt-level=2,memory-reservation=65536,pooling-allocator,pooling-pagemap-scan=auto'],
    ['-D', 'debug-info,address-map=n,logging=n,arg=x'],
    ['-R', 'validation-metadata'],
  ])('%s %s changes nothing', (letter, text) => {
    const { S, W, C, O, D, R } = wasmtime(letter, text, 'm.wasm').keys;
    expect([S, W, C, O, D, R].map((group) => group.size)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('other options', () => {
  it.each([
    ['a', { hostPath: 'a', guestPath: 'a', readOnly: false }],
    ['a::b', { hostPath: 'a', guestPath: 'b', readOnly: false }],
    ['a::b::ro', { hostPath: 'a', guestPath: 'b', readOnly: true }],
    ['a::b::rw', { hostPath: 'a', guestPath: 'b', readOnly: false }],
    // As in wasmtime, the second word is the guest's name for it, whatever it is.
    ['a::ro', { hostPath: 'a', guestPath: 'ro', readOnly: false }],
    ['a:b', { hostPath: 'a:b', guestPath: 'a:b', readOnly: false }],
    ['::b', { hostPath: '', guestPath: 'b', readOnly: false }],
  ])('--dir %s', (text, dir) => {
    expect(own('--dir', text, 'm.wasm').dirs).toEqual([dir]);
    expect(own(`--dir=${text}`, 'm.wasm').dirs).toEqual([dir]);
  });

  it.each([
    ['A', { name: 'A', value: undefined }],
    ['A=', { name: 'A', value: '' }],
    ['A=b=c', { name: 'A', value: 'b=c' }],
    ['=q', { name: '', value: 'q' }],
  ])('--env %s', (text, variable) => {
    expect(own('--env', text, 'm.wasm').env).toEqual([variable]);
  });

  it('--preload, --backend, --openvino-dir, --log', () => {
    const words = ['--preload', 'a=b.wasm', '--backend', 'native', '--openvino-dir', 'd', '--log', 'nn', '--log=wasi'];
    expect(own('m.wasm', ...words)).toMatchObject({
      preloads: [{ name: 'a', path: 'b.wasm' }],
      backend: 'native',
      openvinoDir: 'd',
      logs: new Set(['nn', 'wasi']),
    });
  });

  it.each([['--log', 'nn,wasi'], ['--log=wasi,nn']])('%s %s', (...words) => {
    expect(own(...words, 'm.wasm').logs).toEqual(new Set(['nn', 'wasi']));
  });

  it.each([
    [['--dir', 'a::b::c', 'm.wasm'], '--dir: expected HOST, HOST::GUEST or HOST::GUEST::ro'],
    [['--preload', 'a', 'm.wasm'], '--preload: expected NAME=FILE'],
    [['--preload', 'a=b=c', 'm.wasm'], '--preload: expected NAME=FILE'],
    [['--backend', 'x', 'm.wasm'], '--backend: expected one of auto, native, openvino-node'],
    [['--log', 'x', 'm.wasm'], '--log: expected one of nn, wasi'],
    [['--log=nn,', 'm.wasm'], '--log: expected one of nn, wasi'],
    [['--argv0', 'a', '--argv0', 'b', 'm.wasm'], '--argv0: expected one value'],
    [['--invoke', 'a', 'm.wasm', '--invoke', 'b'], '--invoke: expected one value'],
    [['--config', 'f', 'm.wasm'], '--config is not there'],
    [['--profile=guest', 'm.wasm'], '--profile is not there'],
    [['-g', '1234', 'm.wasm'], '-g is not there'],
    [['--argv0'], "option '--argv0' needs a value"],
    [['-S'], "option '-S' needs a value"],
    [[], 'a module to run is missing'],
    [['--dir', 'a'], 'a module to run is missing'],
    [['-x', 'm.wasm'], "unknown option '-x'"],
  ])('%j is wrong', (words, message) => {
    expect(() => own(...words)).toThrow(message);
  });

  it.each([
    [['--help'], 'Usage: wasi-nn-host [OPTIONS] MODULE'],
    [['-h', 'm.wasm'], 'Usage: wasi-nn-host [OPTIONS] MODULE'],
    [['m.wasm', '--help'], 'Usage: wasi-nn-host [OPTIONS] MODULE'],
    [['-S', 'help'], 'Keys of -S, --wasi'],
    [['-Whelp-long', 'm.wasm'], 'Keys of -W, --wasm'],
  ])('%j only prints', (words, text) => {
    const end = (() => {
      try {
        own(...words);
      } catch (error) {
        return error;
      }
    })();
    expect(end).toBeInstanceOf(CommandLineEnd);
    expect(end).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(text) });
  });
});

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ModelInspection } from '../../src/cli/inspect-model.ts';
import type { ModuleInspection } from '../../src/cli/inspect-module.ts';
import { assembleText } from '../../src/engine/text-module.ts';
import { cli, cliProcess } from '../support/cli.ts';
import { reluModel } from '../support/onnx-models.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { reluTfLite } from '../support/tflite-models.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const folder = temporaryDirectories()();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function inspected<Inspection>(path: string): Promise<Inspection> {
  const { exitCode, stdout, stderr } = await cli(['inspect', '--json', path]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Inspection;
}

describe('inspect of a model', () => {
  it('shows an OpenVINO IR with its weights', async () => {
    const path = `${FIXTURES}digits/model.xml`;
    expect(await cli(['inspect', path])).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `file     ${path}, 12,623 bytes
weights  ${FIXTURES}digits/model.bin, 123,768 bytes
format   OpenVINO IR, version 11, opset1, opset8
name     digits

inputs (1)
  image  f32  [1, 1, 28, 28]  3,136 bytes

outputs (1)
  probabilities  f32  [1, 10]  40 bytes

operations (15)
  Add          4
  Convolution  3
  ReLU         3
  MaxPool      2
  MatMul       1
  Reshape      1
  SoftMax      1
`,
    });
  });

  it('tells that the weights are missing', async () => {
    const alone = join(folder, 'alone');
    mkdirSync(alone);
    copyFileSync(`${FIXTURES}digits/model.xml`, join(alone, 'model.xml'));
    const { stdout } = await cli(['inspect', join(alone, 'model.xml')]);
    expect(stdout).toContain('weights  no file of the same name that ends in .bin\n');
    expect((await inspected<ModelInspection>(join(alone, 'model.xml'))).weights).toBeUndefined();
  });

  it.each([
    ['model.onnx', reluModel(), 'onnx', 'Relu'],
    ['model.tflite', reluTfLite(), 'tensorflowlite', 'RELU'],
    ['of-no-known-suffix', reluTfLite(), 'tensorflowlite', 'RELU'],
  ])('shows %s for programs', async (name, bytes, encoding, operation) => {
    const path = file(name, bytes);
    expect(await inspected<ModelInspection>(path)).toMatchObject({
      kind: 'model',
      file: path,
      byteLength: bytes.byteLength,
      encoding,
      inputs: [{ name: 'x', elementType: 'f32', shape: [1, 4] }],
      outputs: [{ name: 'y', elementType: 'f32', shape: [1, 4] }],
      operations: [[operation, 1]],
    });
  });

  it('does not wait for a runtime, and needs none', () => {
    const env = { ...process.env, OPENVINO_DIR: '/absent', PATH: process.env.PATH };
    const { exitCode, stdout } = cliProcess(['inspect', `${FIXTURES}digits/model.xml`], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('probabilities  f32  [1, 10]');
  });
});

const IMPORTS = `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))
  (import "wasi_snapshot_preview1" "constructor" (func))
  (import "wasi_ephemeral_nn" "compute" (func (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "train" (func (param i32) (result i32)))
  (import "wasi_unstable" "sock_accept" (func (param i32 i32 i32) (result i32)))
  (import "env" "memory" (memory 1 16))
  (import "env" "table" (table 2 funcref))
  (func $begin)
  (start $begin)
  (func (export "_start"))
  (func (export "twice") (param i64) (result f32) (f32.const 1)))`;

describe('inspect of a module', () => {
  it('shows its imports, and what of them this host provides', async () => {
    const { imports } = await inspected<ModuleInspection>(file('imports.wat', IMPORTS));
    expect(imports.map(({ name, providedBy, mismatch }) => [name, providedBy, mismatch])).toEqual([
      ['proc_exit', 'WASI', undefined],
      ['fd_close', 'WASI', '(func (param i32) (result i32))'],
      ['constructor', undefined, undefined],
      ['compute', 'wasi-nn', undefined],
      ['train', undefined, undefined],
      ['sock_accept', undefined, undefined],
      ['memory', 'the host', undefined],
      ['table', undefined, undefined],
    ]);
  });

  it('shows what it gives, its memory and its sections', async () => {
    const text =
      '(module (memory (export "memory") 2 3) (table 4 5 funcref) (func (export "f") (param i64) (result f32) (f32.const 1)))';
    const binary = await assembleText('test', new TextEncoder().encode(text));
    const shown = await inspected<ModuleInspection>(file('plain.wasm', binary));
    expect(shown).toMatchObject({
      kind: 'module',
      byteLength: binary.byteLength,
      imports: [],
      exports: [
        { name: 'memory', kind: 'memory' },
        { name: 'f', kind: 'func', type: '(func (param i64) (result f32))' },
      ],
      memories: [{ isImported: false, bytes: 131_072, maxBytes: 196_608, shared: false, address64: false }],
      tables: [{ isImported: false, elements: 4, maxElements: 5 }],
      hasStartFunction: false,
    });
    const names = shown.sections.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['type', 'function', 'table', 'memory', 'export', 'code']));
    // Each has its id and length in front, of two bytes here, behind the eight of the module.
    const content = shown.sections.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(8 + content + 2 * shown.sections.length).toBe(binary.byteLength);
  });

  it('says in words whether it links', async () => {
    const { stdout } = await cli(['inspect', file('imports.wat', IMPORTS)]);
    expect(stdout).toContain('starts  a start function, then _start (a command)');
    expect(stdout).toMatch(/wasi_ephemeral_nn::train .* not provided$/m);
    expect(stdout).toMatch(/::fd_close .* does not link: WASI has \(func \(param i32\) \(result i32\)\)$/m);
    expect(stdout).toContain(
      'It does not link as it is: 4 not provided here (--preload NAME=FILE may), 1 of another type.',
    );
    expect((await cli(['inspect', `${FIXTURES}classify.wasm`])).stdout).toContain(
      'This host provides all that it imports.',
    );
  });

  it('agrees with what a run of it says', async () => {
    const names = ['proc_exit', 'fd_close', 'sock_accept', 'constructor', 'poll_oneoff'];
    for (const module of ['wasi_snapshot_preview1', 'wasi_unstable']) {
      for (const name of names) {
        const path = file('one.wat', `(module (import "${module}" "${name}" (func)) (func (export "_start")))`);
        const { imports } = await inspected<ModuleInspection>(path);
        const { stderr } = await cli([path]);
        const says = stderr.includes('incompatible import type') ? 'WASI' : undefined;
        expect(imports[0]?.providedBy, `${module}::${name}`).toBe(says);
        if (says === undefined) expect(stderr).toContain('unknown import');
      }
    }
  });
});

describe('inspect of what is broken or hostile', () => {
  it.each([
    ['absent.wasm', undefined, 'No such file or directory'],
    ['broken.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99), 'broken.wasm'],
    ['component.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), 'is a component'],
    ['broken.wat', '(module (func', 'broken.wat:1:'],
    ['empty', '', 'neither a WebAssembly module nor a model'],
    ['noise', 'a text of no kind', 'neither a WebAssembly module nor a model'],
    ['model.xml', '<net', 'does not end'],
    ['model.gguf', 'GGUF', 'a ggml model'],
  ])('says of %s in one line what is wrong', async (name, content, words) => {
    const path = content === undefined ? join(folder, name) : file(name, content);
    const { exitCode, stdout, stderr } = await cli(['inspect', path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^Error: [^\n]+\n$/);
    expect(stderr).toContain(words);
    expect(stderr).toContain(name);
  });

  it('shows names that a terminal would obey as printable ones', async () => {
    const hostile = '\\1b[2J\\c2\\9b1m\\e2\\80\\aex';
    const path = file('hostile.wat', `(module (import "${hostile}" "${hostile}" (func)) (func (export "${hostile}")))`);
    const xml = file('hostile.xml', '<net name="\u001b[2J\u009b\u202e"></net>');
    for (const argv of [[path], ['--json', path], [xml], ['--json', xml]]) {
      const { exitCode, stdout } = cliProcess(['inspect', ...argv]);
      expect(exitCode).toBe(0);
      expect(Buffer.from(stdout, 'latin1').toString('utf8')).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u);
    }
    const { imports } = await inspected<ModuleInspection>(path);
    expect(imports[0]?.name).toBe('\u001b[2J\u009b1m\u202ex');
  });

  it.each([[[]], [['a', 'b']], [['--verbose', 'a']]])('takes no %j', async (argv) => {
    const { exitCode, stdout, stderr } = await cli(['inspect', ...argv]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: wasi-nn-host inspect');
  });

  it('explains itself', async () => {
    expect(await cli(['inspect', '--help'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await cli(['--help'])).stdout).toContain('inspect');
  });
});

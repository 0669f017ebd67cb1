import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/index.ts';
import { cliProcess } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** The same program in Rust, C and AssemblyScript. */
const GUESTS = readdirSync(FIXTURES).filter((name) => /^classify.*\.wasm$/.test(name));
const DIGITS = readdirSync(`${FIXTURES}digits/tensors`).map((name) => name.replace('.f32', ''));

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('a guest that classifies', () => {
  it('is there in three languages', () => {
    expect(GUESTS).toHaveLength(3);
    expect(DIGITS).toHaveLength(10);
  });

  it.each(GUESTS)('%s prints the same from the command line as from the library, for every digit', async (guest) => {
    using host = new Host();
    const module = await host.compile(`${FIXTURES}${guest}`);
    for (const digit of DIGITS) {
      const args = ['fixture', `tensors/${digit}.f32`];
      const { exitCode, stdout } = await host.run(module, {
        args,
        preopens: [{ hostPath: `${FIXTURES}digits`, guestPath: 'fixture', readOnly: true }],
      });
      expect([exitCode, String(stdout)]).toEqual([0, expect.stringContaining(`[InferenceResult(${digit}, `)]);
      const dir = `${FIXTURES}digits::fixture`;
      const line = ['run', '-S', 'nn', '--dir', dir, `${FIXTURES}${guest}`, ...args];
      expect(cliProcess(line)).toEqual({ exitCode: 0, signal: null, stdout: stdout?.toString('latin1'), stderr: '' });
    }
  });

  it.each(['timeout=60s', 'max-memory-size=33554432', 'max-wasm-stack=4194304'])(
    'prints the same with -W %s',
    (limit) => {
      const words = ['--dir', `${FIXTURES}digits::fixture`, `${FIXTURES}classify.wasm`];
      const plain = cliProcess(words);
      expect(plain.stdout).toContain('Executed graph inference');
      expect(cliProcess(['-W', limit, ...words])).toEqual(plain);
    },
  );

  it('fails in one line where there is no OpenVINO at the place that was named', () => {
    const words = ['--openvino-dir', FIXTURES, '--log', 'nn', '--dir', `${FIXTURES}digits::fixture`];
    const { exitCode, stderr } = cliProcess([...words, `${FIXTURES}classify.wasm`]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^wasi-nn: load: no OpenVINO at the place you named: .*\n/);
  });

  it('finds a graph by its name', async () => {
    const expected = readFileSync(`${FIXTURES}digits/tensors/3.f32`);
    const module = new TextEncoder().encode(`(module
      (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
      (import "wasi_ephemeral_nn" "init_execution_context" (func $context (param i32 i32) (result i32)))
      (import "wasi_ephemeral_nn" "set_input" (func $set (param i32 i32 i32) (result i32)))
      (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (import "wasi_ephemeral_nn" "get_output" (func $get (param i32 i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "digits")
      (data (i32.const 64) "\\01\\00\\00\\00\\01\\00\\00\\00\\1c\\00\\00\\00\\1c\\00\\00\\00")
      (data (i32.const 96) "\\40\\00\\00\\00\\04\\00\\00\\00\\01\\00\\00\\00\\00\\04\\00\\00\\40\\0c\\00\\00")
      (data (i32.const 128) "\\00\\04\\00\\00\\40\\0c\\00\\00")
      (func (export "three") (result i32 f32)
        (i32.or (call $read (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 136))
        (i32.or (call $load (i32.const 0) (i32.const 6) (i32.const 140))
        (i32.or (call $context (i32.load (i32.const 140)) (i32.const 144))
        (i32.or (call $set (i32.load (i32.const 144)) (i32.const 0) (i32.const 96))
        (i32.or (call $compute (i32.load (i32.const 144)))
                (call $get (i32.load (i32.const 144)) (i32.const 0) (i32.const 8192) (i32.const 40) (i32.const 148)))))))
        (f32.load (i32.const 8204))))`);
    using host = new Host();
    await host.graphs.register('digits', { dir: `${FIXTURES}digits` });
    const options = { invoke: { name: 'three' }, stdin: expected, graphs: ['digits'] };
    const { results } = await host.run(await host.compile(module), options);
    expect([results[0], Number(results[1])]).toEqual(['0', expect.closeTo(1, 1)]);
  });
});

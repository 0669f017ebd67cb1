import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TraceFile } from '../../src/telemetry/trace-event.ts';
import { cli, cliProcess } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { traceFaults } from '../telemetry/trace-rules.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** Asks for a graph that nobody has, which is refused, and then does what is in the place of the dots. */
const ASKING = (then: string) => `(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "absent")
  (func (export "_start") (drop (call $load (i32.const 64) (i32.const 6) (i32.const 0))) ${then}))`;

const folder = temporaryDirectories()();
let count = 0;

function guestFile(text: string): string {
  const path = join(folder, `guest-${count++}.wat`);
  writeFileSync(path, text);
  return path;
}

const slices = ({ traceEvents }: TraceFile) => traceEvents.filter((event) => event.ph === 'X');
const named = (file: TraceFile, name: string) => slices(file).find((slice) => slice.name === name);

/** Runs with a timeline in JSON. */
async function traced(args: readonly string[]) {
  const path = join(folder, `timeline-${count++}.json`);
  const result = await cli(['--timeline', path, ...args]);
  const file = JSON.parse(readFileSync(path, 'utf8')) as TraceFile;
  expect(traceFaults(file)).toEqual([]);
  return { ...result, file };
}

describe('--timeline', () => {
  it('writes what the run did, and changes nothing of the run', async () => {
    const guest = guestFile(ASKING(''));
    const plain = await cli([guest]);
    const { file, ...run } = await traced([guest]);
    expect(run).toEqual(plain);
    const names = slices(file).map((slice) => slice.name);
    expect(names).toEqual(expect.arrayContaining(['start', 'compile', 'instantiate', 'guest', 'load_by_name']));
    expect(named(file, 'load_by_name')?.args).toEqual({
      graph: 'absent',
      errno: 6,
      errnoName: 'unsupported_operation',
    });
    expect(file.otherData).toMatchObject({ outcome: 'returned', exitCode: 0, mode: 'calling-thread' });
    expect(file.otherData.peakMemoryBytes).toBe(2 * 65_536);
  });

  it("writes it of a guest that traps, and the exit code is the guest's", async () => {
    const { exitCode, stderr, file } = await traced([guestFile(ASKING('unreachable'))]);
    expect(exitCode).toBe(134);
    expect(stderr).toContain('unreachable');
    expect(named(file, 'load_by_name')).toBeDefined();
    expect(file.otherData).toMatchObject({ outcome: 'failed', code: 'ERR_GUEST_TRAP' });
  });

  it('writes what a guest did until its time was over', async () => {
    const { exitCode, file } = await traced(['-W', 'timeout=5s', guestFile(ASKING('(loop (br 0))'))]);
    expect(exitCode).toBe(134);
    expect(named(file, 'guest')?.args).toEqual({ ended: 'ERR_GUEST_TIMEOUT' });
    expect(named(file, 'load_by_name')).toBeDefined();
    expect(file.otherData).toMatchObject({ outcome: 'failed', code: 'ERR_GUEST_TIMEOUT', mode: 'thread' });
  });

  it('writes why a guest did not begin', async () => {
    const { exitCode, file } = await traced([join(folder, 'absent.wasm')]);
    expect(exitCode).toBe(1);
    expect(file.otherData).toMatchObject({ outcome: 'failed', code: 'ERR_MODULE_NOT_FOUND' });
    expect(named(file, 'guest')).toBeUndefined();
  });

  it('writes a page as well, in both forms of the command line', () => {
    const guest = guestFile(ASKING(''));
    for (const args of [
      [guest, '--timeline', join(folder, 'own.html')],
      ['run', '-S', 'nn', `--timeline=${join(folder, 'run.HTML')}`, guest],
    ]) {
      const { exitCode, stderr } = cliProcess(args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    for (const name of ['own.html', 'run.HTML']) {
      expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^<!doctype html>/);
    }
  });

  it.each([
    ['timeline.txt', "expected a name that ends in .json or .html, received 'timeline.txt'"],
    ['absent-folder/timeline.json', 'cannot be written: No such file or directory'],
  ])('takes no %s, and runs nothing', async (name, words) => {
    const { exitCode, stdout, stderr } = await cli([
      '--timeline',
      name,
      guestFile('(module (func (export "_start") unreachable))'),
    ]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(words);
    expect(existsSync(name)).toBe(false);
  });

  it("leaves wasmtime's --profile what it is", async () => {
    const { exitCode, stderr } = await cli(['--profile', 'perfmap', guestFile(ASKING(''))]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--profile is not there');
  });
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('--timeline with OpenVINO', () => {
  const classify = [`${FIXTURES}classify.wasm`, '--dir', `${FIXTURES}digits::fixture`];

  it('has each call of wasi-nn, memory, and the runtime by name', async () => {
    const { exitCode, file } = await traced(classify);
    expect(exitCode).toBe(0);
    const calls = slices(file).filter(({ cat }) => cat === 'wasi-nn');
    expect(calls.map(({ name }) => name)).toEqual([
      'load',
      'init_execution_context',
      'set_input',
      'compute',
      'get_output',
    ]);
    expect(named(file, 'set_input')?.args).toEqual({ index: 0, byteLength: 3_136 });
    const counters = new Set(file.traceEvents.filter(({ ph }) => ph === 'C').map(({ name }) => name));
    expect([...counters].sort()).toEqual(['guest memory', 'resident memory']);
    expect(file.otherData.runtime).toMatch(/^OpenVINO \d/);
  });

  it('has what each operation took within its computation', async () => {
    const { file } = await traced(classify);
    const compute = named(file, 'compute');
    const operations = slices(file).filter(({ cat }) => cat === 'openvino');
    expect(operations.length).toBeGreaterThan(3);
    expect(operations.map(({ args }) => args.type)).toContain('Convolution');
    for (const { ts, dur, args } of operations) {
      expect(args.order).toBe('inferred');
      expect(ts).toBeGreaterThanOrEqual(compute?.ts ?? Number.NaN);
      expect(Math.round((ts + dur) * 1_000)).toBeLessThanOrEqual(
        Math.round(((compute?.ts ?? 0) + (compute?.dur ?? 0)) * 1_000),
      );
    }
  });

  it('has them of named graphs, too, and in a run that is watched', async () => {
    const guest = guestFile(`(module
      (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
      (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
      (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 64) "digits")
      (func (export "_start")
        (drop (call $load (i32.const 64) (i32.const 6) (i32.const 0)))
        (drop (call $init (i32.const 0) (i32.const 4)))
        (drop (call $compute (i32.const 0)))))`);
    const graph = ['-S', `nn,nn-graph=openvino::${FIXTURES}digits`];
    for (const watch of [[], ['-W', 'timeout=240s']]) {
      const { exitCode, file } = await traced([...graph, ...watch, guest]);
      expect(exitCode).toBe(0);
      expect(named(file, 'compute')?.args).toEqual({});
      expect(slices(file).filter(({ cat }) => cat === 'openvino').length).toBeGreaterThan(3);
    }
  });
});

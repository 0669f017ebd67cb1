/** What the tests of the addon's OpenVINO room share. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostError } from '../../../src/errors.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import type { NativeCompiledModel, NativeOpenVino } from '../../../src/native/openvino.ts';
import { skipUnless } from '../../support/requirements.ts';
import { addonAndRuntimes, builtAddon, type TestRuntime, testRuntimes } from '../../support/runtimes.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const SCENARIOS = fileURLToPath(new URL('./scenarios/', import.meta.url));

export const skip = skipUnless(addonAndRuntimes());

/** For `describe.each`, which needs one even when all is skipped. */
export const runtimes: TestRuntime[] = skip ? [{ libraryPath: '', version: 'that is not here' }] : testRuntimes();

/** The room, over the first of the runtimes: a process can open one. */
export function openRoom(): NativeOpenVino {
  const room = loadAddon().openvino;
  const [runtime] = runtimes;
  if (!runtime) throw new Error('no runtime');
  room.open(runtime.libraryPath);
  return room;
}

/** xml and weights of a model of `fixtures/models/`. */
export function smallModel(name: string): [Buffer, Buffer] {
  return [readFileSync(`${FIXTURES}models/${name}/model.xml`), readFileSync(`${FIXTURES}models/${name}/model.bin`)];
}

export const digits = {
  ir: (): [Buffer, Buffer] => [
    readFileSync(`${FIXTURES}digits/model.xml`),
    readFileSync(`${FIXTURES}digits/model.bin`),
  ],
  onnx: (): [Buffer] => [readFileSync(`${FIXTURES}digits/model.onnx`)],
  tensorflow: (): [Buffer] => [readFileSync(`${FIXTURES}digits/model.pb`)],
  tensorflowlite: (): [Buffer] => [readFileSync(`${FIXTURES}digits/model.tflite`)],
};

export const compileIr = (room: NativeOpenVino, name: string): NativeCompiledModel =>
  room.compileModel('ir', smallModel(name), 'CPU', []);

export const f32 = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** What a call throws, by code or, where it has none, by its kind: tests assert those and no sentences. */
export function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Partial<HostError>).code ?? (error as Error).name;
  }
  return 'nothing';
}

export async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing',
    (error: HostError) => error.code ?? error.name,
  );
}

export interface ScenarioResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a script of `scenarios/` in a process of its own, with the addon's path, the runtime's and `args`: for what may end
 * a process, needs another runtime, or is about the process as a whole.
 */
export function runScenario(
  name: string,
  runtime: TestRuntime,
  args: readonly string[] = [],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; nodeOptions?: readonly string[] } = {},
): ScenarioResult {
  const argv = [
    ...(options.nodeOptions ?? []),
    `${SCENARIOS}${name}.mjs`,
    builtAddon().path,
    runtime.libraryPath,
    ...args,
  ];
  const run = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    cwd: options.cwd,
    env: options.env ?? process.env,
    maxBuffer: 1 << 26,
  });
  if (run.error) throw run.error;
  return { status: run.status, signal: run.signal, stdout: run.stdout, stderr: run.stderr };
}

/** The same for scripts that end well and print one value as JSON. */
export function scenarioValue(...parameters: Parameters<typeof runScenario>): unknown {
  const run = runScenario(...parameters);
  if (run.status !== 0) throw new Error(`${parameters[0]}: ${run.signal ?? run.status}: ${run.stderr}`);
  return JSON.parse(run.stdout);
}

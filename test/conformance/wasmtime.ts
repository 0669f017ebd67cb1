import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Requirement } from '../support/requirements.ts';

function find(): string {
  const named = process.env.WASI_NN_HOST_TEST_WASMTIME;
  if (named) return named;
  const onPath = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'wasmtime'));
  return onPath.find((program) => existsSync(program)) ?? '';
}

export const WASMTIME = find();

export const wasmtime: Requirement = {
  met: existsSync(WASMTIME),
  reason: 'there is no wasmtime on PATH, and WASI_NN_HOST_TEST_WASMTIME names none',
};

/** wasmtime loads OpenVINO's libraries when it starts, wherever they are for it. */
const env = {
  ...process.env,
  LD_LIBRARY_PATH: process.env.WASI_NN_HOST_TEST_WASMTIME_OPENVINO ?? process.env.LD_LIBRARY_PATH,
};

export function wasmtimeVersion(): string {
  return spawnSync(WASMTIME, ['--version'], { encoding: 'utf8', env }).stdout.trim();
}

/** Runs a guest with one directory; standard input is empty. */
export function runInWasmtime(wasm: string, directory: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(
    WASMTIME,
    ['run', `--dir=${directory}::/`, '--argv0=guest.wasm', wasm, ...args],
    { encoding: 'utf8', input: '', env, maxBuffer: 1 << 28, timeout: 60_000 },
  );
  if (error) throw error;
  return { exitCode: status, stdout, stderr };
}

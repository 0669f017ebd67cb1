/** Runs a command line of `wasmtime run` under this host and under wasmtime, on the same OpenVINO libraries. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Requirement } from '../support/requirements.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const WASMTIME = process.env.WASI_NN_HOST_TEST_WASMTIME ?? '';
/** OpenVINO's libraries with the names that wasmtime looks for; this host takes the same. */
export const OPENVINO = process.env.WASI_NN_HOST_TEST_WASMTIME_OPENVINO ?? '';

export const peer: Requirement = {
  met: existsSync(WASMTIME) && existsSync(OPENVINO),
  reason: 'WASI_NN_HOST_TEST_WASMTIME and WASI_NN_HOST_TEST_WASMTIME_OPENVINO name no wasmtime and no OpenVINO for it',
};

/** What a program did that another can be compared with. */
export interface Outcome {
  exitCode: number | null;
  /** One character for each byte, so that equal strings are equal bytes. */
  stdout: string;
  stderr: string;
}

export interface Invocation {
  /** After `run`: options, module, the guest's arguments. */
  args: readonly string[];
  /** Default: nothing, at its end at once. */
  stdin?: string;
  env?: Readonly<Record<string, string>>;
}

/** Under this host. */
export function runHere(invocation: Invocation): Outcome {
  const args = [join(ROOT, 'run.js'), 'run', ...invocation.args];
  return run(process.execPath, args, invocation, { OPENVINO_DIR: OPENVINO });
}

/** Under wasmtime. */
export function runPeer(invocation: Invocation): Outcome {
  return run(WASMTIME, ['run', ...invocation.args], invocation, { LD_LIBRARY_PATH: OPENVINO });
}

function run(program: string, args: string[], { stdin, env }: Invocation, more: Record<string, string>): Outcome {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...more, ...env },
    input: stdin ?? '',
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  return { exitCode: status, stdout, stderr };
}

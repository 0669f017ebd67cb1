import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Requirement } from '../support/requirements.ts';

/** The guests that `install.mjs` fetched: the directory that it printed. */
const VARIABLE = 'WASI_NN_HOST_TEST_LANGUAGE_RUNTIMES';

/** An interpreter that was fetched, such as `python.wasm`. */
export function installedRuntime(name: string): Requirement & { path: string } {
  const directory = process.env[VARIABLE] ?? '';
  const path = join(directory, name);
  const reason = directory
    ? `there is no ${name} in ${directory}`
    : `${VARIABLE} names no directory with ${name}: node test/language-runtimes/install.mjs DIRECTORY`;
  return { met: directory !== '' && existsSync(path), reason, path };
}

/** A compiler that can be asked something that only one with the target can answer. */
export function compiler(
  wanted: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Requirement {
  const { status } = spawnSync(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
  return { met: status === 0, reason: `${wanted} is not here` };
}

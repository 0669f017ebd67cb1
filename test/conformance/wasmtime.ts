import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { findWasmtime } from '../support/wasmtime.ts';

export const wasmtime = findWasmtime();

export function wasmtimeVersion(): string {
  return spawnSync(wasmtime.path, ['--version'], { encoding: 'utf8', env: wasmtime.env }).stdout.trim();
}

/** Under which name it is started, and as whom, where not as this user. */
export interface Start {
  program?: string;
  options?: Pick<SpawnSyncOptions, 'uid' | 'gid' | 'stdio' | 'env'>;
}

/** Runs a guest with one directory; standard input is empty. */
export function runInWasmtime(wasm: string, directory: string, args: readonly string[], start: Start = {}) {
  const { status, stdout, stderr, error } = spawnSync(
    start.program ?? wasmtime.path,
    ['run', `--dir=${directory}::/`, '--argv0=guest.wasm', wasm, ...args],
    { encoding: 'utf8', input: '', env: wasmtime.env, ...start.options, maxBuffer: 1 << 28, timeout: 60_000 },
  );
  if (error) throw error;
  return { exitCode: status, stdout, stderr };
}

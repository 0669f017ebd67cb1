import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Requirement } from './requirements.ts';

/**
 * The wasmtime to compare with: the one that WASI_NN_HOST_TEST_WASMTIME names, or else the first on PATH.
 * WASI_NN_HOST_TEST_WASMTIME_OPENVINO names the libraries that it opens for wasi-nn.
 */
export function findWasmtime(): Requirement & { path: string; env: NodeJS.ProcessEnv } {
  const named = process.env.WASI_NN_HOST_TEST_WASMTIME;
  const path = named ?? onPath('wasmtime') ?? '';
  const libraries = process.env.WASI_NN_HOST_TEST_WASMTIME_OPENVINO;
  return {
    met: path !== '' && existsSync(path),
    reason: named ? `there is no ${named}` : 'wasmtime is not on PATH, nor named by WASI_NN_HOST_TEST_WASMTIME',
    path,
    env: { ...process.env, RUST_BACKTRACE: '0', ...(libraries && { LD_LIBRARY_PATH: libraries }) },
  };
}

function onPath(program: string): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return places.map((place) => join(place, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

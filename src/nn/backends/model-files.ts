import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BackendError } from '../../errors.ts';
import type { Encoding } from '../backend.ts';
import { LESS_THAN } from '../model-content/sniff.ts';

/** A model in files of the host: its bytes, or the paths of an IR, whose weights need not pass through JavaScript. */
export type ModelFiles =
  | { builders: Uint8Array[]; irPaths?: undefined }
  | { builders?: undefined; irPaths: readonly [xml: string, weights: string] };

/**
 * Looks at files that the host names for a graph. What OpenVINO would find in them is untrusted all the same: a model
 * from the network may name files of this machine, so all but IR is read here and checked like a guest's.
 *
 * @param paths IR: xml and weights. Others: one
 * @throws BackendError ERR_NN_INVALID_ARGUMENT, ERR_NN_INVALID_MODEL when a file cannot be read or is no IR
 */
export function readModelFiles(paths: readonly string[], encoding: Encoding): ModelFiles {
  const irPaths = irPathsOf(paths, encoding);
  if (irPaths !== undefined) return { irPaths };
  return { builders: paths.map((path) => tryRead(path, () => readFileSync(path))) };
}

/** As {@link readModelFiles}, without blocking the thread. */
export async function readModelFilesAsync(paths: readonly string[], encoding: Encoding): Promise<ModelFiles> {
  const irPaths = irPathsOf(paths, encoding);
  if (irPaths !== undefined) return { irPaths };
  const builders: Uint8Array[] = [];
  for (const path of paths)
    builders.push(await readFile(path).catch((cause) => Promise.reject(unreadable(path, cause))));
  return { builders };
}

function irPathsOf(paths: readonly string[], encoding: Encoding): ModelFiles['irPaths'] {
  const [first, weights] = paths;
  const areTwo = first !== undefined && weights !== undefined && paths.length === 2;
  if (encoding !== 'openvino' || !areTwo || readFirstByte(first) !== LESS_THAN) return undefined;
  return [first, weights];
}

function readFirstByte(path: string): number | undefined {
  return tryRead(path, () => {
    const file = openSync(path, 'r');
    try {
      const first = new Uint8Array(1);
      return readSync(file, first) === 1 ? first[0] : undefined;
    } finally {
      closeSync(file);
    }
  });
}

function tryRead<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `the model file '${path}' cannot be read: ${reasonOf(cause)}`, {
    cause,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a graph's files are still what was read of them. */
import { readFile, stat } from 'node:fs/promises';
import { BackendError } from '../errors.ts';
import type { FileSource } from '../nn/registry.ts';

/** Changes with every change of a file, and with every other that takes its name. */
export function fileStamps(paths: readonly string[]): Promise<string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    }),
  );
}

/**
 * The bytes of files, which are those that the stamps were taken of.
 * @param name of the graph, for the message
 * @throws BackendError ERR_NN_GRAPH_NOT_FOUND where that cannot be
 */
export async function readStamped(name: string, { paths, stamps }: FileSource): Promise<Uint8Array[]> {
  try {
    const bytes = await Promise.all(paths.map((path) => readFile(path)));
    const now = await fileStamps(paths);
    if (stamps === undefined || now.every((stamp, index) => stamp === stamps[index])) return bytes;
  } catch (error) {
    throw changed(name, error);
  }
  throw changed(name);
}

function changed(name: string, cause?: unknown): BackendError {
  const message = `graph '${name}': its files are not what they were when it was registered; register it again`;
  return new BackendError('ERR_NN_GRAPH_NOT_FOUND', message, { cause });
}

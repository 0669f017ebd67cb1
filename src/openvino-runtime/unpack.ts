import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';

const LICENCES = 'licenses';

// Devices and frontends that no guest can ask for through wasi-nn. What is not there cannot be attacked, and reading a
// model from bytes opens every frontend that lies beside the library.
const NOT_NEEDED = /_(intel_gpu|intel_npu)_plugin\.|_(pytorch|paddle|jax|gguf)_frontend\./;

/**
 * Where a file of the wheel goes under the runtime's directory; undefined for what is not needed. The answer is made of
 * one checked name, so no name in an archive leads out of the directory.
 */
export function unpackedName(entryName: string): string | undefined {
  const library = /^openvino\/libs\/([\w.+-]+\.(?:so(?:\.\d+)*|dylib))$/.exec(entryName)?.[1];
  if (library !== undefined) return NOT_NEEDED.test(library) || library.startsWith('.') ? undefined : library;
  const licence = /^openvino-[\w.+-]+\.dist-info\/licenses\/(?:[\w.+-]+\/)*(\w[\w.+-]*)$/.exec(entryName)?.[1];
  return licence === undefined ? undefined : join(LICENCES, licence);
}

/**
 * Unpacks the runtime's libraries and their licences from the wheel into `target`, which must be there and empty.
 * @param onFile called before each file with its name and its size in bytes; what it throws ends the work
 */
export async function unpackRuntime(
  wheelPath: string,
  target: string,
  onFile?: (name: string, byteLength: number) => void,
): Promise<void> {
  mkdirSync(join(target, LICENCES), { mode: 0o755 });
  // A name that is absolute or holds `..` is an error of the archive as a whole.
  const archive = await openPromise(wheelPath, { strictFileNames: true });
  try {
    for await (const entry of archive.eachEntry()) {
      const name = unpackedName(entry.fileName);
      if (name === undefined) continue;
      onFile?.(name, entry.uncompressedSize);
      // Before there is an output: one that fails to open while this is awaited has nobody to tell, which ends the process.
      const input = await archive.openReadStreamPromise(entry);
      // `wx`: two entries of one name are not a wheel. `flush`: the directory gets its final name when its files are on the
      // disk, also when the machine stops right then.
      const output = createWriteStream(join(target, name), { flags: 'wx', mode: 0o644, flush: true });
      await pipeline(input, output);
    }
  } finally {
    archive.close();
  }
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Gives bytes a name for as long as `use` runs: OpenVINO reads some encodings only by path, and tells them by the suffix.
 * The directory is this user's alone (0700), so nobody exchanges the file in between.
 */
export function withTemporaryFile<Value>(bytes: Uint8Array, suffix: string, use: (path: string) => Value): Value {
  const folder = mkdtempSync(join(tmpdir(), 'wasi-nn-host-'));
  try {
    const path = join(folder, `model${suffix}`);
    writeFileSync(path, bytes, { mode: 0o600 });
    return use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

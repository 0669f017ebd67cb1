import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A temporary directory that goes when the test is over. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-nn-host-test-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file and the directories above it. */
export function writeUnder(folder: string, path: string, content: string | Uint8Array = ''): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/**
 * A directory that looks like OpenVINO to the search, which never opens a library.
 * @param suffix what stands behind `.so`: `.2641`, `.2026.4.1`, ``
 * @returns the path of its libopenvino_c
 */
export function fakeRuntime(folder: string, suffix = '.2641'): string {
  writeUnder(folder, `libopenvino.so${suffix}`, 'core');
  return writeUnder(folder, `libopenvino_c.so${suffix}`, 'c');
}

/** An executable script. */
export function writeProgram(folder: string, name: string, content: string): string {
  const file = writeUnder(folder, name, content);
  chmodSync(file, 0o755);
  return file;
}

/** An environment in which nothing of this machine is found: an empty home and nothing on PATH. */
export function emptyEnvironment(home: string): NodeJS.ProcessEnv {
  return { HOME: join(home, 'home'), XDG_CACHE_HOME: join(home, 'cache'), PATH: join(home, 'bin') };
}

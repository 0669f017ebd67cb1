import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addonPlaces } from '../../src/native/addon.ts';
import { findRuntime } from '../../src/openvino-runtime/index.ts';
import type { Requirement } from './requirements.ts';

export interface TestRuntime {
  /** A `libopenvino_c`. */
  libraryPath: string;
  /** As far as the file's name tells. */
  version: string;
}

/** Directories that hold a `libopenvino_c`, separated by colons: the tests of the addon run over each. */
const VARIABLE = 'WASI_NN_HOST_TEST_RUNTIMES';
const LIBRARY = /^libopenvino_c\.(?:so(?:\.(\d+))?|dylib)$/;

/**
 * The OpenVINO runtimes to test with: those that WASI_NN_HOST_TEST_RUNTIMES names, else the one that a host would find.
 * A process can open one of them only.
 */
export function testRuntimes(): TestRuntime[] {
  const directories = process.env[VARIABLE];
  if (directories) return directories.split(':').filter(Boolean).map(inDirectory);
  const found = findRuntime({ remember: false });
  return found ? [{ libraryPath: found.libraryPath, version: found.version ?? 'found' }] : [];
}

function inDirectory(directory: string): TestRuntime {
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const file = files
    .filter((name) => LIBRARY.test(name))
    .sort()
    .at(-1);
  if (!file) throw new Error(`${VARIABLE} names ${directory}, which holds no libopenvino_c`);
  return { libraryPath: join(directory, file), version: LIBRARY.exec(file)?.[1] ?? directory };
}

/** The built addon, for tests and for the plain scripts that they run in processes of their own. */
export function builtAddon(): Requirement & { path: string } {
  const path = addonPlaces().find((place) => existsSync(place)) ?? '';
  return { met: path !== '', reason: 'the native addon is not built', path };
}

/** The addon and at least one runtime. */
export function addonAndRuntimes(): Requirement {
  if (!builtAddon().met) return builtAddon();
  return { met: testRuntimes().length > 0, reason: 'no OpenVINO runtime was found' };
}

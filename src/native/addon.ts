import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackendError, type ErrorCode, HostError } from '../errors.ts';
import type { NativeFs } from './fs.ts';
import type { NativeOpenVino } from './openvino.ts';
import type { NativeStack } from './stack.ts';
import type { NativeThread } from './thread.ts';

/** The addon's exports: one `.node` file with rooms that know nothing of each other. */
export interface NativeAddon {
  /** Gives the addon the maker of its errors; once per thread, before anything else. */
  initialize(createError: (code: ErrorCode, message: string) => Error): void;
  openvino: NativeOpenVino;
  /** Absent on platforms whose file system room is not built. */
  fs?: NativeFs;
  stack?: NativeStack;
  thread: NativeThread;
  /** Ends the process at once: no exit handlers, no waiting for threads of the runtime. Everything must be written before. */
  exitNow(exitCode: number): never;
}

const ADDON_FILE = 'wasi_nn_host.node';

/** The root folder of this package, found by its package.json from wherever this code was bundled to. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!isPackageRoot(folder)) {
    const parent = dirname(folder);
    if (parent === folder) throw new HostError('ERR_ADDON_UNAVAILABLE', 'the package.json of wasi-nn-host is missing');
    folder = parent;
  }
  return folder;
}

function isPackageRoot(folder: string): boolean {
  const file = join(folder, 'package.json');
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'wasi-nn-host';
}

/** Where the addon may lie, in order: cmake-js builds into native/build, node-gyp into native/gyp/build. */
export function addonPlaces(root: string = packageRoot()): string[] {
  const override = process.env.WASI_NN_HOST_ADDON;
  if (override) return [override];
  return [
    join(root, 'native', 'build', 'Release', ADDON_FILE),
    join(root, 'native', 'gyp', 'build', 'Release', ADDON_FILE),
    join(root, 'native', 'prebuilt', `${process.platform}-${process.arch}`, ADDON_FILE),
  ];
}

let loaded: NativeAddon | HostError | undefined;

/**
 * Loads the addon, once per thread.
 * @throws HostError ERR_ADDON_UNAVAILABLE with every place and its reason.
 */
export function loadAddon(): NativeAddon {
  loaded ??= tryLoad();
  if (loaded instanceof HostError) throw loaded;
  return loaded;
}

/** The addon where this thread has loaded it, without loading it. */
export function addonIfLoaded(): NativeAddon | undefined {
  return loaded instanceof HostError ? undefined : loaded;
}

/** The command that builds the addon and shows how. */
export function howToBuild(): string {
  return existsSync(join(packageRoot(), 'src')) ? 'npm run build:native' : 'npx wasi-nn-host setup';
}

/** Why none of {@link addonPlaces} holds a file, and what to do: in the words of a build that failed, where there was one. */
export function whyNotBuilt(): string {
  const override = process.env.WASI_NN_HOST_ADDON;
  if (override) return `WASI_NN_HOST_ADDON names ${override}, which is not there`;
  try {
    return readFileSync(join(packageRoot(), 'native', 'build', 'why-not-built.txt'), 'utf8');
  } catch {
    return `none is shipped for ${process.platform}-${process.arch}: run "${howToBuild()}"`;
  }
}

function tryLoad(): NativeAddon | HostError {
  if (!['linux', 'darwin'].includes(process.platform)) {
    const message = `${process.platform} is not supported: Linux is, and macOS has code that was never run`;
    return new HostError('ERR_ADDON_UNAVAILABLE', message);
  }
  const reasons: string[] = [];
  for (const place of addonPlaces().filter((file) => existsSync(file))) {
    try {
      const addon = createRequire(import.meta.url)(place) as NativeAddon;
      addon.initialize((code, message) => new BackendError(code, message));
      return addon;
    } catch (error) {
      reasons.push(`${place}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const message =
    reasons.length === 0
      ? `the native addon is not built: ${whyNotBuilt()}`
      : `the native addon does not load, and "${howToBuild()}" builds it anew: ${reasons.join('; ')}`;
  return new HostError('ERR_ADDON_UNAVAILABLE', message);
}

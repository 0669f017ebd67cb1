/** The one place that names inference backends. */
import { HostError } from '../errors.ts';
import { loadAddon } from '../native/addon.ts';
import type { Backend } from '../nn/backend.ts';
import { NativeBackend } from '../nn/backends/openvino/backend.ts';
import { OpenVinoNodeBackend } from '../nn/backends/openvino-node/backend.ts';
import { findRuntime, runtimeNotFound } from '../openvino-runtime/index.ts';
import { invalidOption } from '../options.ts';

/** `auto` is `native`, and `openvino-node` where the native addon or `libopenvino_c` is missing. */
export type BackendChoice = 'auto' | 'native' | 'openvino-node';

export const BACKEND_CHOICES: readonly BackendChoice[] = ['auto', 'native', 'openvino-node'];

export interface BackendOptions {
  /** Default: `auto`. */
  backend?: BackendChoice | undefined;
  /** A directory or library file to open, in place of the search. Only the native backend opens what it is given. */
  openvinoDir?: string | undefined;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Whether the caller runs in a worker thread that it never terminates. */
  insideWorker?: boolean | undefined;
}

/**
 * Makes the backend that was chosen. Nothing is opened yet but, for `auto`, the addon.
 * @throws BackendError ERR_NN_RUNTIME_NOT_FOUND, ERR_NN_BACKEND_UNAVAILABLE; HostError ERR_ADDON_UNAVAILABLE; OptionError
 */
export function createBackend(options: BackendOptions): Backend {
  const { backend = 'auto', openvinoDir } = options;
  if (backend === 'native') return nativeBackend(options);
  if (backend === 'openvino-node') {
    if (openvinoDir === undefined) return openVinoNodeBackend(options);
    throw invalidOption('openvinoDir', 'none with the backend openvino-node, which brings its own', openvinoDir);
  }
  const missing = whyNotNative(options);
  if (missing === undefined) return nativeBackend(options);
  try {
    const other = openVinoNodeBackend(options);
    other.describe();
    return other;
  } catch (error) {
    // What is missing of the first choice is what a user can mend.
    if (error instanceof HostError) throw missing;
    throw error;
  }
}

/** Why the native backend cannot be used, where the addon or the library is missing. */
function whyNotNative(options: BackendOptions): HostError | undefined {
  try {
    loadAddon();
    findLibrary(options);
    return undefined;
  } catch (error) {
    if (error instanceof HostError) return error;
    throw error;
  }
}

function findLibrary({ openvinoDir, env = process.env }: BackendOptions): string {
  const found = findRuntime({ explicit: openvinoDir, env });
  if (found === undefined) throw runtimeNotFound();
  return found.libraryPath;
}

function nativeBackend(options: BackendOptions): Backend {
  return new NativeBackend({ libraryPath: () => findLibrary(options) });
}

function openVinoNodeBackend({ insideWorker = false }: BackendOptions): Backend {
  return new OpenVinoNodeBackend({ insideWorker });
}

export { streamProperties } from '../nn/backends/openvino/streams.ts';

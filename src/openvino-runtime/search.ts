import { BackendError } from '../errors.ts';
import type { FindRuntimeOptions, FoundRuntime, SearchedPlace } from './contract.ts';
import {
  cachePlace,
  explicitPlace,
  intelPlace,
  libraryPathPlace,
  linkerPlace,
  openvinoNodePlace,
  PLACES,
  pythonOnPath,
  pythonPlace,
  type SlowPlace,
  variablePlace,
} from './places.ts';
import { memoryKey, recall, remember, stampAll } from './remembered.ts';

type Look<P extends SearchedPlace = SearchedPlace> = (env: NodeJS.ProcessEnv) => P;

/** A few stats each, so they are looked at on every start. */
const QUICK_PLACES: readonly Look[] = [
  ...PLACES.variables.map((name) => (env: NodeJS.ProcessEnv) => variablePlace(name, env)),
  libraryPathPlace,
  () => openvinoNodePlace(),
  cachePlace,
];

/** A process or whole directories: looked at when nothing is remembered. */
const SLOW_PLACES: readonly Look<SlowPlace>[] = [
  (env) => pythonPlace(pythonOnPath(env), env),
  () => intelPlace(),
  () => linkerPlace(),
];

/**
 * Finds the OpenVINO to open: the first place of the search that holds a `libopenvino_c` with its own `libopenvino` beside
 * it. Nothing is opened. Takes well under a millisecond unless nothing is remembered; then `python3` is run once.
 * @throws BackendError ERR_NN_RUNTIME_NOT_FOUND when `explicit` is given and holds nothing.
 */
export function findRuntime(options: FindRuntimeOptions = {}): FoundRuntime | undefined {
  const env = options.env ?? process.env;
  if (options.explicit !== undefined) return findExplicit(options.explicit);
  for (const look of QUICK_PLACES) {
    const { found } = look(env);
    if (found) return found;
  }
  return options.remember === false ? searchSlowPlaces(env).found : recallOrSearch(env);
}

function findExplicit(path: string): FoundRuntime {
  const { found, detail } = explicitPlace(path);
  if (found) return found;
  throw new BackendError('ERR_NN_RUNTIME_NOT_FOUND', `no OpenVINO at the place you named: ${detail}`);
}

function recallOrSearch(env: NodeJS.ProcessEnv): FoundRuntime | undefined {
  const memory = recall(memoryKey(pythonOnPath(env), env), env);
  return memory ? memory.found : searchSlowPlaces(env, true).found;
}

function searchSlowPlaces(env: NodeJS.ProcessEnv, keep = false): { places: SearchedPlace[]; found?: FoundRuntime } {
  const places = SLOW_PLACES.map((look) => look(env));
  const found = places.find((place) => place.found)?.found;
  if (keep) rememberSlowPlaces(places, found, env);
  return found ? { places, found } : { places };
}

function rememberSlowPlaces(
  places: readonly SlowPlace[],
  found: FoundRuntime | undefined,
  env: NodeJS.ProcessEnv,
): void {
  const python = pythonOnPath(env);
  // What stands behind the found place in the order cannot change the answer.
  const asked = found ? places.slice(0, places.findIndex((place) => place.found) + 1) : places;
  const watched = new Set(asked.flatMap((place) => place.watched));
  if (python !== undefined) watched.add(python);
  if (found) watched.add(found.libraryPath);
  const stamps = stampAll([...watched]);
  remember({ key: memoryKey(python, env), ...(found && { found }), stamps }, env);
}

/**
 * Every place of the search in its order, with what was found there, for people to read. Runs `python3` and refreshes what
 * is remembered. The first place with `found` is the one that {@link findRuntime} takes.
 */
export function searchPlaces(options: FindRuntimeOptions = {}): SearchedPlace[] {
  const env = options.env ?? process.env;
  if (options.explicit !== undefined) return [explicitPlace(options.explicit)];
  const quick = QUICK_PLACES.map((look) => look(env));
  return [...quick, ...searchSlowPlaces(env, options.remember !== false).places];
}

/** The error for a caller that needs a runtime when {@link findRuntime} found none. */
export function runtimeNotFound(): BackendError {
  return new BackendError(
    'ERR_NN_RUNTIME_NOT_FOUND',
    'no OpenVINO was found: run "wasi-nn-host setup" ("node run.js setup" in a checkout) to fetch it, or set OPENVINO_DIR to where it is installed; "wasi-nn-host doctor" shows every place that was searched',
  );
}

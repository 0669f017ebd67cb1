import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedRuntimes, cacheRoot, cacheRootProblem } from './cache-dir.ts';
import type { SearchedPlace } from './contract.ts';
import {
  compareVersions,
  type DirectoryAnswer,
  type LibraryFile,
  libraryInDirectory,
  libraryUnder,
} from './library-files.ts';
import { askPython, findOnPath } from './python.ts';

/** A place that was looked at, and what has to be looked at again to know that the answer still holds. */
export interface SlowPlace extends SearchedPlace {
  watched: string[];
}

/** The names of the places, in the order of the search. */
export const PLACES = {
  explicit: 'the place you named',
  variables: ['OPENVINO_DIR', 'OPENVINO_INSTALL_DIR', 'INTEL_OPENVINO_DIR'],
  libraryPath: process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH',
  openvinoNode: 'openvino-node',
  cache: 'cache',
  python: 'Python package',
  intel: '/opt/intel',
  linker: 'system libraries',
} as const;

/** What the user named by an option: a directory or the library itself. */
export function explicitPlace(path: string): SearchedPlace {
  const full = resolve(path);
  return answered(PLACES.explicit, full, libraryUnder(full));
}

/** One environment variable that names an OpenVINO directory. */
export function variablePlace(name: string, env: NodeJS.ProcessEnv): SearchedPlace {
  const value = env[name];
  if (!value) return { place: name, detail: 'not set' };
  const path = resolve(value);
  return answered(name, path, libraryUnder(path));
}

/** The dynamic linker's search path. Empty entries mean the current directory there; here they mean nothing. */
export function libraryPathPlace(env: NodeJS.ProcessEnv): SearchedPlace {
  const place = PLACES.libraryPath;
  const folders = (env[place] ?? '').split(/[:;]/).filter((entry) => entry !== '');
  if (folders.length === 0) return { place, detail: 'not set' };
  return firstOf(
    place,
    folders.map((folder) => resolve(folder)),
  );
}

/** The runtime that openvino-node's own installation fetched, in `node_modules` here or in any directory above. */
export function openvinoNodePlace(from?: string): SearchedPlace {
  const place = PLACES.openvinoNode;
  const folder = findOpenvinoNode(from);
  if (folder === undefined) return { place, detail: 'not installed' };
  const binaries = join(folder, 'bin');
  if (!existsSync(binaries)) return { place, detail: `${binaries}: not there, its installation fetched nothing` };
  return answered(place, binaries, libraryInDirectory(binaries));
}

/** The directory of the package openvino-node as code in `from` would import it; nothing of it is loaded. */
export function findOpenvinoNode(from: string = dirname(fileURLToPath(import.meta.url))): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', 'openvino-node');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/** What `setup` fetched, the newest version first. */
export function cachePlace(env: NodeJS.ProcessEnv): SearchedPlace {
  const place = PLACES.cache;
  const root = cacheRoot(env);
  if (root === undefined) return { place, detail: 'you have no home directory' };
  const problem = cacheRootProblem(root);
  if (problem !== undefined) return { place, detail: `${root}: ${problem}` };
  const parent = cachedRuntimes(root);
  const versions = foldersIn(parent).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  if (versions.length === 0) return { place, detail: `${parent}: empty` };
  return firstOf(
    place,
    versions.sort((a, b) => compareVersions(b, a)).map((name) => join(parent, name)),
  );
}

/** The `openvino` package of the `python3` on PATH. Runs it. */
export function pythonPlace(python: string | undefined, env: NodeJS.ProcessEnv): SlowPlace {
  const place = PLACES.python;
  if (python === undefined) return { place, detail: 'no python3 on PATH', watched: [] };
  const { libraries, watched, problem } = askPython(python, env);
  if (libraries === undefined) return { place, detail: `${python}: ${problem ?? 'has no package openvino'}`, watched };
  return { ...answered(place, libraries, libraryInDirectory(libraries)), watched };
}

/** The python3 that {@link pythonPlace} would ask. */
export function pythonOnPath(env: NodeJS.ProcessEnv): string | undefined {
  return findOnPath('python3', env);
}

/** `/opt/intel/openvino*`, the newest version first. */
export function intelPlace(parent: string = PLACES.intel): SlowPlace {
  const place = PLACES.intel;
  const watched = [parent];
  const folders = foldersIn(parent).filter((name) => name.startsWith('openvino'));
  if (folders.length === 0) return { place, detail: `no openvino* in ${parent}`, watched };
  const found = folders.flatMap((name) => {
    const answer = libraryUnder(join(parent, name));
    return 'found' in answer ? [answer.found] : [];
  });
  const [newest] = found.sort((a, b) => compareVersions(b.version, a.version));
  if (newest) return { ...answered(place, dirname(newest.path), { found: newest }), watched };
  return { place, detail: `nothing usable in ${folders.map((name) => join(parent, name)).join(', ')}`, watched };
}

/** Where the dynamic linker looks by itself: the directories in its cache, then the standard ones. */
export function linkerPlace(
  cacheFile = '/etc/ld.so.cache',
  standard: readonly string[] = standardFolders(),
): SlowPlace {
  const place = PLACES.linker;
  const cached = foldersInLinkerCache(cacheFile);
  const folders = distinct([...cached, ...standard]);
  return { ...firstOf(place, folders), watched: [cacheFile, ...folders] };
}

function standardFolders(): string[] {
  if (process.platform === 'darwin') return ['/opt/homebrew/lib', '/usr/local/lib'];
  const multiarch = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as 'x64' | 'arm64'];
  const folders = ['/usr/local/lib', '/usr/lib64', '/lib64', '/usr/lib', '/lib'];
  return multiarch ? [`/usr/local/lib/${multiarch}`, `/usr/lib/${multiarch}`, ...folders] : folders;
}

/** Those that are there, each once: `/lib` is nearly always a link to `/usr/lib`. */
function distinct(folders: readonly string[]): string[] {
  const byTarget = new Map<string, string>();
  for (const folder of folders.filter((path) => existsSync(path))) {
    const target = realpathSync(folder);
    if (!byTarget.has(target)) byTarget.set(target, folder);
  }
  return [...byTarget.values()];
}

/** The linker's cache holds every path as NUL-terminated text, so the ones of the C library can be picked out. */
function foldersInLinkerCache(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch {
    return [];
  }
  const paths = text.matchAll(/\/[^\0]*\/libopenvino_c\.so[.\d]*(?=\0)/g);
  return [...paths].map(([path]) => dirname(path));
}

/** The first directory that holds the library; where none does, what is wrong with each. */
function firstOf(place: string, folders: readonly string[]): SearchedPlace {
  const foldersByProblem = new Map<string, string[]>();
  for (const folder of folders) {
    const answer = libraryInDirectory(folder);
    if ('found' in answer) return answered(place, folder, answer);
    foldersByProblem.set(answer.problem, [...(foldersByProblem.get(answer.problem) ?? []), folder]);
  }
  const reasons = [...foldersByProblem].map(([problem, those]) => `${those.join(', ')}: ${problem}`);
  return { place, detail: reasons.join('; ') };
}

function answered(place: string, where: string, answer: DirectoryAnswer): SearchedPlace {
  if ('problem' in answer) return { place, detail: `${where}: ${answer.problem}` };
  const { path: libraryPath, version }: LibraryFile = answer.found;
  const found = version === undefined ? { libraryPath, place } : { libraryPath, place, version };
  return { place, detail: libraryPath, found };
}

function foldersIn(parent: string): string[] {
  try {
    return readdirSync(parent);
  } catch {
    return [];
  }
}

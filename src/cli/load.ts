/**
 * Loads the bundled command line, and keeps what V8 compiled of it for the next start, which takes 5 ms less of 34 then.
 *
 * It is kept inside of `dist/`: whoever can write there can change the program itself. Where nobody can, nothing is kept.
 * Node has a cache of its own from 22.1 on, which is written as a process ends; this one ends at once.
 */
import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import type { start } from './start.ts';

/** Of the bundle's content, put in by the build: V8 itself compares no more than the length of a source. */
declare const BUNDLE_HASH: string;

const FOLDER = join(import.meta.dirname, 'code-cache');
const FILE = join(FOLDER, `${BUNDLE_HASH}-${process.versions.v8}-${process.arch}`);

function readKept(): Buffer | undefined {
  try {
    return readFileSync(FILE);
  } catch {
    return undefined;
  }
}

/**
 * On the disk before it has its name: V8 does not check what it is given, and would crash on half of a file after a power
 * failure.
 */
function keep(code: Buffer): void {
  // A folder that this user may not write, or a full disk: every start compiles anew.
  attempt(() => mkdirSync(FOLDER, { recursive: true }));
  const unfinished = `${FILE}.${process.pid}`;
  const isWritten = attempt(() => writeFileSync(unfinished, code, { flush: true }));
  if (!isWritten || !attempt(() => renameSync(unfinished, FILE))) attempt(() => unlinkSync(unfinished));
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

function load(): void {
  const filename = join(import.meta.dirname, 'command-line.js');
  const cachedData = readKept();
  // The build writes ASCII.
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`;
  const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
  const module = { exports: {} as { start: typeof start } };
  const evaluate = script.runInThisContext() as (...args: unknown[]) => void;
  evaluate(module.exports, createRequire(filename), module, filename, import.meta.dirname);
  module.exports.start(() => {
    if (cachedData === undefined) keep(script.createCachedData());
  });
}

load();

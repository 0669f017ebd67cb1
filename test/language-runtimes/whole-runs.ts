/** Runs a whole program of a language under this host and under wasmtime, with one command line in equal directories. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { findWasmtime } from '../support/wasmtime.ts';

const RUN = new URL('../../run.js', import.meta.url).pathname;
const TIMEOUT_MS = 240_000;

/** For a first run on two busy cores, when wasmtime compiles 30 MB of a guest, too. */
export const WHOLE_RUN_TIMEOUT_MS = 2 * TIMEOUT_MS;

export const wasmtime = findWasmtime();

export interface WholeRun {
  /** Options, module and the guest's arguments, as they follow `run`. The guest's directory is `.`. */
  args: readonly string[];
  stdin?: string;
  /** Fills the directory that the guest is given. */
  prepare?: (directory: string) => void;
  /** Takes out of the output what differs from run to run. */
  steady?: (text: string) => string;
}

interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** A line for everything below the guest's directory: type, size, links, content. */
  tree: readonly string[];
}

/**
 * What both print, exit with and leave behind.
 * @throws An assertion when they differ, or when the guest never came to write `marker`.
 */
export function expectSameRun(directory: () => string, run: WholeRun, marker: string): void {
  const theirs = outcomeOf(wasmtime.path, ['run', ...run.args], wasmtime.env, directory(), run);
  expect(theirs.stdout + theirs.stderr).toContain(marker);
  expect(outcomeOf(process.execPath, [RUN, 'run', ...run.args], process.env, directory(), run)).toEqual(theirs);
}

function outcomeOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  parent: string,
  { stdin = '', prepare, steady = (text) => text }: WholeRun,
): Outcome {
  const directory = join(parent, 'guest');
  mkdirSync(directory);
  prepare?.(directory);
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...{ cwd: directory, env, input: stdin, encoding: 'latin1' },
    ...{ maxBuffer: 1 << 28, timeout: TIMEOUT_MS },
  });
  if (error) throw error;
  return {
    exitCode: status,
    stdout: steady(stdout),
    stderr: steady(withoutWhereabouts(stderr)),
    tree: treeOf(directory),
  };
}

/** A backtrace's first address, which wasmtime lacks where the stack ran out, and its advice how to see more. */
function withoutWhereabouts(stderr: string): string {
  return stderr
    .replace(/^note: using the `WASMTIME_BACKTRACE_DETAILS=1`.*\n/m, '')
    .replace(/^( +\d+:) +(?:0x[0-9a-f]+ - )?(?=<unknown>!)/gm, '$1 ')
    .trimEnd();
}

function treeOf(directory: string, prefix = ''): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      const status = lstatSync(path);
      const line = `${prefix}${name} ${status.mode.toString(8)}`;
      if (status.isDirectory()) return [line, ...treeOf(path, `${prefix}${name}/`)];
      if (status.isSymbolicLink()) return [`${line} ${readlinkSync(path)}`];
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [`${line} ${status.size} ${status.nlink} ${digest}`];
    });
}

/** Directories for one test file: a new one with each call. */
export const guestDirectories = temporaryDirectories;

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CASES = fileURLToPath(new URL('cases/', import.meta.url));
const EXPECTED = fileURLToPath(new URL('expected/', import.meta.url));

export const PROBE = fileURLToPath(new URL('probe/probe.wasm', import.meta.url));
/** The same, importing `wasi_unstable`; it knows no `proc_raise` and no `sock_accept`. */
export const UNSTABLE_PROBE = fileURLToPath(new URL('probe/probe-unstable.wasm', import.meta.url));

/** What came after `wasi_unstable`: functions, and the right to accept. */
const LATER_CALL = /^(sock_accept|proc_raise) |0x20000000/;

/** One script for the probe, in a tree of its own. */
export interface Case {
  family: string;
  name: string;
  /** Whether `wasi_unstable` has every function that is called. */
  inUnstable: boolean;
  calls: string[];
  /** What we answer on purpose otherwise than wasmtime: the call's number to the whole line. */
  ours: Map<number, string>;
  /** Whether it goes through small trees beside each other with the probe's `dir`, and not through the one large tree. */
  inSmallTrees: boolean;
}

export const families: readonly string[] = readdirSync(CASES)
  .map((file) => basename(file, '.txt'))
  .sort();

/**
 * Reads the cases of a family. `== name`; a call a line; `=> line` after a call where our answer differs, with the reason in
 * a comment before it.
 */
export function casesOf(family: string): Case[] {
  const cases: Case[] = [];
  for (const line of readFileSync(join(CASES, `${family}.txt`), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('== ')) {
      const name = line.slice(3);
      cases.push({ family, name, inUnstable: true, inSmallTrees: false, calls: [], ours: new Map() });
      continue;
    }
    const last = cases.at(-1);
    if (last === undefined) throw new Error(`${family}: a call before the first case`);
    if (line.startsWith('=> ')) last.ours.set(last.calls.length - 1, line.slice(3));
    else {
      last.calls.push(line);
      if (LATER_CALL.test(line)) last.inUnstable = false;
    }
  }
  return cases;
}

/** Families of which `wasi_unstable` knows nothing else: only what it lays out differently, or lacks, is asked there. */
const SAME_IN_UNSTABLE = /^path-(?!filestat-get)/;

/** A case that was not written by hand. */
export function crossing(family: string, name: string, calls: readonly string[]): Case {
  const inUnstable = !SAME_IN_UNSTABLE.test(family) && !calls.some((call) => LATER_CALL.test(call));
  return { family, name, inUnstable, inSmallTrees: true, calls: [...calls], ours: new Map() };
}

/** What a file of expected answers holds: who gave them, and the output of each case by name. */
export interface Recorded {
  version: string;
  outputs: Map<string, string>;
}

export function recordedOf(family: string): Recorded {
  const [head = '', ...sections] = readFileSync(join(EXPECTED, `${family}.txt`), 'utf8').split('\n== ');
  return {
    version: head.trim(),
    outputs: new Map(
      sections.map((section) => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end + 1).trimEnd()];
      }),
    ),
  };
}

export function recordText(version: string, outputs: readonly (readonly [name: string, output: string])[]): string {
  return `${version}\n${outputs.map(([name, output]) => `== ${name}\n${output}\n`).join('')}`;
}

export function expectedFile(family: string): string {
  return join(EXPECTED, `${family}.txt`);
}

/** The order of a listing is the file system's own matter: names of the nine files are made equal. */
export function normalized(output: string): string {
  return output.trimEnd().replaceAll(/'l[a-i]'/g, "'l_'");
}

/** What we are expected to print, given what wasmtime prints. */
export function withOurs(one: Case, output: string): string {
  return output
    .split('\n')
    .map((line, index) => one.ours.get(index) ?? line)
    .join('\n');
}

/** What `wasi_unstable` answers in place of the later version: it knows no right to accept, the highest bit. */
export function inUnstable(output: string): string {
  return output.replaceAll(/=0x3(?=[0-9a-f]{7}\b)/g, '=0x1');
}

/** Node sets times in seconds: what is below a microsecond is lost. */
export function withoutTimes(output: string): string {
  return output.replaceAll(/ atim=\d+ mtim=\d+/g, '');
}

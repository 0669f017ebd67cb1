/** Adds up, by function of preview1, what was asked here and under wasmtime, for the table at the end of a test run. */
import { ERRNO, errnoName } from '../../src/wasi/errno.ts';
import { CALLS } from '../wasi/fuzz-calls.ts';

/** All functions of `wasi_snapshot_preview1`. */
export const FUNCTIONS: readonly string[] = [...Object.keys(CALLS), 'proc_exit'].sort();

export interface FunctionRow {
  name: string;
  /** Calls that were compared. */
  calls: number;
  errnos: string[];
  /** Calls answered as wasmtime answered when the answers were recorded. */
  same: number;
  /** The same with the wasmtime that is here; 0 calls where there is none. */
  peerCalls: number;
  peerSame: number;
}

declare module 'vitest' {
  interface TaskMeta {
    conformance?: FunctionRow[];
  }
}

const BY_DIRECTIVE: Readonly<Record<string, readonly string[]>> = {
  args: ['args_get', 'args_sizes_get'],
  environ: ['environ_get', 'environ_sizes_get'],
};

export class ConformanceTable {
  readonly #rows = new Map<string, FunctionRow>();

  /** Compares two outputs of one script line by line. */
  add(peer: string, ours: string, by: 'recorded' | 'peer'): void {
    const peerLines = peer.split('\n');
    for (const [index, line] of ours.split('\n').entries()) {
      const word = line.slice(0, line.indexOf(' '));
      for (const name of BY_DIRECTIVE[word] ?? [word]) this.#addLine(name, line, line === peerLines[index], by);
    }
  }

  #addLine(name: string, line: string, isSame: boolean, by: 'recorded' | 'peer'): void {
    if (!FUNCTIONS.includes(name)) return;
    const row = this.#rows.get(name) ?? { name, calls: 0, errnos: [], same: 0, peerCalls: 0, peerSame: 0 };
    this.#rows.set(name, row);
    if (by === 'peer') {
      row.peerCalls++;
      if (isSame) row.peerSame++;
      return;
    }
    row.calls++;
    if (isSame) row.same++;
    for (const [, errno] of line.matchAll(/ errno=(\d+)/g)) {
      const errnoText = errnoName(Number(errno));
      if (!row.errnos.includes(errnoText)) row.errnos.push(errnoText);
    }
  }

  rows(): FunctionRow[] {
    return [...this.#rows.values()];
  }
}

/** The rows of several test files as one table in Markdown. */
export function tableText(all: readonly FunctionRow[]): string {
  const lines = FUNCTIONS.map((name) => {
    const rows = all.filter((row) => row.name === name);
    const sum = (field: 'calls' | 'same' | 'peerCalls' | 'peerSame') =>
      rows.reduce((total, row) => total + row[field], 0);
    const errnos = [...new Set(rows.flatMap((row) => row.errnos))];
    errnos.sort((a, b) => numberOf(a) - numberOf(b));
    const live = sum('peerCalls') === 0 ? '–' : `${sum('peerSame')}/${sum('peerCalls')}`;
    return `| ${name.padEnd(24)} | ${String(sum('calls')).padStart(6)} | ${`${sum('same')}/${sum('calls')}`.padStart(13)} | ${live.padStart(13)} | ${errnos.join(' ')} |`;
  });
  return [
    `| ${'function'.padEnd(24)} |  cases | as recorded   | as wasmtime   | errnos seen |`,
    `| ${'-'.repeat(24)} | -----: | ------------: | ------------: | ----------- |`,
    ...lines,
  ].join('\n');
}

function numberOf(name: string): number {
  return (ERRNO as Readonly<Record<string, number>>)[name] ?? 0;
}

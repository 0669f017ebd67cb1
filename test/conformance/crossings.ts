/** Cases that were not written by hand: every function crossed with everything that matters to it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { descriptorCrossings } from './cross-descriptors.ts';
import { pathCrossings } from './cross-paths.ts';
import { valueCrossings } from './cross-values.ts';
import type { Case } from './script.ts';

export const crossings: readonly Case[] = [...pathCrossings, ...descriptorCrossings, ...valueCrossings];

export const crossingFamilies: readonly string[] = [...new Set(crossings.map((one) => one.family))].sort();

export function crossingFile(family: string): string {
  return fileURLToPath(new URL(`expected/crossings/${family}.txt`, import.meta.url));
}

const ARROW = ' ->';

/**
 * What is recorded: the answers alone, `N* answer` for the same N times, `^` before what the guest itself wrote to standard
 * output. The calls are in the case.
 */
export function answersOf(output: string): string {
  const answers = output.split('\n').map((line) =>
    line
      .slice(line.indexOf(ARROW) + ARROW.length)
      .replace(/^(?! |$)/, '^')
      .trimStart(),
  );
  const runs: [count: number, answer: string][] = [];
  for (const answer of answers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === answer) last[0]++;
    else runs.push([1, answer]);
  }
  return runs.map(([count, answer]) => (count === 1 ? answer : `${count}* ${answer}`)).join('\n');
}

/** The whole output again, as the probe prints it. */
export function outputFrom(one: Case, answers: string): string {
  const each = answers.split('\n').flatMap((line) => {
    const [, count = '1', answer = line] = /^(\d+)\* (.*)$/.exec(line) ?? [];
    return Array.from({ length: Number(count) }, () => answer);
  });
  const lines = one.calls.map((call, index) => `${call}${ARROW}${` ${each[index] ?? ''}`.replace(/^ (\^|$)/, '')}`);
  return lines.join('\n');
}

/** By the name of each case; and who gave the answers. */
export function recordedCrossings(family: string): { version: string; outputs: ReadonlyMap<string, string> } {
  const [head = '', ...sections] = readFileSync(crossingFile(family), 'utf8').split('\n== ');
  const byName = new Map(
    sections.map((section) => {
      const end = section.indexOf('\n');
      return [section.slice(0, end), section.slice(end + 1).replace(/\n$/, '')];
    }),
  );
  const cases = crossings.filter((one) => one.family === family);
  return {
    version: head.trim(),
    outputs: new Map(cases.map((one) => [one.name, outputFrom(one, byName.get(one.name) ?? '')])),
  };
}

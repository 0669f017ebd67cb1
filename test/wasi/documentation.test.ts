/** What the host functions say of themselves: every errno that wasmtime was seen to answer, and where it is specified. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { crossingFamilies, recordedCrossings } from '../conformance/crossings.ts';
import { casesOf, families, recordedOf, withOurs } from '../conformance/script.ts';
import { ConformanceTable, FUNCTIONS } from '../conformance/table.ts';

const SOURCES = fileURLToPath(new URL('../../src/wasi/', import.meta.url));
const DOCUMENTED =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:export function (\w+)|((?:args|environ|clock|fd|path|poll|proc|random|sched|sock)_\w+))\(/g;

/** The text before each function, by its name. */
const texts = new Map<string, string>();
for (const file of readdirSync(SOURCES).filter((name) => name.endsWith('.ts'))) {
  for (const [, text = '', helper, name] of readFileSync(`${SOURCES}${file}`, 'utf8').matchAll(DOCUMENTED)) {
    texts.set(helper ?? name ?? '', text);
  }
}

/** With what it refers to. */
function textOf(name: string): string {
  const text = texts.get(name) ?? '';
  const others = [...text.matchAll(/\{@link (\w+)\}|as `(\w+)`/g)].map(([, link, like]) =>
    texts.get(link ?? like ?? ''),
  );
  return [text, ...others].join('\n');
}

const seen = new ConformanceTable();
for (const family of families) {
  for (const one of casesOf(family)) {
    const output = withOurs(one, recordedOf(family).outputs.get(one.name) ?? '');
    seen.add(output, output, 'recorded');
  }
}
for (const family of crossingFamilies) {
  for (const output of recordedCrossings(family).outputs.values()) seen.add(output, output, 'recorded');
}

describe.each(FUNCTIONS)('%s', (name) => {
  it('says where it is specified', () => {
    expect(texts.get(name)).toContain(`legacy/preview1/docs.md#${name}\n`);
  });

  it('names every errno that it was seen to answer', () => {
    const errnos = seen.rows().find((row) => row.name === name)?.errnos ?? [];
    expect(errnos.filter((errno) => !textOf(name).includes(`\`${errno}\``))).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const bundle = readFileSync(new URL('../../dist/command-line.js', import.meta.url), 'latin1');

/**
 * What Node has loaded by itself when a program starts, or loads in well under a millisecond. Others take up to 8 ms each,
 * of about 150 that a guest with one inference takes: `src/build.mjs` lists those that are loaded when they are used.
 */
const CHEAP = ['node:fs', 'node:module', 'node:os', 'node:path', 'node:url', 'node:util'];

it('a start loads nothing of Node that takes long to load', () => {
  // What is required at the top of the bundle is not indented; what a dynamic import or a getter brings is.
  const required = bundle.matchAll(/^(?:var|const) \w+ = .*?require\("([^"]+)"\)/gm);
  const names = [...new Set([...required].map(([, name]) => name as string))];
  expect(names).toContain('node:fs');
  expect(names.filter((name) => !CHEAP.includes(name))).toEqual([]);
});

it('the bundle is ASCII, which is read without decoding', () => {
  expect(/\P{ASCII}/u.exec(bundle)?.[0]).toBeUndefined();
});

it('a start reads nothing of what a plain run does not need', () => {
  const apart = readFileSync(new URL('../../dist/command-line-apart.js', import.meta.url), 'latin1');
  for (const what of ['wasi-nn-host inspect', 'wasi-nn-host setup:', 'traceEvents']) {
    expect(apart).toContain(what);
    expect(bundle).not.toContain(what);
  }
});

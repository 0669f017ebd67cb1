import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { OPTION_GROUPS } from '../../src/cli/wasmtime-options.ts';
import { skipUnless } from '../support/requirements.ts';
import { findWasmtime } from '../support/wasmtime.ts';

describe.each(OPTION_GROUPS)('-$letter', ({ rules }) => {
  it('says why each key that it refuses is refused', () => {
    const refused = Object.entries(rules).filter(
      ([, { treatment }]) => treatment === 'refused' || treatment === 'failing',
    );
    for (const [key, { words }] of refused)
      expect([key, words]).toEqual([key, expect.stringMatching(/^(is|cannot) \S/)]);
    for (const [key, { treatment, words }] of Object.entries(rules)) {
      if (treatment === 'honoured') expect([key, words]).toEqual([key, expect.stringMatching(/^\S/)]);
    }
  });
});

const wasmtime = findWasmtime();

describe.skipIf(skipUnless(wasmtime))('every key of wasmtime', () => {
  it.each(OPTION_GROUPS)('-$letter is known, and no other', ({ letter, rules }) => {
    const help = execFileSync(wasmtime.path, ['run', `-${letter}`, 'help'], { encoding: 'utf8', env: wasmtime.env });
    const lines = help.split('\n').filter((line) => line.startsWith(`  -${letter} `));
    const keys = lines.map((line) => (/^ {2}-\w +([a-z0-9-]+)/.exec(line)?.[1] ?? line).replace(/-$/, ''));
    expect(keys.length).toBeGreaterThan(2);
    const known = Object.keys(rules);
    expect(keys.filter((key) => !known.includes(key) && key !== 'cranelift')).toEqual([]);
    expect(known.filter((key) => !keys.includes(key))).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Example {
  /** A program in test/examples, or a command line. */
  source: string;
  code: string | undefined;
  output: string;
}

/** `<!-- example: SOURCE -->`, then the program where the source is a file, then what it prints. */
function examplesOf(markdown: string): Example[] {
  const pattern = /<!-- example: (.+?) -->\n\n(?:```js\n([\s\S]*?)```\n\n)?```text\n([\s\S]*?)```/g;
  return [...markdown.matchAll(pattern)].map(([, source = '', code, output = '']) => ({ source, code, output }));
}

/** Text with its numbers taken out, and the numbers: the last digits of a probability depend on the processor. */
function apart(text: string): { words: string; numbers: number[] } {
  const numbers: number[] = [];
  const words = text.replace(/\d+(\.\d+)?(e-?\d+)?/g, (number) => `<${numbers.push(Number(number))}>`);
  return { words, numbers };
}

/** Between processors that compute in bf16 and in f32. */
const PROBABILITY_TOLERANCE = 5e-3;

/** Programs beside those of the README, and what they print. */
const OTHERS: Readonly<Record<string, string>> = {
  'test/examples/pool.mjs': 'InferenceResult(3 thread\nInferenceResult(7 thread\nERR_GUEST_TIMEOUT\n',
  'test/examples/instance.mjs': '[ 101 ]\n[ 111 ]\nhello\n',
};

const examples = examplesOf(readFileSync(join(ROOT, 'README.md'), 'utf8'));
const runtime = nativeRuntime();

describe('the examples of the README', () => {
  // As in a project that installed the package: found by its name, through its `exports`.
  let project = '';
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'wasi-nn-host-example-'));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(ROOT, join(project, 'node_modules', 'wasi-nn-host'));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('are there', () => {
    expect(examples.map(({ source }) => source)).toEqual([
      'node run.js fixtures/classify.wasm --dir fixtures/digits::fixture',
      'test/examples/classify.mjs',
      'test/examples/named-graph.mjs',
      'test/examples/pool.mjs',
      'test/examples/instance.mjs',
    ]);
  });

  it.each(examples.filter(({ code }) => code !== undefined))('show $source as it stands', ({ source, code }) => {
    expect(code).toBe(readFileSync(join(ROOT, source), 'utf8'));
  });

  it.skipIf(skipUnless(runtime)).each(examples)('print what is shown: $source', ({ source, code, output }) => {
    const [program = '', ...args] = code === undefined ? source.split(' ').slice(1) : [copied(source)];
    const run = spawnSync(process.execPath, [program, ...args], { cwd: ROOT, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    const [shown, printed] = [apart(output), apart(run.stdout)];
    // Which digits follow the likeliest is noise below one in ten thousand; the rest is text and must be equal.
    expect(printed.words).toBe(shown.words);
    expect(likely(printed.numbers)).toEqual(
      likely(shown.numbers).map((number) => expect.closeTo(number, -Math.log10(2 * PROBABILITY_TOLERANCE))),
    );
  });

  it.skipIf(skipUnless(runtime)).each(Object.entries(OTHERS))(
    'and others print what they should: %s',
    (source, output) => {
      const run = spawnSync(process.execPath, [copied(source)], { cwd: ROOT, encoding: 'utf8' });
      expect([run.stderr, run.status, run.stdout]).toEqual(['', 0, output]);
    },
  );

  function copied(source: string): string {
    const copy = join(project, basename(source));
    copyFileSync(join(ROOT, source), copy);
    return copy;
  }
});

/** Everything up to the first pair of class and probability: what is after it is noise of the processor. */
function likely(numbers: readonly number[]): readonly number[] {
  const firstSmall = numbers.findIndex((number) => !Number.isInteger(number) && number < 0.5);
  return firstSmall < 0 ? numbers : numbers.slice(0, firstSmall - 1);
}

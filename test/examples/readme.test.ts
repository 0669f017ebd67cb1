import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, Host, OptionError, Pool } from '../../src/index.ts';
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

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const DOCS = readdirSync(join(ROOT, 'docs')).map((name) => readFileSync(join(ROOT, 'docs', name), 'utf8'));
const examples = [README, ...DOCS].flatMap(examplesOf);
const runtime = nativeRuntime();

describe('the examples of the README and of docs', () => {
  // As in a project that installed the package: found by its name, through its `exports`.
  let project = '';
  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'wasi-nn-host-example-'));
    mkdirSync(join(project, 'node_modules'));
    mkdirSync(join(project, 'node_modules', '@opentelemetry'));
    symlinkSync(ROOT, join(project, 'node_modules', 'wasi-nn-host'));
    for (const name of ['prom-client', '@opentelemetry/api', '@opentelemetry/sdk-trace-base']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('are there', () => {
    expect(examples.map(({ source }) => source)).toEqual([
      'node run.js fixtures/classify.wasm --dir fixtures/digits::fixture',
      'test/examples/classify.mjs',
      'test/examples/named-graph.mjs',
      'test/examples/pool.mjs',
      'test/examples/observed.mjs',
      'test/examples/timeline.mjs',
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

  function copied(source: string): string {
    const copy = join(project, basename(source));
    copyFileSync(join(ROOT, source), copy);
    return copy;
  }
});

describe('the README', () => {
  const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const unknown = { nothing: true } as object;

  it.each([
    ['a host', async () => new Host(unknown)],
    ['a pool', async () => new Pool(new Host(), unknown)],
    ['a run', async () => await new Host().run(await new Host().compile(EMPTY_MODULE), unknown)],
  ])('names every option of %s', async (_, refuse) => {
    const error = await refuse().then(String, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptionError);
    // Whoever is told that there is no such option is told which there are.
    const names = /names out of (.+), received/.exec(String(error))?.[1]?.split(', ') ?? [];
    expect(names.length).toBeGreaterThan(4);
    expect(names.filter((name) => !new RegExp(`\`${name}\\b`).test(README))).toEqual([]);
  });

  it('links to files that are there', () => {
    const links = [...README.matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)].flatMap(([, link = '']) =>
      /^https?:/.test(link) ? [] : [link],
    );
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it('names no code that there is not', () => {
    const codes = [...[README, ...DOCS].join('').matchAll(/ERR_[A-Z_]*[A-Z]/g)].map(([code]) => code);
    expect(codes.length).toBeGreaterThan(3);
    expect(codes.filter((code) => !(code in ERROR_CODES))).toEqual([]);
  });
});

/** Everything up to the first pair of class and probability: what is after it is noise of the processor. */
function likely(numbers: readonly number[]): readonly number[] {
  const firstSmall = numbers.findIndex((number) => !Number.isInteger(number) && number < 0.5);
  return firstSmall < 0 ? numbers : numbers.slice(0, firstSmall - 1);
}

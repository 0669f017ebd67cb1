import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { type Invocation, peer, ROOT, runHere, runPeer } from './peer.ts';

const DIGITS = ['-S', 'nn', '--dir', 'fixtures/digits::fixture'];
const MAX_MEMORY = ['-W', 'max-memory-size=16777216'];

const wat = (name: string) => `fixtures/guests/wat/${name}.wat`;

/** Guests that compute: three languages, every digit. */
const classifiers = readdirSync(`${ROOT}fixtures`)
  .filter((file) => /^classify.*\.wasm$/.test(file))
  .flatMap((file) =>
    Array.from({ length: 10 }, (_, digit) => ({
      title: `${file} on digit ${digit}`,
      args: [...DIGITS, `fixtures/${file}`, 'fixture', `tensors/${digit}.f32`],
    })),
  );

const LOOP = ['fixture', 'tensor.bgr', '1x1x28x28', '40', '1', '25'];

/** Guests that print: the bytes on stdout and the exit code are compared. */
const printing: readonly (Invocation & { title: string })[] = [
  ...classifiers,
  { title: 'an inference loop', args: [...DIGITS, 'bench/guests/inference-loop.wasm', ...LOOP] },
  { title: 'a model without its input file', args: [...DIGITS, 'fixtures/classify.wasm', 'fixture', 'missing.bgr'] },
  { title: 'a directory that is not given', args: ['-S', 'nn', 'fixtures/classify.wasm'] },
  {
    title: 'arguments, environment and stdin',
    args: ['--env', 'A=1', '--env=B=', wat('echo'), 'x', '--dir', ''],
    stdin: 'in\0\xff',
  },
  { title: 'an inherited variable', args: ['--env', 'INHERITED', wat('echo')], env: { INHERITED: 'from outside' } },
  { title: 'another argv[0]', args: ['--argv0', 'name', wat('echo'), 'x'] },
  { title: 'words of UTF-8', args: [wat('echo'), 'größe', '模型', '🙂'] },
  { title: 'a megabyte of output', args: [wat('write-bytes'), '1000003'] },
  ...['0', '1', '3', '125', '126', '134', '255'].map((code) => ({
    title: `proc_exit(${code})`,
    args: [wat('exit'), code],
  })),
  { title: 'a memory that may not grow', args: [...MAX_MEMORY, wat('memory-grower')] },
  { title: '--invoke with i32', args: ['--invoke', 'add', wat('add'), '3', '-4'] },
  { title: '--invoke with i64', args: ['--invoke', 'add_i64', wat('invoke'), '9223372036854775807', '1'] },
  ...[
    ['1', '3'],
    ['1', '0'],
    ['0', '0'],
    ['1e30', '1e-7'],
    ['-1', '4'],
  ].flatMap((args) =>
    ['divide_f32', 'divide_f64'].map((name) => ({
      title: `--invoke ${name} ${args.join(' ')}`,
      args: ['--invoke', name, wat('invoke'), ...args],
    })),
  ),
  { title: '--invoke with several results', args: ['--invoke', 'mixed', wat('invoke'), '-1', '-2', '0.5', '-0.25'] },
  { title: '--invoke without results', args: ['--invoke', 'nothing', wat('invoke')] },
];

/** Runs that fail: the exit code is compared, and that both say why and print nothing else. */
const failing: readonly (Invocation & { title: string })[] = [
  { title: 'a trap', args: [wat('trap')] },
  { title: 'a stack overflow', args: [wat('recursion')] },
  { title: 'a division by zero', args: ['--invoke', 'divide_i32', wat('invoke'), '1', '0'] },
  { title: 'a time limit', args: ['-W', 'timeout=200ms', wat('endless-loop')] },
  { title: 'an import that nobody provides', args: [wat('unknown-import')] },
  { title: 'wasi-nn that is not turned on', args: ['--dir=fixtures/digits::fixture', 'fixtures/classify.wasm'] },
  { title: 'no such module', args: ['missing.wasm'] },
  { title: 'a module that is none', args: ['fixtures/digits/model.bin'] },
  { title: 'text that is no module', args: ['fixtures/digits/model.xml'] },
  { title: 'a directory that does not exist', args: ['--dir=missing', wat('exit')] },
  { title: '--invoke of a missing export', args: ['--invoke', 'missing', wat('add')] },
  { title: '--invoke of an export that is no function', args: ['--invoke', 'answer', wat('invoke')] },
  { title: '--invoke with too few arguments', args: ['--invoke', 'add', wat('add'), '3'] },
  { title: '--invoke with a word for a number', args: ['--invoke', 'add', wat('add'), '3', 'four'] },
  { title: 'an unknown option', args: ['--no-such-option', wat('exit')] },
  { title: 'an unknown -S key', args: ['-S', 'no-such-key', wat('exit')] },
  { title: 'an unknown -W key', args: ['-W', 'no-such-key', wat('exit')] },
  { title: 'no module', args: [] },
];

describe.skipIf(skipUnless(peer))('like wasmtime', () => {
  it('is tried with guests of three languages', () => expect(classifiers.length).toBeGreaterThanOrEqual(30));

  it.each(printing)('prints and exits: $title', (invocation) => {
    const theirs = runPeer(invocation);
    const ours = runHere(invocation);
    expect({ exitCode: ours.exitCode, stdout: ours.stdout }).toEqual({
      exitCode: theirs.exitCode,
      stdout: theirs.stdout,
    });
  });

  it.each(failing)('fails: $title', (invocation) => {
    const theirs = runPeer(invocation);
    const ours = runHere(invocation);
    expect(theirs.exitCode).not.toBe(0);
    expect({ exitCode: ours.exitCode, stdout: ours.stdout }).toEqual({
      exitCode: theirs.exitCode,
      stdout: theirs.stdout,
    });
    expect(ours.stderr).toMatch(/\S/);
  });
});

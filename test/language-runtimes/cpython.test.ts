import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { partOnSecondNode, skipUnless } from '../support/requirements.ts';
import { installedRuntime } from './installed.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, type WholeRun, wasmtime } from './whole-runs.ts';

const SCRIPTS = fileURLToPath(new URL('guests', import.meta.url));

const python = installedRuntime('python.wasm');
const directory = guestDirectories();

/** Random names of temporary files, and addresses. */
const steady = (text: string) => text.replace(/\btmp[a-z0-9_]{8}\b/g, 'tmp').replace(/0x[0-9a-f]+/g, '0x');

interface PythonRun extends Omit<WholeRun, 'args' | 'steady'> {
  name: string;
  args: readonly string[];
  /** What the guest must have written for the run to count. */
  marker: string;
}

const RECURSION = `
x = []
for i in range(100000): x = [x]
try: repr(x)
except RecursionError as e: print('RecursionError', e)
`;

const RUNS: readonly PythonRun[] = [
  { name: 'a whole script', args: ['/scripts/whole.py', '7'], stdin: 'one\ntwo\nlast', marker: 'atexit' },
  { name: '-c', args: ['-c', 'import sys; print(sys.argv)', 'x'], marker: "['-c', 'x']" },
  { name: 'sys.exit of a text', args: ['-c', 'import sys; sys.exit("the end")'], marker: 'the end' },
  { name: 'sys.exit(125)', args: ['-c', 'print("x"); raise SystemExit(125)'], marker: 'x' },
  { name: 'sys.exit(126)', args: ['-c', 'raise SystemExit(126)'], marker: 'invalid exit status' },
  { name: 'os._exit', args: ['-c', 'import os; os.write(1, b"x"); os._exit(4)'], marker: 'x' },
  { name: 'os.abort', args: ['-c', 'import os; os.abort()'], marker: 'unreachable' },
  { name: 'an exception', args: ['-c', 'def f(): raise ValueError("x")\nf()'], marker: 'ValueError: x' },
  { name: 'a syntax error', args: ['-c', 'x = = 1'], marker: 'SyntaxError' },
  { name: 'a missing script', args: ['/none.py'], marker: "can't open file" },
  {
    name: 'lines for the interpreter',
    args: ['-i', '-q'],
    stdin: 'x = 5\nprint(x * 2)\n1 / 0\nexit(9)\n',
    marker: '10',
  },
  { name: 'a script on stdin', args: ['-'], stdin: 'print("from stdin")\n', marker: 'from stdin' },
  {
    name: 'input()',
    args: ['-c', 'while True:\n  try: print(repr(input("> ")))\n  except EOFError: print("the end"); break'],
    stdin: 'a\nb b\n\nlast',
    marker: 'the end',
  },
  { name: 'json.tool', args: ['-m', 'json.tool'], stdin: '{"a": [1, {"b": null}]}', marker: '"b": null' },
  { name: 'the syntax tree of a script', args: ['-m', 'ast', '/scripts/whole.py'], marker: 'FunctionDef' },
  {
    name: 'compileall',
    args: ['-m', 'compileall', '/data'],
    prepare: (folder) => {
      writeFileSync(join(folder, 'm.py'), 'print(1)\n');
      utimesSync(join(folder, 'm.py'), 1_000_000_000, 1_000_000_000);
    },
    marker: 'Compiling',
  },
  {
    name: 'tests of its own',
    args: ['-B', '-m', 'unittest', 'discover', '-s', '/data'],
    prepare: (folder) =>
      writeFileSync(
        join(folder, 'test_it.py'),
        'import unittest\nclass It(unittest.TestCase):\n  def test_a(self): self.assertEqual(1, 2)\n',
      ),
    marker: 'FAILED (failures=1)',
  },
  { name: 'deep recursion in C', args: ['-c', RECURSION], marker: 'RecursionError' },
];

describe.skipIf([python, wasmtime].some(skipUnless))('CPython', () => {
  it.each(partOnSecondNode(RUNS, ['a whole script', 'os.abort', 'deep recursion in C']))(
    'does the same as under wasmtime: $name',
    ({ args, marker, ...run }) => {
      const options = ['--dir', '.::/data', '--dir', `${SCRIPTS}::/scripts`, '--env', 'A=1'];
      const elapsed = (text: string) => steady(text).replace(/in \d+\.\d+s$/m, 'in some time');
      expectSameRun(directory, { ...run, args: [...options, python.path, ...args], steady: elapsed }, marker);
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});

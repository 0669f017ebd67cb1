import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { installedRuntime } from './installed.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, wasmtime } from './whole-runs.ts';

const SCRIPT = fileURLToPath(new URL('guests/whole.js', import.meta.url));

const quickjs = installedRuntime('quickjs.wasm');
const directory = guestDirectories();

describe.skipIf([quickjs, wasmtime].some(skipUnless))('QuickJS', () => {
  it.each([
    { name: 'a whole script', args: ['-m', '/data/whole.js', 'x'], marker: 'the timer' },
    { name: 'an expression', args: ['-e', 'console.log([1, 2].map((x) => x ** 2))'], marker: '1,4' },
    { name: 'an exception', args: ['-e', 'throw new Error("the error")'], marker: 'the error' },
  ])(
    'does the same as under wasmtime: $name',
    ({ args, marker }) => {
      const prepare = (folder: string) => cpSync(SCRIPT, join(folder, 'whole.js'));
      const run = { args: ['--dir', '.::/data', quickjs.path, ...args], prepare, stdin: 'one\ntwo' };
      expectSameRun(directory, run, marker);
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});

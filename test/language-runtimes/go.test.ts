import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { compiler } from './installed.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, wasmtime } from './whole-runs.ts';

const SOURCES = fileURLToPath(new URL('guests/go/', import.meta.url));

const TARGET = { GOOS: 'wasip1', GOARCH: 'wasm', GOFLAGS: '', GOTOOLCHAIN: 'local', GOPROXY: 'off' };

const go = compiler('Go 1.21 or later', 'go', ['list', 'runtime'], TARGET);
const directory = guestDirectories();
let wasm = '';

/** Addresses and the numbers of goroutines. */
const steady = (text: string) => text.replace(/0x[0-9a-f]+/g, '0x').replace(/\bgoroutine \d+/g, 'goroutine N');

describe.skipIf([go, wasmtime].some(skipUnless))('a Go program', () => {
  beforeAll(() => {
    wasm = join(directory(), 'whole.wasm');
    execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', wasm, '.'], {
      cwd: SOURCES,
      env: { ...process.env, ...TARGET },
    });
  }, WHOLE_RUN_TIMEOUT_MS);

  it.each([
    ...['goroutines', 'timers', 'refused', 'files', 'walk', 'bigwrite', 'gc', 'env', 'library', 'depth'],
    ...['panic', 'goexit', 'deadlock', 'exit', 'exit200', 'nil'],
  ])(
    'does the same as under wasmtime: %s',
    (section) => {
      const args = ['--dir', '.::/data', '--env', 'A=b c', '--env', 'EMPTY=', wasm, section];
      expectSameRun(directory, { args, steady }, `== ${section}`);
    },
    WHOLE_RUN_TIMEOUT_MS,
  );

  it.each([
    ['nothing', ''],
    ['20 MB of lines', `${'x'.repeat(100)}\n`.repeat(200_000)],
    ['a last line without an end', 'first\nlast'],
  ])(
    'reads the same of stdin: %s',
    (_, stdin) => {
      expectSameRun(directory, { args: [wasm, 'stdin'], stdin }, '== stdin');
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { compiler } from './installed.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, wasmtime } from './whole-runs.ts';

/** Debian's, which comes with a library for the target. */
const RUSTC = '/usr/bin/rustc';
const SOURCE = fileURLToPath(new URL('guests/whole.rs', import.meta.url));

const rust = compiler("Debian's rustc", RUSTC, ['--print=target-libdir', '--target=wasm32-wasi']);
const directory = guestDirectories();
let wasm = '';

describe.skipIf([rust, wasmtime].some(skipUnless))('a Rust program', () => {
  beforeAll(() => {
    wasm = join(directory(), 'whole.wasm');
    execFileSync(RUSTC, ['--edition=2021', '--target=wasm32-wasi', '-O', '-Cstrip=symbols', '-o', wasm, SOURCE]);
  }, WHOLE_RUN_TIMEOUT_MS);

  it.each(['0', '99', '130', 'panic', 'abort', 'unwrap', 'index'])(
    'does the same as under wasmtime: whole, then %s',
    (end) => {
      const args = ['--dir', '.::/data', '--env', 'A=1', wasm, end];
      expectSameRun(directory, { args, stdin: 'one\ntwo\nthree' }, 'to stderr');
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { installedRuntime } from './installed.ts';
import { expectSameRun, guestDirectories, WHOLE_RUN_TIMEOUT_MS, wasmtime } from './whole-runs.ts';

const GUESTS = fileURLToPath(new URL('guests/', import.meta.url));

const ruby = installedRuntime('ruby.wasm');
const directory = guestDirectories();

describe.skipIf([ruby, wasmtime].some(skipUnless))('Ruby', () => {
  it(
    'does the same as under wasmtime: a whole script',
    () => {
      const preloads = [
        `canonical_abi=${GUESTS}ruby-abi.wat`,
        `rb-js-abi-host=${GUESTS}ruby-js.wat`,
        `ruby=${ruby.path}`,
      ];
      const options = ['--dir', '.::/data', '--env', 'A=1', ...preloads.flatMap((preload) => ['--preload', preload])];
      const prepare = (folder: string) => cpSync(`${GUESTS}whole.rb`, join(folder, 'script.rb'));
      const run = { args: [...options, `${GUESTS}ruby.wat`], prepare, stdin: 'a\nb\nc' };
      expectSameRun(directory, run, 'deep: SystemStackError');
    },
    WHOLE_RUN_TIMEOUT_MS,
  );
});

/** A guest that fills the heap of JavaScript ends as by a trap, and not with V8's own crash. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FILLING } from '../pool/process-guests.ts';
import { cliProcess } from '../support/cli.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

/** Says so, then grows a table for ever. */
const GROWING = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\06\\00\\00\\00begun\\0a")
  (table $table 1 funcref)
  (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))
    (loop $next (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $next))))`;

const garbageCollection = {
  met: WebAssembly.validate(FILLING),
  reason: "this Node has no objects of WebAssembly's garbage collection",
  isOptional: true,
};

/** The whole heap, of every thread. */
const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=64' };

const ENDING = `
Caused by:
    0: failed to invoke command default
    1: wasm trap: the guest's objects take more than the heap of JavaScript may have
`;

function run(name: string, module: string | Uint8Array, options: readonly string[]) {
  const path = join(newDirectory(), name);
  writeFileSync(path, module);
  return cliProcess([...options, path], { env });
}

describe.each([
  ['on the main thread', []],
  ['with a time limit', ['-W', 'timeout=600s']],
])('a guest that fills the heap %s', (_, options) => {
  it('with tables ends with a clear line, and what it wrote before', () => {
    const { exitCode, signal, stdout, stderr } = run('growing.wat', GROWING, options);
    expect({ exitCode, signal, stdout }).toEqual({ exitCode: 134, signal: null, stdout: 'begun\n' });
    expect(stderr).toMatch(/^Error: failed to run main module/);
    expect(stderr.slice(stderr.indexOf('\n') + 1)).toBe(ENDING);
  });

  it.skipIf(skipUnless(garbageCollection))('with objects ends so, too', () => {
    const { exitCode, signal, stderr } = run('filling.wasm', FILLING, options);
    expect({ exitCode, signal }).toEqual({ exitCode: 134, signal: null });
    expect(stderr.slice(stderr.indexOf('\n') + 1)).toBe(ENDING);
  });
});

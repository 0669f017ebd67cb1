/** A gibibyte through a pipe: every byte of it, once and in its place. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RUN } from '../support/cli.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const BLOCK_BYTES = 65_536;
const BLOCKS = 16_384;
const WORDS = BLOCK_BYTES / 4;
const directory = temporaryDirectories();

/** Writes its blocks of numbers, counting from 0; what a write leaves over goes with the next. */
const COUNTING = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $number i32) (local $at i32)
    (loop $block
      (local.set $at (i32.const ${BLOCK_BYTES}))
      (loop $word
        (i32.store (local.get $at) (local.get $number))
        (local.set $number (i32.add (local.get $number) (i32.const 1)))
        (br_if $word (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const ${2 * BLOCK_BYTES}))))
      (i32.store (i32.const 0) (i32.const ${BLOCK_BYTES}))
      (i32.store (i32.const 4) (i32.const ${BLOCK_BYTES}))
      (loop $rest
        (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 8))))
        (i32.store (i32.const 4) (i32.sub (i32.load (i32.const 4)) (i32.load (i32.const 8))))
        (br_if $rest (i32.load (i32.const 4))))
      (br_if $block (i32.lt_u (local.get $number) (i32.const ${BLOCKS * WORDS}))))))`;

/** Compares what comes with the numbers that are to come. */
class CountingReader {
  readonly #expected = new Uint32Array(WORDS);
  readonly #expectedBytes = Buffer.from(this.#expected.buffer);
  byteLength = 0;
  firstWrongBlock: number | undefined;

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const within = this.byteLength % BLOCK_BYTES;
      if (within === 0) this.#expectBlock(this.byteLength / BLOCK_BYTES);
      const length = Math.min(chunk.length - at, BLOCK_BYTES - within);
      const isSame = chunk.compare(this.#expectedBytes, within, within + length, at, at + length) === 0;
      if (!isSame) this.firstWrongBlock ??= Math.floor(this.byteLength / BLOCK_BYTES);
      at += length;
      this.byteLength += length;
    }
  }

  #expectBlock(block: number): void {
    for (let index = 0; index < WORDS; index++) this.#expected[index] = block * WORDS + index;
  }
}

it('of 1 GiB comes out of a pipe whole and in order', async () => {
  const wat = join(directory(), 'counting.wat');
  writeFileSync(wat, COUNTING);
  const child = spawn(process.execPath, [RUN, 'run', wat], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const reader = new CountingReader();
  child.stdout.on('data', (chunk: Buffer) => reader.take(chunk));
  expect(await closed).toEqual([0, null]);
  expect(reader.firstWrongBlock).toBeUndefined();
  expect(reader.byteLength).toBe(1_073_741_824);
});

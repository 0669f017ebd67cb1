import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { File, OpenFile } from '@bjorn3/browser_wasi_shim';
import { describe, expect, it } from 'vitest';
import type { OutputSink } from '../../src/wasi/index.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { runTextGuest } from '../support/text-guest.ts';

const newDirectory = temporaryDirectories();

/** Writes `01234567` to the descriptors in turn, eight bytes at a time, and never stops by itself. */
const FLOOD = (descriptors: readonly number[], before = '', call = '(call $fd_write (i32.const') => `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\08\\00\\00\\00")
  (data (i32.const 16) "01234567")
  (func (export "_start")
    ${before}
    (loop $again
      ${descriptors.map((fd) => `(drop ${call} ${fd}) (i32.const 0) (i32.const 1) (i32.const 12)))`).join('\n')}
      (br $again))))`;

const ended = { kind: 'failed', failure: { code: 'ERR_GUEST_OUTPUT_LIMIT' } };

/** Everything that a limit of 20 lets pass of what a flood of one stream writes. */
const LET_THROUGH = '01234567012345670123';

describe('more output than a guest may have', () => {
  it('ends it, with exactly so many bytes delivered', async () => {
    const { outcome, stdout, usage } = await runTextGuest(FLOOD([1]), { maxOutputBytes: 20 });
    expect(outcome).toMatchObject(ended);
    expect(stdout).toBe(LET_THROUGH);
    // What the call that was cut off moved is not the guest's to know.
    expect(usage.bytesWritten).toBe(16);
  });

  it.each([0, 8, 16])('ends it before the first byte too many, at %i', async (maxOutputBytes) => {
    const { outcome, stdout } = await runTextGuest(FLOOD([1]), { maxOutputBytes });
    expect(outcome).toMatchObject(ended);
    expect(stdout).toBe('01234567'.repeat(maxOutputBytes / 8));
  });

  it('is counted over both streams', async () => {
    const taken: string[] = [];
    const into = (name: string): OutputSink => ({
      kind: 'write',
      write: (bytes) => taken.push(`${name}${Buffer.from(bytes)}`),
    });
    const { outcome } = await runTextGuest(FLOOD([1, 2]), { maxOutputBytes: 20 }, undefined, {
      stdout: into('o'),
      stderr: into('e'),
    });
    expect(outcome).toMatchObject(ended);
    expect(taken).toEqual(['o01234567', 'e01234567', 'o0123']);
  });

  it('is counted whatever number the guest gives to a stream', async () => {
    const moved = '(drop (call $fd_renumber (i32.const 1) (i32.const 0)))';
    const { outcome, stdout } = await runTextGuest(FLOOD([0], moved), { maxOutputBytes: 20 });
    expect(outcome).toMatchObject(ended);
    expect(stdout).toBe(LET_THROUGH);
  });

  it('is counted in a file of the host, which direct calls would write', async () => {
    const path = join(newDirectory(), 'out');
    const fd = openSync(path, 'w');
    const { outcome } = await runTextGuest(FLOOD([1]), { maxOutputBytes: 20 }, undefined, {
      stdout: { kind: 'fd', fd },
    });
    closeSync(fd);
    expect(outcome).toMatchObject(ended);
    expect(readFileSync(path, 'utf8')).toBe(LET_THROUGH);
  });

  it('is counted in a file in memory, at offsets of the guest’s choice too', async () => {
    const file = new File([]);
    const at = '(call $fd_pwrite (i32.const';
    const flood = FLOOD([1], '', at).replaceAll(
      '(i32.const 1) (i32.const 12)))',
      '(i32.const 1) (i64.const 4) (i32.const 12)))',
    );
    const { outcome } = await runTextGuest(flood, { maxOutputBytes: 20 }, undefined, {
      stdout: { kind: 'shim', fd: new OpenFile(file) },
    });
    expect(outcome).toMatchObject(ended);
    expect(Buffer.from(file.data).subarray(4).toString()).toBe('01234567');
  });

  it('is nothing that a guest with exception handling can catch', async () => {
    const { outcome, stdout } = await runTextGuest(
      FLOOD([1]).replace('(loop', '(try (do (loop').replace('(br $again))', '(br $again))) (catch_all))'),
      { maxOutputBytes: 20 },
    );
    expect(outcome).toMatchObject(ended);
    expect(stdout).toBe(LET_THROUGH);
  });

  it('is no more than it wrote where it stays below', async () => {
    const once = FLOOD([1]).replace('(br $again)', '');
    const { outcome, stdout } = await runTextGuest(once, { maxOutputBytes: 8 });
    expect(outcome).toEqual({ kind: 'returned', results: [] });
    expect(stdout).toBe('01234567');
  });
});

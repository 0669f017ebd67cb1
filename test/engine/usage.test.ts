import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { runTextGuest } from '../support/text-guest.ts';

const newDirectory = temporaryDirectories();

const IMPORT = (name: string, params: string) =>
  `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${params}) (result i32)))`;

/** Opens \`file\` in the first preopen, reads 5 bytes at its position and 3 at an offset, and writes 4 to stdout. */
const MOVING = `(module
  ${IMPORT('path_open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32')}
  ${IMPORT('fd_read', 'i32 i32 i32 i32')} ${IMPORT('fd_pread', 'i32 i32 i32 i64 i32')}
  ${IMPORT('fd_write', 'i32 i32 i32 i32')}
  (memory (export "memory") 1)
  (data (i32.const 0) "file")
  (data (i32.const 16) "\\40\\00\\00\\00\\05\\00\\00\\00" "\\40\\00\\00\\00\\03\\00\\00\\00" "\\40\\00\\00\\00\\04\\00\\00\\00")
  (func (export "_start")
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0)
      (i32.const 0) (i32.const 8)))
    (drop (call $fd_read (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 12)))
    (drop (call $fd_pread (i32.load (i32.const 8)) (i32.const 24) (i32.const 1) (i64.const 1) (i32.const 12)))
    (drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 12)))
    (drop (memory.grow (i32.const 2)))))`;

describe('what a guest used', () => {
  it('is told in bytes', async () => {
    const hostPath = newDirectory();
    writeFileSync(join(hostPath, 'file'), '0123456789');
    const { usage, stdout } = await runTextGuest(MOVING, { preopens: [{ kind: 'host', hostPath, guestPath: '/' }] });
    expect(stdout).toBe('1233');
    expect(usage).toMatchObject({ bytesRead: 8, bytesWritten: 4, peakMemoryBytes: 3 * 65536 });
  });

  it('is told by phase, and in time of the processor where that is known', async () => {
    const { usage } = await runTextGuest('(module (func (export "_start")))');
    expect(usage.phases.instantiate?.count).toBe(1);
    expect(usage.phases.guest?.count).toBe(1);
    expect(usage.peakMemoryBytes).toBe(0);
    expect(usage.cpuMs === undefined || usage.cpuMs >= 0).toBe(true);
  });

  it('has no guest’s phase where there was no instance', async () => {
    const { usage, outcome } = await runTextGuest('(module (import "a" "b" (func)) (func (export "_start")))');
    expect(outcome.kind).toBe('failed');
    expect(Object.keys(usage.phases)).toEqual(['instantiate']);
  });

  it('counts the memories of preloads, and one that a module imports', async () => {
    const { usage } = await runTextGuest('(module (import "env" "memory" (memory 3)) (func (export "_start")))', {
      preloads: { other: '(module (memory (export "m") 2))' },
    });
    expect(usage.peakMemoryBytes).toBe(5 * 65536);
  });
});

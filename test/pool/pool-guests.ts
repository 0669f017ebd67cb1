/** A guest of many endings for tests of pools, and what it wrote. */
import type { WorkerRequest } from '../../src/worker/worker-services.ts';
import { request } from './process-guests.ts';

/** Each function writes its number to standard output, as four bytes, and ends in its own way, or not at all. */
const ENDINGS = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00")
  (global $runs (mut i32) (i32.const 0))
  (func $say (param i32)
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (i32.store (i32.const 16) (local.get 0))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
  (func (export "answer") (param i32) (result i32) (call $say (local.get 0)) (local.get 0))
  (func (export "exit") (param i32) (call $say (local.get 0)) (call $proc_exit (local.get 0)))
  (func (export "trap") (param i32) (call $say (local.get 0)) unreachable)
  (func (export "loop") (param i32) (call $say (local.get 0)) (loop (br 0)))
  (func (export "write") (param i32) (loop (call $say (local.get 0)) (br 0)))
  (func (export "read") (param i32) (result i32)
    (call $say (local.get 0)) (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func (export "deep") (param i32) (call $say (local.get 0)) (call $recurse))
  (func $recurse (call $recurse))
  (func (export "runs") (param i32) (result i32)
    (call $say (local.get 0)) (i32.add (i32.load8_u (i32.const 1024)) (global.get $runs)))
  (func (export "spoil") (param i32)
    (call $say (local.get 0)) (memory.fill (i32.const 512) (i32.const 0xff) (i32.const 65024))))`;

export type Ending = 'answer' | 'exit' | 'trap' | 'loop' | 'write' | 'read' | 'deep' | 'runs' | 'spoil';

export interface NumberedRun {
  request: WorkerRequest;
  /** Settles when the guest has written first. */
  running: Promise<void>;
  /** The numbers that it wrote. */
  said: () => number[];
}

let base: Promise<WorkerRequest> | undefined;

/** A run that can be told from others by all that comes of it. */
export async function numbered(
  number: number,
  ending: Ending,
  stdin?: WorkerRequest['stdio']['stdin'],
): Promise<NumberedRun> {
  base ??= request(ENDINGS);
  const { plan, stdio, ...rest } = await base;
  const pieces: Uint8Array[] = [];
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const write = (bytes: Uint8Array) => {
    pieces.push(bytes);
    begun();
  };
  return {
    request: {
      ...rest,
      plan: { ...plan, invoke: { name: ending, args: [String(number)] } },
      stdio: { ...stdio, ...(stdin && { stdin }), stdout: { kind: 'write', write } },
    },
    running,
    said: () => {
      const all = Buffer.concat(pieces);
      return Array.from({ length: all.byteLength / 4 }, (_, index) => all.readInt32LE(index * 4));
    },
  };
}

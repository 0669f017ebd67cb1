/** Suspends guests, and ends: `node suspending-exit-driver.mjs never | exit | throw | sleep`. */
import { PassThrough } from 'node:stream';
import { Host } from '../../dist/index.mjs';

const how = process.argv[2];
const GUESTS = 20;

/** Tells that it has begun; then waits for a byte, or for a fifth of a second. */
const TEXT = `(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    ${
      how === 'sleep'
        ? `(i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 200000000))
           (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 512)))`
        : '(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))'
    }))`;

const host = new Host();
const module = await host.compile(new TextEncoder().encode(TEXT));
let begun = 0;
let ended = 0;
let allBegun;
const suspended = new Promise((resolve) => {
  allBegun = resolve;
});
const stdout = () => {
  begun += 1;
  if (begun === GUESTS) allBegun();
};
const stdins = Array.from({ length: GUESTS }, () => new PassThrough());
for (const stdin of stdins) {
  const running = host.run(module, { mode: 'suspending', stdin, stdout });
  running.then(() => {
    ended += 1;
    if (ended === GUESTS) process.stdout.write(`${ended} have ended\n`);
  });
}
await suspended;
for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
process.stdout.write(`${begun} are suspended\n`);
if (how === 'exit') process.exit(5);
if (how === 'throw') throw new Error('enough');

/** Guests for tests of child processes, and what runs them. */
import { IrWriter } from '../../fixtures/ir-writer.mjs';
import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../../src/engine/guest-plan.ts';
import type { WorkerRequest } from '../../src/worker/worker-services.ts';
import { compileText } from '../support/assemble.ts';

export interface TestRequest extends Partial<Omit<WorkerRequest, 'plan' | 'stdio'>> {
  plan?: Partial<GuestPlan>;
  stdio?: Partial<WorkerRequest['stdio']>;
}

/** A request to run a module, text or binary, whose output is dropped where nothing else is said. */
export async function request(
  text: string | Uint8Array,
  { plan, stdio, ...rest }: TestRequest = {},
): Promise<WorkerRequest> {
  return {
    plan: {
      program: await compileText(text, plan?.limits),
      preloads: [],
      args: ['guest'],
      env: [],
      preopens: [],
      wasi: { preview1: true, unstable: true },
      limits: {},
      unknownImports: 'refuse',
      maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
      ...plan,
    },
    nn: undefined,
    postRefusals: false,
    stdio: { stdin: { kind: 'null' }, stdout: { kind: 'null' }, stderr: { kind: 'null' }, ...stdio },
    ...rest,
  };
}

/** Returns its own number. */
export const answering = (value: number) => `(module (func (export "_start") (result i32) (i32.const ${value})))`;

const WRITE_IMPORT = `(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))`;
const WRITE = `(func $write (param $fd i32) (param $start i32) (param $bytes i32) (result i32)
    (i32.store (i32.const 0) (local.get $start)) (i32.store (i32.const 4) (local.get $bytes))
    (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))`;

/** Writes text to a descriptor, so many times, then goes on with the body. */
export const writing = (text: string, { fd = 1, times = 1, body = '', imports = '', first = '' } = {}) => `(module
  ${WRITE_IMPORT} ${imports} ${WRITE}
  (memory (export "memory") 1) (data (i32.const 16) "${text}")
  (func (export "_start") (local $left i32) (local.set $left (i32.const ${times})) ${first}
    (loop $next
      (if (call $write (i32.const ${fd}) (i32.const 16) (i32.const ${text.length})) (then unreachable))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ${body}))`;

/** Says so, then computes for ever. */
export const LOOPING = writing('looping', { body: '(loop $ever (br $ever))' });

/** Writes to standard output what it reads from standard input, 64 KiB at a time. */
export const COPYING = `(module ${WRITE_IMPORT}
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32))) ${WRITE}
  (memory (export "memory") 2)
  (func (export "_start") (local $count i32)
    (loop $next
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 65536))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (if (local.tee $count (i32.load (i32.const 8)))
        (then (if (call $write (i32.const 1) (i32.const 16) (local.get $count)) (then unreachable)) (br $next))))))`;

const text = (bytes: ArrayBufferView) =>
  [...new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)]
    .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    .join('');

/** The six calls, with `$check` to end on an errno: the function returns 100 times the step, plus the errno. */
const NN = `(import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "load_by_name" (func $load_by_name (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output" (func $get_output (param i32 i32 i32 i32 i32) (result i32)))`;

/**
 * Loads a graph of one input and one output, `[1, 4] f32` both, computes with [-1, 2, -3, 4], and returns the sum of the
 * outputs as a number. An errno is negative: -100 times the step, minus the errno.
 * @param load leaves an errno, and the graph's handle at 32
 */
const computing = (load: string, data: string) => `(module ${NN}
  (memory (export "memory") 2)
  (data (i32.const 64) "${text(Uint32Array.of(1, 4))}")
  (data (i32.const 80) "${text(Uint32Array.of(64, 2, 1, 112, 16))}")
  (data (i32.const 112) "${text(Float32Array.of(-1, 2, -3, 4))}") ${data}
  (func (export "_start") (result i32) (local $errno i32)
    (if (local.tee $errno ${load}) (then (return (i32.sub (i32.const -100) (local.get $errno)))))
    (if (local.tee $errno (call $init (i32.load (i32.const 32)) (i32.const 36)))
      (then (return (i32.sub (i32.const -200) (local.get $errno)))))
    (if (local.tee $errno (call $set_input (i32.load (i32.const 36)) (i32.const 0) (i32.const 80)))
      (then (return (i32.sub (i32.const -300) (local.get $errno)))))
    (if (local.tee $errno (call $compute (i32.load (i32.const 36))))
      (then (return (i32.sub (i32.const -400) (local.get $errno)))))
    (if (local.tee $errno
        (call $get_output (i32.load (i32.const 36)) (i32.const 0) (i32.const 128) (i32.const 64) (i32.const 40)))
      (then (return (i32.sub (i32.const -500) (local.get $errno)))))
    (i32.trunc_f32_s (f32.add (f32.add (f32.load (i32.const 128)) (f32.load (i32.const 132)))
      (f32.add (f32.load (i32.const 136)) (f32.load (i32.const 140)))))))`;

export const computingByName = (name: string) =>
  computing(
    `(call $load_by_name (i32.const 1024) (i32.const ${name.length}) (i32.const 32))`,
    `(data (i32.const 1024) "${name}")`,
  );

export const computingModel = (xml: Uint8Array, weights: Uint8Array) =>
  computing(
    '(call $load (i32.const 256) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 32))',
    `(data (i32.const 256) "${text(Uint32Array.of(4096, xml.byteLength, 65536, weights.byteLength))}")
     (data (i32.const 4096) "${text(xml)}") (data (i32.const 65536) "${text(weights)}")`,
  );

/**
 * A valid model that reads outside of its memory: GatherND takes a row by an index that comes with the model, which OpenVINO
 * does not compare with the rows that there are.
 */
export function crashingGuest(): string {
  const ir = new IrWriter('crash');
  const x = ir.parameter('x', 'f32', [1, 4]);
  const indices = ir.constant('indices', 'i32', [1, 1], Int32Array.of(2_000_000_000));
  const gather = { name: 'gather', version: 'opset8', attributes: { batch_dims: 0 }, shape: [1, 4], tensorName: 'y' };
  ir.result('result', ir.layer('GatherND', { ...gather, inputs: [x, indices] }));
  return computingModel(Buffer.from(ir.xml()), ir.weights());
}

/** Makes a file in its first preopen and writes text to it. */
export const creating = (name: string, content: string) => `(module ${WRITE_IMPORT}
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))) ${WRITE}
  (memory (export "memory") 1) (data (i32.const 16) "${name}") (data (i32.const 64) "${content}")
  (func (export "_start") (result i32)
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const ${name.length}) (i32.const 1) (i64.const 64)
      (i64.const 0) (i32.const 0) (i32.const 12)) (then (return (i32.const -1))))
    (call $write (i32.load (i32.const 12)) (i32.const 64) (i32.const ${content.length}))))`;

/** Writes once, and returns 9. */
export const COUNTING = `(module ${WRITE_IMPORT} ${WRITE}
  (memory (export "memory") 1) (data (i32.const 16) "ran")
  (func (export "_start") (result i32)
    (if (call $write (i32.const 1) (i32.const 16) (i32.const 3)) (then unreachable)) (i32.const 9)))`;

/** A list without end of objects of WebAssembly's garbage collection. */
export const FILLING = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // (type (struct (field (ref null 0)) (field i64))) (type (func))
  ...[1, 11, 2, 0x5f, 2, 0x63, 0, 0, 0x7e, 0, 0x60, 0, 0],
  ...[3, 2, 1, 1],
  ...[7, 10, 1, 6, ...new TextEncoder().encode('_start'), 0, 0],
  // (local (ref null 0)) (loop (local.set 0 (struct.new 0 (local.get 0) (i64.const 0))) (br 0))
  ...[10, 21, 1, 19, 1, 1, 0x63, 0, 0x03, 0x40, 0x20, 0, 0x42, 0, 0xfb, 0, 0, 0x21, 0, 0x0c, 0, 0x0b, 0x0b],
]);

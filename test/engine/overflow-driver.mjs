/**
 * Runs guests that exhaust the stack, each in its way, in this process: an overflow that is not caught would end it. Prints
 * how many ran, and what did not end with the trap.
 *
 * node overflow-driver.mjs '{ "guests": "all" | "few" | "direct", "rounds", "sinks"?, "stackSizeMb"?, "timeoutMs"? }'
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Host } from '../../dist/index.mjs';
import { openBelow } from '../support/open-files.mjs';

const times = (count, text) => Array.from({ length: count }, (_, i) => text(i)).join(' ');
const MEMORY = '(memory (export "memory") 1) (data (i32.const 64) "file")';
const WASI = 'wasi_snapshot_preview1';
const OPEN_TYPE = '(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)';
const OPEN = `(call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 1) (i64.const 2) (i64.const 0)
  (i32.const 0) (i32.const 0))`;

/** Overflows that happen in the guest's own code, or in V8's for it. */
const OWN = {
  call: '(module (func $f (export "_start") (call $f)))',
  start: `(module ${MEMORY} (func $f (call $f)) (start $f))`,
  initialize: '(module (func $f (export "_initialize") (call $f)))',
  indirect:
    '(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "_start") (call_indirect (type $t) (i32.const 0))))',
  locals: `(module (func $f (export "_start") (local ${times(2_000, () => 'i64')})
    ${times(2_000, (i) => `(local.set ${i} (i64.const ${i}))`)} (call $f)))`,
  'all locals': `(module (func $f (export "_start") (local ${times(49_000, () => 'i64')}) (call $f)))`,
  parameters: `(module (func $f (param ${times(1_000, () => 'i64')}) (call $f ${times(1_000, (i) => `(local.get ${i})`)}))
    (func (export "_start") (call $f ${times(1_000, () => '(i64.const 1)')})))`,
  catching: '(module (func $f (export "_start") (try (do (call $f)) (catch_all (call $f)))))',
  'memory.grow': `(module ${MEMORY} (func $f (export "_start") (drop (memory.grow (i32.const 0))) (call $f)))`,
  'table.grow':
    '(module (table 1 funcref) (func $f (export "_start") (drop (table.grow (ref.null func) (i32.const 0))) (call $f)))',
};

/** Overflows that may happen in the host's code. */
const IN_CALLS = {
  writing: `(module (import "${WASI}" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) ${MEMORY}
    (func $f (export "_start") (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 4))
      (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (call $f)))`,
  'opening and closing': `(module (import "${WASI}" "path_open" (func $open ${OPEN_TYPE}))
    (import "${WASI}" "fd_close" (func $close (param i32) (result i32))) ${MEMORY}
    (func $f (export "_start") (if (i32.eqz ${OPEN}) (then (drop (call $close (i32.load (i32.const 0)))))) (call $f)))`,
  'opening at times': `(module (import "${WASI}" "path_open" (func $open ${OPEN_TYPE})) ${MEMORY} (global $n (mut i32) (i32.const 0))
    (func $f (export "_start") (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (if (i32.eqz (i32.rem_u (global.get $n) (i32.const 97))) (then (drop ${OPEN}))) (call $f)))`,
};

const DIRECT_CALLS = [
  ['fd_close', '(param i32)'],
  ['fd_read', '(param i32 i32 i32 i32)'],
  ['fd_seek', '(param i32 i64 i32 i32)'],
  ['fd_filestat_get', '(param i32 i32)'],
  ['path_filestat_get', '(param i32 i32 i32 i32 i32)'],
  ['path_rename', '(param i32 i32 i32 i32 i32 i32)'],
  ['path_unlink_file', '(param i32 i32 i32)'],
  ['random_get', '(param i32 i32)'],
  ['clock_time_get', '(param i32 i64 i32)'],
];

/** One that has to succeed: in plain cases they run without JavaScript, and so without its checks of the stack. */
const sure = (name, args) => `(if (call $${name} ${args}) (then unreachable))`;

/** Makes a file, uses, renames and removes it at each depth. */
const DIRECT = `(module (import "${WASI}" "path_open" (func $open ${OPEN_TYPE}))
  ${DIRECT_CALLS.map(([name, type]) => `(import "${WASI}" "${name}" (func $${name} ${type} (result i32)))`).join('\n')}
  (memory (export "memory") 1) (data (i32.const 64) "made") (data (i32.const 72) "then")
  (func $f (export "_start") (local $fd i32)
    (i32.store (i32.const 16) (i32.const 128)) (i32.store (i32.const 20) (i32.const 16))
    (if ${OPEN} (then unreachable))
    (local.set $fd (i32.load (i32.const 0)))
    ${sure('fd_seek', '(local.get $fd) (i64.const 0) (i32.const 0) (i32.const 32)')}
    ${sure('fd_read', '(local.get $fd) (i32.const 16) (i32.const 1) (i32.const 8)')}
    ${sure('fd_filestat_get', '(local.get $fd) (i32.const 256)')}
    ${sure('path_filestat_get', '(i32.const 3) (i32.const 1) (i32.const 64) (i32.const 4) (i32.const 256)')}
    ${sure('random_get', '(i32.const 128) (i32.const 16)')}
    ${sure('clock_time_get', '(i32.const 1) (i64.const 0) (i32.const 32)')}
    ${sure('fd_close', '(local.get $fd)')}
    ${sure('path_rename', '(i32.const 3) (i32.const 64) (i32.const 4) (i32.const 3) (i32.const 72) (i32.const 4)')}
    ${sure('path_unlink_file', '(i32.const 3) (i32.const 72) (i32.const 4)')}
    (call $f)))`;

/** By function: one letter a parameter, `i` is i32, `I` is i64. */
const CALLS = {
  [WASI]: {
    ...{ args_get: 'ii', args_sizes_get: 'ii', environ_get: 'ii', environ_sizes_get: 'ii', clock_res_get: 'ii' },
    ...{
      clock_time_get: 'iIi',
      fd_advise: 'iIIi',
      fd_allocate: 'iII',
      fd_close: 'i',
      fd_datasync: 'i',
      fd_fdstat_get: 'ii',
    },
    ...{ fd_fdstat_set_flags: 'ii', fd_fdstat_set_rights: 'iII', fd_filestat_get: 'ii', fd_filestat_set_size: 'iI' },
    ...{
      fd_filestat_set_times: 'iIIi',
      fd_pread: 'iiiIi',
      fd_prestat_get: 'ii',
      fd_prestat_dir_name: 'iii',
      fd_tell: 'ii',
    },
    ...{ fd_pwrite: 'iiiIi', fd_read: 'iiii', fd_readdir: 'iiiIi', fd_renumber: 'ii', fd_seek: 'iIii', fd_sync: 'i' },
    ...{
      fd_write: 'iiii',
      path_create_directory: 'iii',
      path_filestat_get: 'iiiii',
      path_filestat_set_times: 'iiiiIIi',
    },
    ...{ path_link: 'iiiiiii', path_open: 'iiiiiIIii', path_readlink: 'iiiiii', path_remove_directory: 'iii' },
    ...{ path_rename: 'iiiiii', path_symlink: 'iiiii', path_unlink_file: 'iii', poll_oneoff: 'iiii', proc_raise: 'i' },
    ...{
      random_get: 'ii',
      sched_yield: '',
      sock_accept: 'iii',
      sock_recv: 'iiiiii',
      sock_send: 'iiiii',
      sock_shutdown: 'ii',
    },
  },
  wasi_ephemeral_nn: {
    ...{
      load: 'iiiii',
      load_by_name: 'iii',
      init_execution_context: 'ii',
      set_input: 'iii',
      compute: 'i',
      get_output: 'iiiii',
    },
    ...{ unload: 'i', finalize_execution_context: 'i' },
  },
};

/** A guest that makes one call at each depth, of a preopened directory where it is about a descriptor. */
function calling(module, name, letters) {
  const types = [...letters].map((letter) => (letter === 'I' ? 'i64' : 'i32'));
  const first = /^(?:fd|path|sock)_/.test(name) && !/close|renumber/.test(name) ? 3 : 0;
  const args = types.map((type, index) => `(${type}.const ${index === 0 ? first : 0})`);
  return `(module (import "${module}" "${name}" (func $call (param ${types.join(' ')}) (result i32))) ${MEMORY}
    (func $f (export "_start") (drop (call $call ${args.join(' ')})) (call $f)))`;
}

/** Uses next to no stack, and has to come to its end. */
const LAWFUL = {
  lawful: `(module (import "${WASI}" "path_open" (func $open ${OPEN_TYPE}))
    (import "${WASI}" "fd_close" (func $close (param i32) (result i32))) ${MEMORY}
    (func (export "_start") (if ${OPEN} (then unreachable)) (if (call $close (i32.load (i32.const 0))) (then unreachable))))`,
};

function guestsOf(which) {
  if (which === 'direct') return { 'direct calls': DIRECT };
  const few = { ...OWN, ...IN_CALLS, 'direct calls': DIRECT, ...LAWFUL };
  if (which === 'few') return few;
  const calls = Object.entries(CALLS).flatMap(([module, functions]) =>
    Object.entries(functions).map(([name, letters]) => [name, calling(module, name, letters)]),
  );
  return { ...few, ...Object.fromEntries(calls) };
}

/** How the guest ended, where that is not as it should; what it left open. */
async function faultOf(host, module, options, directory) {
  try {
    const { exitCode } = await host.run(module, options);
    return module.name in LAWFUL && exitCode === 0 ? undefined : `returned ${exitCode}`;
  } catch (error) {
    if (error.message !== 'wasm trap: call stack exhausted' || error.code !== 'ERR_GUEST_TRAP')
      return String(error.stack);
  }
  const open = openBelow(directory);
  return open.length > 0 ? `left open: ${open.join()}` : undefined;
}

async function drive({ guests, rounds, sinks, timeoutMs }) {
  const directory = mkdtempSync(join(tmpdir(), 'overflow-'));
  writeFileSync(join(directory, 'file'), '');
  const host = new Host();
  const stdout = sinks ? () => {} : 'null';
  const options = { preopens: [{ hostPath: directory }], stdout, ...(timeoutMs && { timeoutMs }) };
  const faults = [];
  let runs = 0;
  for (const [name, text] of Object.entries(guestsOf(guests))) {
    const module = await host.compile(new TextEncoder().encode(text), { name });
    for (let round = 0; round < rounds; round++) {
      runs++;
      const fault = await faultOf(host, module, options, directory);
      if (fault !== undefined) faults.push(`${name}: ${fault}`);
    }
  }
  rmSync(directory, { recursive: true });
  return { runs, faults };
}

const options = isMainThread ? JSON.parse(process.argv[2]) : workerData;
if (isMainThread && options.stackSizeMb !== undefined) {
  const resourceLimits = { stackSizeMb: options.stackSizeMb };
  new Worker(new URL(import.meta.url), { workerData: options, resourceLimits }).on('message', (driven) =>
    console.log(JSON.stringify(driven)),
  );
} else {
  const driven = await drive(options);
  if (isMainThread) console.log(JSON.stringify(driven));
  else parentPort.postMessage(driven);
}

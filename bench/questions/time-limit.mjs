/**
 * How long after its time is over does the caller of a runaway guest have its error, and how long until the next guest has run?
 *
 *     node bench/questions/time-limit.mjs [--isolation thread|process]... [--case NAME]... [--rounds N] [--json FILE]
 *
 * What a guest does stands in `fixtures/guests/wat/runaways.wat`: the first that it writes is the time of day. From there, or
 * from where the host began to count, whichever gives more, the time limit counts here. Ends with 1 where an error is not the
 * one that was to be expected, something that the guest wrote is missing, or the next guest's answer is wrong.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, machineText } from '../report.mjs';

const ROOT = new URL('../../', import.meta.url);
/** Types of tests are not those of benchmarks. */
const MODELS = new URL('test/native/openvino/scenarios/long-models.mjs', ROOT).href;
const { longToCompile, longToInfer } = await import(MODELS);
const GUEST = fileURLToPath(new URL('fixtures/guests/wat/runaways.wat', ROOT));
const TIMEOUT_MS = 200;
const MEBIBYTE = 2 ** 20;

/**
 * @typedef {object} Surroundings What a case needs of the system.
 * @property {Record<string, unknown>} options Of `run`.
 * @property {() => void} [end]
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {string} [export] Default: the name.
 * @property {(scratch: string) => Surroundings | Promise<Surroundings>} [around]
 * @property {boolean} [threadOnly]
 * @property {string} [code] Default: ERR_GUEST_TIMEOUT.
 */

/** @param {string} scratch @param {number} byteLength */
function withFile(scratch, byteLength) {
  const directory = mkdtempSync(join(scratch, 'directory-'));
  writeFileSync(join(directory, 'file'), '');
  truncateSync(join(directory, 'file'), byteLength);
  return { options: { preopens: [{ hostPath: directory }] } };
}

/** @param {string} scratch */
function withFifo(scratch) {
  const directory = mkdtempSync(join(scratch, 'fifo-'));
  execFileSync('mkfifo', [join(directory, 'file')]);
  // Somebody who might write.
  const fd = openSync(join(directory, 'file'), constants.O_RDWR);
  return { options: { preopens: [{ hostPath: directory }] }, end: () => closeSync(fd) };
}

function withSilentPipe() {
  const child = spawn('sleep', ['600'], { stdio: ['ignore', 'pipe', 'ignore'] });
  child.unref();
  const fd = /** @type {any} */ (child.stdout)._handle.fd;
  return { options: { stdin: { fd } }, end: () => void child.kill() };
}

async function withListener() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const socketFd = /** @type {any} */ (server)._handle.fd;
  return { options: { preopens: [{ socketFd }] }, end: () => void server.close() };
}

async function withConnection() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const socket = createConnection({ port, host: '127.0.0.1' }).pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  const end = () => {
    socket.destroy();
    server.close();
  };
  return { options: { preopens: [{ socketFd: /** @type {any} */ (socket)._handle.fd }] }, end };
}

/** @type {(options: Record<string, unknown>) => () => Surroundings} */
const given = (options) => () => ({ options });
/** @type {(count: number) => (scratch: string) => Surroundings} */
const file = (byteLength) => (scratch) => withFile(scratch, byteLength);

/** @type {readonly Case[]} */
const CASES = [
  ...[
    'loop',
    'fill',
    'copy',
    'clock',
    'random',
    'little random',
    'yield',
    'refused inference',
    'renumber',
    'sleep',
  ].map((name) => ({ name })),
  { name: 'poll' },
  { name: 'poll, standard input silent', export: 'poll', around: () => ({ options: { stdin: new PassThrough() } }) },
  { name: 'poll events' },
  { name: 'read, silent stream', export: 'read', around: () => ({ options: { stdin: new PassThrough() } }) },
  { name: 'read, silent pipe', export: 'read', around: withSilentPipe, threadOnly: true },
  { name: 'read, FIFO', export: 'read a file', around: withFifo },
  { name: 'accept', around: withListener, threadOnly: true },
  { name: 'receive', around: withConnection, threadOnly: true },
  { name: 'read a file', around: file(2 ** 26) },
  { name: 'open for ever', around: file(0) },
  {
    name: 'nest directories',
    around: (scratch) => ({ options: { preopens: [{ hostPath: mkdtempSync(join(scratch, 'nest-')) }] } }),
  },
  { name: 'write, dropped', export: 'write', around: given({ stderr: 'null' }) },
  { name: 'write, captured', export: 'write', around: given({ stderr: 'capture', maxCaptureBytes: 64 * MEBIBYTE }) },
  { name: 'write a little, captured', export: 'write a little' },
  { name: 'write, function', export: 'write', around: given({ stderr: () => {} }) },
  {
    name: 'write, stream',
    export: 'write',
    around: () => ({ options: { stderr: new Writable({ write: (_, __, done) => done() }) } }),
  },
  {
    name: 'write, full stream',
    export: 'write',
    around: () => ({ options: { stderr: new Writable({ write: () => {} }) } }),
  },
  {
    name: 'write, file',
    export: 'write a little',
    around: (scratch) => ({ options: { stderr: { file: join(scratch, 'output') } } }),
  },
  { name: 'grow for ever', around: given({ maxMemoryBytes: 512 * MEBIBYTE }) },
  { name: 'compute', around: given({ graphs: ['long'] }) },
];

function parseOptions() {
  const { values } = parseArgs({
    options: {
      isolation: { type: 'string', multiple: true, default: ['thread', 'process'] },
      case: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      json: { type: 'string' },
    },
  });
  if (!/^[1-9]\d{0,4}$/.test(values.rounds)) {
    throw new Error(`--rounds: expected a positive integer, received ${values.rounds}`);
  }
  return { ...values, rounds: Number(values.rounds) };
}

/** @param {Uint8Array} bytes as text of a module */
const escaped = (bytes) => [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');

/** Loads a model that takes seconds to compile. @param {number} salt */
function compilingGuest(salt) {
  const [xml, weights] = longToCompile(80, salt);
  const builders = Buffer.from(Uint32Array.of(4096, xml.byteLength, 131072, weights.byteLength).buffer);
  return Buffer.from(`(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 8) (data (i32.const 0) "\\40\\00\\00\\00\\10\\00\\00\\00") (data (i32.const 64) "begun\\0a  ")
    (data (i32.const 256) "${escaped(builders)}")
    (data (i32.const 4096) "${escaped(xml)}") (data (i32.const 131072) "${escaped(weights)}")
    (func (export "_start") (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 72)))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (drop (call $load (i32.const 256) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 32)))))`);
}

/** @param {readonly number[]} values */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
}

/** The measurements of one kind of isolation. */
class Measurement {
  #pool;
  #module;
  /** @type {string[]} */
  faults = [];

  /** @param {any} pool @param {any} module */
  constructor(pool, module) {
    this.#pool = pool;
    this.#module = module;
  }

  async answer() {
    const { results } = await this.#pool.run(this.#module, { invoke: { name: 'answer' } });
    if (results[0] !== '42') this.faults.push(`answered ${results[0]}`);
  }

  /**
   * @param {string} name
   * @param {any} module
   * @param {Record<string, unknown>} options
   */
  async #once(name, module, options) {
    const ended = await this.#pool.run(module, { timeoutMs: TIMEOUT_MS, ...options }).then(
      () => ({ code: 'none' }),
      (/** @type {any} */ error) => error,
    );
    const endedMs = performance.timeOrigin + performance.now();
    const said = /** @type {Buffer | undefined} */ (ended.stdout);
    if (ended.code !== 'ERR_GUEST_TIMEOUT') this.faults.push(`${name}: ${ended.code}: ${ended.message}`);
    if (said === undefined || said.byteLength < 16) {
      this.faults.push(`${name}: what was written is missing`);
      return undefined;
    }
    const begunMs = Number(said.readBigUInt64LE(8)) / 1e6;
    const startMs = performance.now();
    await this.answer();
    // The host's own count begins some milliseconds before the guest can say so; it ends before all is done for the caller.
    const guestMs = Math.max(endedMs - begunMs, ended.usage?.phases.guest?.wallMs ?? 0);
    return { overshootMs: guestMs - TIMEOUT_MS, nextMs: performance.now() - startMs };
  }

  /**
   * @param {Case} one
   * @param {string} scratch
   * @param {number} rounds
   */
  async of(one, scratch, rounds) {
    const samples = [];
    for (let round = 0; round < rounds; round++) {
      const { options, end } = (await one.around?.(scratch)) ?? { options: {} };
      const all = { invoke: { name: one.export ?? one.name }, ...options };
      samples.push(await this.#once(one.name, this.#module, all));
      end?.();
    }
    return samples.filter((sample) => sample !== undefined);
  }

  /** @param {any} host @param {number} rounds */
  async ofCompiles(host, rounds) {
    const samples = [];
    for (let round = 0; round < rounds; round++) {
      const module = await host.compile(compilingGuest(round));
      samples.push(await this.#once('compile a model', module, {}));
    }
    return samples.filter((sample) => sample !== undefined);
  }
}

/**
 * @param {string} isolation
 * @param {ReturnType<typeof parseOptions>} options
 * @param {string} scratch
 */
async function ask(isolation, { rounds, case: chosen }, scratch) {
  // Not a name that is known when types are checked: there may be no build yet.
  const { Host, Pool } = await import(new URL('dist/index.mjs', ROOT).href);
  const host = new Host();
  const pool = new Pool(host, { isolation, threads: 1 });
  await host.graphs.register('long', { bytes: longToInfer(400), encoding: 'openvino' });
  const measurement = new Measurement(pool, await host.compile(GUEST));
  // Workers are there, and code is compiled.
  for (let round = 0; round < 5; round++) await measurement.answer();
  /** @type {Record<string, { overshootMs: ReturnType<typeof summary>, nextMs: ReturnType<typeof summary> }>} */
  const results = {};
  /** @type {(name: string, samples: { overshootMs: number, nextMs: number }[]) => void} */
  const tell = (name, samples) => {
    const overshootMs = summary(samples.map((sample) => sample.overshootMs));
    const nextMs = summary(samples.map((sample) => sample.nextMs));
    results[name] = { overshootMs, nextMs };
    const numbers = [overshootMs.median, overshootMs.most, nextMs.median, nextMs.most].map((ms) =>
      ms.toFixed(1).padStart(8),
    );
    process.stdout.write(`${isolation.padEnd(8)} ${name.padEnd(28)} ${numbers.join(' ')}\n`);
  };
  for (const one of CASES) {
    if (isolation === 'process' && one.threadOnly) continue;
    if (chosen.length > 0 && !chosen.includes(one.name)) continue;
    tell(one.name, await measurement.of(one, scratch, rounds));
  }
  const name = 'compile a model';
  if (chosen.length === 0 || chosen.includes(name)) tell(name, await measurement.ofCompiles(host, Math.min(rounds, 4)));
  await pool.abort();
  await host.close();
  return { results, faults: measurement.faults };
}

const options = parseOptions();
const machine = describeMachine({ Node: process.versions.node, V8: process.versions.v8 });
process.stdout.write(machineText(machine));
process.stdout.write(
  'isolation, case; ms beyond the limit: median, most; ms until the next guest has run: median, most\n',
);
const scratch = mkdtempSync(join(tmpdir(), 'time-limit-'));
/** @type {Record<string, Awaited<ReturnType<typeof ask>>>} */
const answers = {};
try {
  for (const isolation of options.isolation) answers[isolation] = await ask(isolation, options, scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ machine, rounds: options.rounds, answers }, null, 2)}\n`);
const faults = Object.values(answers).flatMap((answer) => answer.faults);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length > 0 ? 1 : 0);

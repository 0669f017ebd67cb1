/**
 * Guests made to order: a list of wasi-nn calls with constant arguments, whose errnos come out on stdout. The same bytes
 * run under this host and under wasmtime, so that the answers can be compared call by call.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import wabt from 'wabt';
import { canSuspend, promising, suspending } from '../../src/engine/suspending-engine.ts';
import { GuestMemory } from '../../src/guest/memory.ts';
import { NN_WAITING_CALLS } from '../../src/nn/abi/functions.ts';
import type { Backend } from '../../src/nn/backend.ts';
import type { Refusal, WasiNn, WasiNnOptions } from '../../src/nn/index.ts';
import type { GraphRegistry } from '../../src/nn/registry.ts';

/** One wasi-nn call with `i32` arguments, or a piece of memory to print. */
export type Step = { call: string; args: readonly number[] } | { dump: number; byteLength: number };

export interface Script {
  steps: readonly Step[];
  /** What memory holds at the start, by address; the first 64 bytes belong to the driver. */
  data: readonly (readonly [pointer: number, bytes: Uint8Array])[];
  /** Size of the memory in pages of 64 KiB. Default: 4. */
  pages?: number;
}

export const call = (name: string, ...args: number[]): Step => ({ call: name, args });
export const dump = (pointer: number, byteLength: number): Step => ({ dump: pointer, byteLength });

const LARGEST_OUTPUT = 1 << 24;

/** Compiles the script to a module that exports `_start` and `memory`. */
export async function compileScript(script: Script): Promise<Uint8Array<ArrayBuffer>> {
  const signatures = new Map<string, number>();
  for (const step of script.steps) if ('call' in step) signatures.set(step.call, step.args.length);
  const imports = [...signatures].map(
    ([name, count]) =>
      `(import "wasi_ephemeral_nn" "${name}" (func $${name} (param ${'i32 '.repeat(count)}) (result i32)))`,
  );
  const body = script.steps.map((step) => {
    if ('dump' in step) return print(step.dump, step.byteLength);
    const args = step.args.map((arg) => `(i32.const ${arg | 0})`).join(' ');
    return `(i32.store (i32.const 0) (call $${step.call} ${args})) ${print(0, 4)}`;
  });
  const data = script.data.map(([pointer, bytes]) => `(data (i32.const ${pointer}) "${escaped(bytes)}")`);
  const text = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    ${imports.join('\n')}
    (memory (export "memory") ${script.pages ?? 4})
    ${data.join('\n')}
    (func (export "_start") ${body.join('\n')}))`;
  const parser = await wabt();
  const module = parser.parseWat('script.wat', text);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Writes the pieces in turn, since `fd_write` may take a part only: one call per piece is enough for a pipe and a file. */
function print(pointer: number, byteLength: number): string {
  if (byteLength > LARGEST_OUTPUT) throw new RangeError(`cannot print ${byteLength} bytes`);
  return `(i32.store (i32.const 8) (i32.const ${pointer})) (i32.store (i32.const 12) (i32.const ${byteLength}))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))`;
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += `\\${byte.toString(16).padStart(2, '0')}`;
  return text;
}

export interface ScriptResult {
  /** One number per call that returned, one `Uint8Array` per dump. Shorter than the script where the host ended it. */
  answers: (number | Uint8Array)[];
  /** Absent under this host, where nothing ends a guest. */
  status?: number | null;
  stderr?: string;
  refusals: Refusal[];
}

function parse(script: Script, stdout: Uint8Array): (number | Uint8Array)[] {
  const answers: (number | Uint8Array)[] = [];
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  let at = 0;
  for (const step of script.steps) {
    const size = 'call' in step ? 4 : step.byteLength;
    if (at + size > stdout.byteLength) break;
    answers.push('call' in step ? view.getInt32(at, true) : stdout.slice(at, at + size));
    at += size;
  }
  return answers;
}

export interface WasmtimeCommand {
  command: string;
  env?: NodeJS.ProcessEnv;
  options?: readonly string[];
}

/** Runs the script under wasmtime. */
export async function runUnderWasmtime(script: Script, wasmtime: WasmtimeCommand): Promise<ScriptResult> {
  const folder = mkdtempSync(join(tmpdir(), 'abi-script-'));
  try {
    const file = join(folder, 'script.wasm');
    writeFileSync(file, await compileScript(script));
    const run = spawnSync(wasmtime.command, ['run', '-S', 'nn', ...(wasmtime.options ?? []), file], {
      env: wasmtime.env ?? process.env,
      maxBuffer: 4 * LARGEST_OUTPUT,
    });
    if (run.error) throw run.error;
    const answers = parse(script, run.stdout);
    return { answers, status: run.status, stderr: run.stderr.toString(), refusals: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface HostRun {
  create: (options: WasiNnOptions) => WasiNn;
  backend: Backend;
  registry?: GraphRegistry;
  more?: Partial<WasiNnOptions>;
}

/** Runs the script in this process over a backend; where guests can be suspended so as well, which has to come to the same. */
export async function runUnderHost(script: Script, options: HostRun): Promise<ScriptResult> {
  const result = await runOnce(script, options, false);
  if (canSuspend()) {
    const { answers, refusals } = await runOnce(script, options, true);
    expect([answers, refusals.map(told)]).toEqual([result.answers, result.refusals.map(told)]);
  }
  return result;
}

const told = ({ cause: _, ...refusal }: Refusal) => refusal;

async function runOnce(script: Script, options: HostRun, isSuspending: boolean): Promise<ScriptResult> {
  const memory = new GuestMemory();
  const refusals: Refusal[] = [];
  const stdout: Uint8Array[] = [];
  const nn = options.create({
    memory,
    backend: () => options.backend,
    registry: options.registry ?? { get: () => undefined },
    onRefused: (refusal) => refusals.push(refusal),
    isSuspending,
    ...options.more,
  });
  const imports = Object.entries(nn.imports).map(([name, call]) => {
    const imported =
      isSuspending && NN_WAITING_CALLS.has(name) ? suspending(call as (...args: unknown[]) => number) : call;
    return [name, imported] as const;
  });
  try {
    const { instance } = await WebAssembly.instantiate(await compileScript(script), {
      wasi_ephemeral_nn: Object.fromEntries(imports),
      wasi_snapshot_preview1: {
        fd_write: (_fd: number, iovs: number) => {
          stdout.push(memory.slice(memory.readU32(iovs), memory.readU32(iovs + 4)).slice());
          return 0;
        },
      },
    });
    memory.attach(instance.exports.memory as WebAssembly.Memory);
    const start = instance.exports._start as () => void;
    await (isSuspending ? promising(start)() : start());
  } finally {
    nn.dispose();
  }
  return { answers: parse(script, Buffer.concat(stdout)), refusals };
}

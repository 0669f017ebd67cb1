import { readFileSync } from 'node:fs';
import { GuestExit } from '../../src/guest/exit.ts';
import { GuestMemory } from '../../src/guest/memory.ts';
import type { HostFunctions } from '../../src/wasi/contract.ts';
import { createPreview1, type InputSource, type OutputSink, type Preview1Options } from '../../src/wasi/index.ts';

export interface GuestRun extends Partial<Omit<Preview1Options, 'memory' | 'exit' | 'stdin' | 'stdout' | 'stderr'>> {
  /** A file, or a module. */
  wasm: string | Uint8Array<ArrayBuffer>;
  stdin?: InputSource | string;
  stdout?: OutputSink;
  stderr?: OutputSink;
}

export interface GuestResult {
  /** 0 when `_start` returned; undefined when the guest trapped. */
  exitCode: number | undefined;
  /** What was thrown, when the guest trapped. */
  trap: unknown;
  stdout: string;
  stderr: string;
  /** Calls that the host answered with `io` because something was thrown. */
  reports: [functionName: string, reason: unknown][];
}

function importObject(functions: HostFunctions): WebAssembly.ModuleImports {
  return Object.fromEntries(functions.names.map((name) => [name, functions.get(name) as WebAssembly.ImportValue]));
}

/** Runs a guest's `_start` with nothing but preview1 around it, on this thread. */
export function runGuest(run: GuestRun): GuestResult {
  const memory = new GuestMemory();
  const exit = new GuestExit();
  const captured = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const reports: GuestResult['reports'] = [];
  const { wasm, stdin = { kind: 'null' }, ...options } = run;
  const preview1 = createPreview1({
    args: ['guest.wasm'],
    env: [],
    preopens: [],
    stdout: { kind: 'write', write: (bytes) => captured.stdout.push(bytes) },
    stderr: { kind: 'write', write: (bytes) => captured.stderr.push(bytes) },
    report: (name, reason) => reports.push([name, reason]),
    ...options,
    stdin: typeof stdin === 'string' ? { kind: 'bytes', bytes: new TextEncoder().encode(stdin) } : stdin,
    memory,
    exit,
  });
  let exitCode: number | undefined;
  let trap: unknown;
  try {
    const module = new WebAssembly.Module(typeof wasm === 'string' ? readFileSync(wasm) : wasm);
    const instance = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: importObject(preview1.snapshotPreview1),
      wasi_unstable: importObject(preview1.unstable),
    });
    memory.attach(instance.exports.memory as WebAssembly.Memory);
    (instance.exports._start as () => void)();
    exitCode = 0;
  } catch (error) {
    exitCode = exit.exitCode;
    if (exitCode === undefined) trap = error;
  } finally {
    preview1.dispose();
  }
  const text = (chunks: Uint8Array[]) => Buffer.concat(chunks).toString();
  return { exitCode, trap, stdout: text(captured.stdout), stderr: text(captured.stderr), reports };
}

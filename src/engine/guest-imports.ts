/** What one guest may import: WASI, wasi-nn, and what its preloads export. */
import { GuestTrapError, ModuleError } from '../errors.ts';
import { GuestExit } from '../guest/exit.ts';
import { GuestMemory } from '../guest/memory.ts';
import { createWasiNn } from '../nn/abi/functions.ts';
import { PARAMETER_COUNTS } from '../nn/abi/witx.ts';
import type { Backend } from '../nn/backend.ts';
import type { Refusal, WasiNn } from '../nn/index.ts';
import type { GraphRegistry } from '../nn/registry.ts';
import type { HostCall, HostFunctions, InputSource, OutputSink, Preview1 } from '../wasi/index.ts';
import { createPreview1 } from '../wasi/index.ts';
import type { Waits } from '../wasi/suspending.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestPlan } from './guest-plan.ts';
import { preview1Type, wasiNnType } from './import-types.ts';
import type { ExportedFunction } from './instantiation.ts';
import type { HostFunction, ImportProvider } from './link.ts';
import { readyForGrowth, releaseMemory } from './memory-pages.ts';
import type { FunctionType } from './module-binary.ts';
import { RunRecorder, type RunRecorderOptions } from './run-recorder.ts';
import type { GuestUsage } from './run-report.ts';
import { memoryAccount } from './suspending-memory.ts';
import { STACK_EXHAUSTED } from './trap.ts';

/** Where a guest's standard streams go. */
export interface GuestStdio {
  stdin: InputSource;
  stdout: OutputSink;
  stderr: OutputSink;
}

/** What stands behind wasi-nn. */
export interface NnSupport {
  /** Asked when the guest first needs it. */
  backend: () => Backend;
  registry: GraphRegistry;
  properties?: Readonly<Record<string, string>> | undefined;
  allowedGuestProperties?: readonly string[] | undefined;
  onRefused?: ((refusal: Refusal) => void) | undefined;
}

/** Told of a WASI call that was answered with `io` since something was thrown: by code of an embedder, or a fault of ours. */
export type WasiFaultListener = (functionName: string, reason: unknown) => void;

/** How much is noted of a run, and who is told at once. */
export type RecordOptions = Pick<RunRecorderOptions, 'level' | 'onEntry'>;

export interface GuestImportsOptions {
  /** Undefined: the guest has no wasi-nn to import. */
  nn: NnSupport | undefined;
  record?: RecordOptions | undefined;
  onWasiFault?: WasiFaultListener | undefined;
  /** Makes of a function of the host what the guest imports in its place. Asked once for each import. */
  adapt?:
    | ((module: string, name: string, call: ExportedFunction) => HostFunction | WebAssembly.ImportValue)
    | undefined;
  /** For a guest that can be suspended: calls that wait answer promises, of which `adapt` has to make something. */
  waits?: Waits | undefined;
}

type NamedCalls = Pick<HostFunctions, 'get'>;

/** Names come from the module, and may be those of every object. */
function ownCalls(functions: Readonly<Record<string, HostCall>>): NamedCalls {
  return { get: (name) => (Object.hasOwn(functions, name) ? functions[name] : undefined) };
}

type MemoryOf = () => WebAssembly.Memory | undefined;

export class GuestImports {
  readonly exit = new GuestExit();
  readonly recorder: RunRecorder;
  /** Linear memories of all instances, as far as the host can see them. */
  readonly memories = new Set<WebAssembly.Memory>();
  /** Whether the guest has left a call the stack that it needs. To be set before the guest has used any. */
  hasRoom: () => boolean = () => true;
  readonly #plan: GuestPlan;
  readonly #adapt: GuestImportsOptions['adapt'];
  readonly #waits: Waits | undefined;
  readonly #memory = new GuestMemory();
  readonly #preview1: Preview1 | undefined;
  readonly #wasiNn: WasiNn | undefined;
  /** Whether code of an embedder may run inside a call, which is not to be left halfway either. */
  readonly #callsEmbedder: boolean;
  readonly #preloaded = new Map<string, ImportProvider[]>();
  /** What WASI calls read and write: the memory of the module that makes them. */
  #attached: WebAssembly.Memory | undefined;
  #isDisposed = false;

  /** @throws HostError ERR_PREOPEN for a directory that cannot be given */
  constructor(plan: GuestPlan, stdio: GuestStdio, { nn, onWasiFault, adapt, record, waits }: GuestImportsOptions) {
    this.recorder = new RunRecorder({ level: plan.record, ...record, guestBytes: () => this.#memoryBytes() });
    this.#plan = plan;
    this.#adapt = adapt;
    this.#waits = waits;
    this.#callsEmbedder = [...Object.values(stdio), ...plan.preopens].some(({ kind }) => EMBEDDER_KINDS.has(kind));
    if (plan.wasi.preview1 || plan.wasi.unstable) this.#preview1 = this.#createPreview1(stdio, onWasiFault);
    if (nn !== undefined) this.#wasiNn = createWasiNn(this.#nnOptions(nn));
  }

  /**
   * Closes what the guest left open and releases its graphs.
   * @param isOver whether no instance will run any more, one that is suspended say: their memory is given back at once then
   */
  dispose(isOver = false): void {
    this.#wasiNn?.dispose();
    this.#preview1?.dispose(isOver);
    if (!this.#isDisposed) {
      for (const memory of this.memories) memoryAccount.end(memory, isOver && releaseMemory(memory));
    }
    this.#isDisposed = true;
    this.memories.clear();
  }

  /** Counts the memories of a new instance as the guest's. @param imported one that was made for it */
  noteMemories({ exports }: WebAssembly.Instance, imported: WebAssembly.Memory | undefined): void {
    if (imported !== undefined) this.#noteMemory(imported);
    for (const name in exports) {
      const value = exports[name];
      if (value instanceof WebAssembly.Memory) this.#noteMemory(value);
    }
  }

  #noteMemory(memory: WebAssembly.Memory): void {
    if (this.memories.has(memory)) return;
    this.memories.add(memory);
    readyForGrowth(memory);
    if (this.#waits !== undefined) memoryAccount.leaveOut(memory);
  }

  /** What the guest used until now. */
  usage(cpuMs: number | undefined): GuestUsage {
    const { bytesRead = 0, bytesWritten = 0 } = this.#preview1?.traffic() ?? {};
    return this.recorder.usage({ cpuMs, bytesRead, bytesWritten });
  }

  #memoryBytes(): number {
    let byteLength = 0;
    for (const { buffer } of this.memories) byteLength += buffer.byteLength;
    return byteLength;
  }

  /** What WASI calls of the program are about, once it is known. */
  get memory(): WebAssembly.Memory | undefined {
    return this.#attached;
  }

  /** Names the memory that calls of the guest are about. */
  attach(memory: WebAssembly.Memory | undefined): void {
    if (memory === undefined) return;
    this.#attached = memory;
    this.#memory.attach(memory);
  }

  /** @param ownMemory of a preload, whose WASI calls are about its memory and not the program's */
  providers(ownMemory: MemoryOf | undefined): Map<string, ImportProvider[]> {
    const providers = new Map<string, ImportProvider[]>();
    const add = (module: string, functions: NamedCalls, typeOf: (name: string) => FunctionType | undefined) => {
      providers.set(module, [(name) => this.#hostFunction(module, functions, name, typeOf(name), ownMemory)]);
    };
    const { preview1, unstable } = this.#plan.wasi;
    if (this.#preview1 !== undefined && preview1) {
      add('wasi_snapshot_preview1', this.#preview1.snapshotPreview1, preview1Type);
    }
    if (this.#preview1 !== undefined && unstable) add('wasi_unstable', this.#preview1.unstable, preview1Type);
    if (this.#wasiNn !== undefined) add('wasi_ephemeral_nn', ownCalls(this.#wasiNn.imports), nnType);
    for (const [name, modules] of this.#preloaded) providers.set(name, [...(providers.get(name) ?? []), ...modules]);
    return providers;
  }

  /** Lets later modules import what an instance exports. @throws ModuleError ERR_MODULE_LINK for names offered twice */
  offer(name: string, program: CompiledModule, instance: WebAssembly.Instance): void {
    const types = new Map(program.shape.exports.map((entry) => [entry.name, entry.type]));
    const modules = this.#preloaded.get(name) ?? [];
    const twice = [...types.keys()].find((key) => modules.some((provider) => provider(key) !== undefined));
    if (twice !== undefined) {
      throw new ModuleError('ERR_MODULE_LINK', `import of \`${name}::${twice}\` defined twice`);
    }
    modules.push((key) => {
      const value = types.has(key) ? instance.exports[key] : undefined;
      return value && { value: value as WebAssembly.ImportValue, type: types.get(key) };
    });
    this.#preloaded.set(name, modules);
  }

  #createPreview1(stdio: GuestStdio, onWasiFault: WasiFaultListener | undefined): Preview1 {
    const { args, env, preopens, maxMemoryFileBytes, maxOutputBytes } = this.#plan;
    const around = (name: string, call: (...args: never[]) => number) =>
      this.#callsEmbedder || CHANGING_CALLS.test(name) ? this.#withRoom(call) : call;
    const shared = { memory: this.#memory, exit: this.exit, report: onWasiFault, around, waits: this.#waits };
    const limits = {
      ...(maxMemoryFileBytes !== undefined && { maxMemoryFileBytes }),
      ...(maxOutputBytes !== undefined && { maxOutputBytes }),
    };
    return createPreview1({ ...shared, args, env, preopens, ...limits, ...stdio });
  }

  #nnOptions({ backend, registry, onRefused, properties, allowedGuestProperties }: NnSupport) {
    return {
      memory: this.#memory,
      backend,
      registry,
      isSuspending: this.#waits !== undefined,
      onCall: this.recorder.onCall,
      ...(this.recorder.level === 'timeline' && { profile: true }),
      onRefused: (refusal: Refusal) => {
        this.recorder.refuse(refusal);
        onRefused?.(refusal);
      },
      ...(properties && { properties }),
      ...(allowedGuestProperties && { allowedGuestProperties }),
    };
  }

  #hostFunction(
    module: string,
    functions: NamedCalls,
    name: string,
    type: FunctionType | undefined,
    ownMemory: MemoryOf | undefined,
  ) {
    const call = functions.get(name) as ExportedFunction | undefined;
    if (call === undefined) return undefined;
    // Of preview1, what runs in JavaScript has it already; what does not needs next to no stack.
    const roomy = Object.hasOwn(PARAMETER_COUNTS, name) ? this.#withRoom(call) : call;
    const value =
      ownMemory === undefined ? roomy : (...args: unknown[]) => this.#withMemory(ownMemory(), () => roomy(...args));
    return { value: this.#adapt?.(module, name, value) ?? value, type };
  }

  /** Ends the guest where the call might not come to its end: half of what it does must not stay. */
  #withRoom<Args extends readonly unknown[], Result>(call: (...args: Args) => Result): (...args: Args) => Result {
    return (...args) => {
      if (!this.hasRoom()) this.exit.fail(new GuestTrapError('ERR_GUEST_TRAP', `wasm trap: ${STACK_EXHAUSTED}`));
      return call(...args);
    };
  }

  #withMemory<Result>(memory: WebAssembly.Memory | undefined, call: () => Result): Result {
    const before = this.#attached;
    this.attach(memory);
    let result: Result;
    try {
      result = call();
    } catch (error) {
      this.attach(before);
      throw error;
    }
    // Of a guest that is suspended: nothing else of it runs meanwhile.
    if (result instanceof Promise) return result.finally(() => this.attach(before)) as Result;
    this.attach(before);
    return result;
  }
}

const EMBEDDER_KINDS: ReadonlySet<string> = new Set(['shim', 'write', 'descriptor']);

/** Calls of preview1 that take longer than asking for room, and open, close or move something; all of wasi-nn's do. */
const CHANGING_CALLS = /^(?:fd_close|fd_renumber|fd_allocate|sock_|path_(?!filestat_get|readlink))/;

function nnType(name: string): FunctionType | undefined {
  const counts: Readonly<Record<string, number>> = PARAMETER_COUNTS;
  return Object.hasOwn(counts, name) ? wasiNnType(counts[name] as number) : undefined;
}

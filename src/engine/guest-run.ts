/** One run of one guest on this thread: provide, link, instantiate, call, and tell how it ended. */
import { GuestTrapError, HostError, ModuleError } from '../errors.ts';
import { GuestExit } from '../guest/exit.ts';
import { GuestMemory } from '../guest/memory.ts';
import { createWasiNn } from '../nn/abi/functions.ts';
import { PARAMETER_COUNTS } from '../nn/abi/witx.ts';
import type { Backend } from '../nn/backend.ts';
import type { Refusal, WasiNn } from '../nn/index.ts';
import type { GraphRegistry } from '../nn/registry.ts';
import type { InputSource, OutputSink, Preview1 } from '../wasi/index.ts';
import { createPreview1 } from '../wasi/index.ts';
import { frameText, type Innermost, wasmFrames, withWasmFrames } from './backtrace.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestFailure, GuestOutcome, GuestPhase, GuestPlan, InstanceLimits } from './guest-plan.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';
import { preview1Type, wasiNnType } from './import-types.ts';
import { checkInvocable, parseArguments, resultTexts } from './invoke.ts';
import { type ImportProvider, linkImports } from './link.ts';
import type { FunctionType } from './module-binary.ts';
import { startExportName } from './module-rewrite.ts';
import { STACK_EXHAUSTED, trapText, withoutPrefix } from './trap.ts';

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

export interface GuestRun {
  outcome: GuestOutcome;
  /** Closes what the guest left open and releases its graphs. Needless where the process ends anyway. */
  dispose(): void;
}

/**
 * Runs a guest to its end on this thread.
 * @param nn undefined: the guest has no wasi-nn to import
 * @throws HostError ERR_PREOPEN for a directory that cannot be given; what code of the embedder threw inside the guest
 */
export function runGuest(
  plan: GuestPlan,
  stdio: GuestStdio,
  nn: NnSupport | undefined,
  onWasiFault?: WasiFaultListener,
): GuestRun {
  const run = new Run(plan, stdio, nn, onWasiFault);
  try {
    const guest = () => withWasmFrames(plan.maxBacktraceFrames, () => run.outcome());
    const outcome = withGuestStack(plan.maxWasmStackBytes, guest);
    return { outcome, dispose: () => run.dispose() };
  } catch (error) {
    run.dispose();
    throw error;
  }
}

type ExportedFunction = (...args: unknown[]) => unknown;

/** V8 names an import by its index where a memory, table or global does not fit. */
function instantiate({ module, shape }: CompiledModule, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError)) throw error;
    const words = withoutPrefix(error.message).replace(/^Import #\d+ .*?: /, '');
    const entry = shape.imports[Number(/import #?(\d+)/i.exec(error.message)?.[1] ?? -1)];
    const what = entry && `incompatible import type for \`${entry.module}::${entry.name}\`: `;
    throw new ModuleError('ERR_MODULE_LINK', `${what ?? ''}${words}`, { cause: error });
  }
}

class Run {
  readonly #plan: GuestPlan;
  readonly #exit = new GuestExit();
  readonly #memory = new GuestMemory();
  readonly #preview1: Preview1 | undefined;
  readonly #wasiNn: WasiNn | undefined;
  #hasRoom: () => boolean = () => true;
  /** Whether code of an embedder may run inside a call, which is not to be left halfway either. */
  readonly #callsEmbedder: boolean;
  readonly #preloaded = new Map<string, ImportProvider[]>();
  readonly #count = new InstanceCount();
  /** What WASI calls read and write: the memory of the module that makes them. */
  #attached: WebAssembly.Memory | undefined;
  #phase: GuestPhase = { at: 'instantiate' };

  constructor(
    plan: GuestPlan,
    stdio: GuestStdio,
    nn: NnSupport | undefined,
    onWasiFault: WasiFaultListener | undefined,
  ) {
    this.#plan = plan;
    this.#callsEmbedder = [...Object.values(stdio), ...plan.preopens].some(({ kind }) => EMBEDDER_KINDS.has(kind));
    const { args, env, preopens, maxMemoryFileBytes } = plan;
    if (plan.wasi.preview1 || plan.wasi.unstable) {
      const around = (name: string, call: (...args: never[]) => number) =>
        this.#callsEmbedder || CHANGING_CALLS.test(name) ? this.#withRoom(call) : call;
      const shared = { memory: this.#memory, exit: this.#exit, report: onWasiFault, around };
      const limits = { ...(maxMemoryFileBytes !== undefined && { maxMemoryFileBytes }) };
      this.#preview1 = createPreview1({ ...shared, args, env, preopens, ...limits, ...stdio });
    }
    if (nn !== undefined) {
      const { onRefused, properties, allowedGuestProperties } = nn;
      this.#wasiNn = createWasiNn({
        memory: this.#memory,
        backend: nn.backend,
        registry: nn.registry,
        ...(onRefused && { onRefused }),
        ...(properties && { properties }),
        ...(allowedGuestProperties && { allowedGuestProperties }),
      });
    }
  }

  dispose(): void {
    this.#wasiNn?.dispose();
    this.#preview1?.dispose();
  }

  outcome(): GuestOutcome {
    this.#hasRoom = roomForCalls();
    try {
      return { kind: 'returned', results: this.#run() };
    } catch (error) {
      return this.#ended(error);
    }
  }

  #run(): string[] {
    for (const { name, program } of this.#plan.preloads) {
      this.#phase = { at: 'preload', name };
      const instance = this.#instantiate(program, true);
      initialize(program, instance);
      this.#offer(name, program, instance);
    }
    this.#phase = { at: 'instantiate' };
    const { program, invoke } = this.#plan;
    const instance = this.#instantiate(program, false);
    this.#phase = { at: 'initialize' };
    initialize(program, instance);
    if (invoke === undefined) return this.#start(program, instance);
    this.#phase = { at: 'invoke', name: invoke.name };
    const called = exportedFunction(program, instance, invoke.name);
    if (called === undefined) {
      throw new ModuleError('ERR_MODULE_EXPORT', `no func export named \`${invoke.name}\` found`);
    }
    return callWithText(`\`${invoke.name}\``, called, invoke.args);
  }

  /** A module without a start, such as a reactor, does nothing more. */
  #start(program: CompiledModule, instance: WebAssembly.Instance): string[] {
    this.#phase = { at: 'invoke' };
    const start = exportedFunction(program, instance, '') ?? exportedFunction(program, instance, '_start');
    return start === undefined ? [] : callWithText('command default', start, []);
  }

  #instantiate(program: CompiledModule, isPreload: boolean): WebAssembly.Instance {
    const { limits, unknownImports } = this.#plan;
    this.#count.add(program, limits);
    let own: WebAssembly.Memory | undefined;
    const linked = linkImports(program.shape.imports, {
      providers: this.#providers(isPreload ? () => own : undefined),
      limits,
      // As in wasmtime, the option is about the program alone.
      unknownImports: isPreload ? 'refuse' : unknownImports,
      onUnknownCall: (error) => this.#exit.fail(error),
    });
    const instance = instantiate(program, linked.imports);
    const { memory } = instance.exports;
    own = memory instanceof WebAssembly.Memory ? memory : linked.memory;
    if (!isPreload) this.#attach(own);
    if (program.startDeferred) (instance.exports[startExportName(program.shape)] as ExportedFunction)();
    return instance;
  }

  #attach(memory: WebAssembly.Memory | undefined): void {
    if (memory === undefined) return;
    this.#attached = memory;
    this.#memory.attach(memory);
  }

  /** @param ownMemory of a preload, whose WASI calls are about its memory and not the program's */
  #providers(ownMemory: (() => WebAssembly.Memory | undefined) | undefined): Map<string, ImportProvider[]> {
    const providers = new Map<string, ImportProvider[]>();
    const add = (module: string, functions: object, typeOf: (name: string) => FunctionType | undefined) => {
      providers.set(module, [(name) => this.#hostFunction(functions, name, typeOf(name), ownMemory)]);
    };
    const { preview1, unstable } = this.#plan.wasi;
    if (this.#preview1 !== undefined && preview1) {
      add('wasi_snapshot_preview1', this.#preview1.snapshotPreview1, preview1Type);
    }
    if (this.#preview1 !== undefined && unstable) add('wasi_unstable', this.#preview1.unstable, preview1Type);
    if (this.#wasiNn !== undefined) add('wasi_ephemeral_nn', this.#wasiNn.imports, nnType);
    for (const [name, modules] of this.#preloaded) providers.set(name, [...(providers.get(name) ?? []), ...modules]);
    return providers;
  }

  #hostFunction(
    functions: object,
    name: string,
    type: FunctionType | undefined,
    ownMemory: (() => WebAssembly.Memory | undefined) | undefined,
  ) {
    if (!Object.hasOwn(functions, name)) return undefined;
    const call = (functions as Record<string, ExportedFunction>)[name] as ExportedFunction;
    // Of preview1, what runs in JavaScript has it already; what does not needs next to no stack.
    const value = Object.hasOwn(PARAMETER_COUNTS, name) ? this.#withRoom(call) : call;
    if (ownMemory === undefined) return { value, type };
    return { value: (...args: unknown[]) => this.#withMemory(ownMemory(), () => value(...args)), type };
  }

  /** Ends the guest where the call might not come to its end: half of what it does must not stay. */
  #withRoom<Args extends readonly unknown[], Result>(call: (...args: Args) => Result): (...args: Args) => Result {
    return (...args) => {
      if (!this.#hasRoom()) this.#exit.fail(new GuestTrapError('ERR_GUEST_TRAP', `wasm trap: ${STACK_EXHAUSTED}`));
      return call(...args);
    };
  }

  #withMemory<Result>(memory: WebAssembly.Memory | undefined, call: () => Result): Result {
    const before = this.#attached;
    this.#attach(memory);
    try {
      return call();
    } finally {
      this.#attach(before);
    }
  }

  #offer(name: string, program: CompiledModule, instance: WebAssembly.Instance): void {
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

  #ended(error: unknown): GuestOutcome {
    const phase = this.#phase;
    const frames = (innermost: Innermost) => this.#frames(error, innermost);
    const { exitCode, failure } = this.#exit;
    if (exitCode !== undefined) return { kind: 'exited', exitCode, phase, backtrace: frames('host') };
    const described = failure === undefined ? describeFailure(error) : describeFailure(failure);
    if (described === undefined) throw error;
    const isTrap = described.code === 'ERR_GUEST_TRAP';
    const backtrace = failure !== undefined ? frames('host') : isTrap ? frames('guest') : [];
    return { kind: 'failed', failure: { ...described, backtrace }, phase };
  }

  #frames(error: unknown, innermost: Innermost): string[] {
    const { maxBacktraceFrames, program } = this.#plan;
    return wasmFrames(error, innermost, maxBacktraceFrames).map((frame, index) =>
      frameText({ ...frame, offset: frame.offset - program.codeShiftBytes }, index),
    );
  }
}

/** What an exception tells the embedder; undefined for what is neither the guest's nor the host's, but an embedder's. */
function describeFailure(error: unknown): Omit<GuestFailure, 'backtrace'> | undefined {
  if (error instanceof HostError) return { code: error.code as GuestFailure['code'], message: error.message };
  const trap = trapText(error);
  if (trap !== undefined) return { code: 'ERR_GUEST_TRAP', message: `wasm trap: ${trap}` };
  if (error instanceof WebAssembly.Exception) return { code: 'ERR_GUEST_EXCEPTION', message: 'thrown Wasm exception' };
  const outOfMemory = error instanceof RangeError && /out of memory/i.test(error.message);
  return outOfMemory ? { code: 'ERR_MODULE_LIMIT', message: withoutPrefix(error.message) } : undefined;
}

const EMBEDDER_KINDS: ReadonlySet<string> = new Set(['shim', 'write', 'descriptor']);

/** Calls of preview1 that take longer than asking for room, and open, close or move something; all of wasi-nn's do. */
const CHANGING_CALLS = /^(?:fd_close|fd_renumber|fd_allocate|sock_|path_(?!filestat_get|readlink))/;

function nnType(name: string): FunctionType | undefined {
  const counts: Readonly<Record<string, number>> = PARAMETER_COUNTS;
  return Object.hasOwn(counts, name) ? wasiNnType(counts[name] as number) : undefined;
}

interface Callable {
  call: ExportedFunction;
  type: FunctionType;
}

function exportedFunction(program: CompiledModule, instance: WebAssembly.Instance, name: string): Callable | undefined {
  const entry = program.shape.exports.find((candidate) => candidate.name === name && candidate.kind === 'func');
  if (entry === undefined) return undefined;
  const type = entry.type ?? { params: [], results: [] };
  return { call: instance.exports[name] as ExportedFunction, type };
}

/** What a reactor wants called before anything else. */
function initialize(program: CompiledModule, instance: WebAssembly.Instance): void {
  const exported = exportedFunction(program, instance, '_initialize');
  const count = exported?.type.params.length ?? 0;
  if (count > 0) throw new ModuleError('ERR_MODULE_EXPORT', `_initialize: expected 0 parameters, found ${count}`);
  exported?.call();
}

function callWithText(name: string, { call, type }: Callable, texts: readonly string[]): string[] {
  checkInvocable(name, type);
  const args = parseArguments(name, type, texts);
  return resultTexts(type, call(...args));
}

class InstanceCount {
  #instances = 0;
  #memories = 0;
  #tables = 0;

  /** @throws ModuleError ERR_MODULE_LIMIT when one more module would be too many */
  add({ shape }: CompiledModule, limits: InstanceLimits): void {
    this.#instances += 1;
    this.#memories += shape.memories.length;
    this.#tables += shape.tables.length;
    this.#check('instance', this.#instances, limits.maxInstances);
    this.#check('memory', this.#memories, limits.maxMemories);
    this.#check('table', this.#tables, limits.maxTables);
  }

  #check(what: string, count: number, limit: number | undefined): void {
    if (limit === undefined || count <= limit) return;
    throw new ModuleError('ERR_MODULE_LIMIT', `resource limit exceeded: ${what} count too high at ${count}`);
  }
}

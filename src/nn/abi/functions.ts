/** The imports of `wasi_ephemeral_nn`: read memory, find the handle, delegate, tell the errno. */
import { HostError, printable } from '../../errors.ts';
import { isStackOverflow } from '../../guest/stack-overflow.ts';
import { describe } from '../../options.ts';
import type { Backend, BackendExecutionContext, BackendGraph, Tensor } from '../backend.ts';
import { DEFAULT_GUEST_LIMITS, type GuestLimits, type NnCall, type WasiNn, type WasiNnOptions } from '../index.ts';
import { CallRefused, errnoOf } from './errno.ts';
import { shownName, totalBytes, UnknownName } from './graph-words.ts';
import { parseGuestConfig } from './guest-config.ts';
import { readBuilders, readBytes, readTensor, readTensorRecord, readText, requireResult } from './guest-values.ts';
import { HandleTable } from './handle-table.ts';
import { fixedBytes, type HeldOutputs, OutputBytes } from './tensor-bytes.ts';
import { type CallName, ENCODINGS, ERRNO, PARAMETER_COUNTS, TARGETS } from './witx.ts';

/** A graph behind a handle. Registered graphs are the registry's: unloading takes only the handle. */
interface GraphEntry {
  graph: BackendGraph;
  owned: boolean;
}

/** An execution context behind a handle, and how many bytes each of its inputs, and its outputs, keep. */
interface ContextEntry {
  context: BackendExecutionContext;
  inputBytes: Map<number, number>;
  outputs: HeldOutputs;
}

/**
 * Makes the imports of one guest.
 *
 * Each import takes unsigned 32-bit numbers and returns an errno; results go through a pointer that is the last argument.
 * Nothing a guest passes throws, and every refused call is told to `onRefused` with its reason.
 */
export function createWasiNn(options: WasiNnOptions): WasiNn {
  const calls = new Calls(options);
  const { onCall } = options;
  const imports: Record<string, (...args: number[]) => Answer> = {};
  for (const name of Object.keys(PARAMETER_COUNTS) as CallName[]) {
    imports[name] = onCall
      ? (...args) => observed(onCall, calls, name, () => answer(options, calls, name, args))
      : (...args) => answer(options, calls, name, args);
  }
  // Promises are answered where they are asked for alone, by functions that are imported as such that may.
  return { imports: imports as WasiNn['imports'], dispose: () => calls.dispose() };
}

/** Calls that answer a promise where {@link WasiNnOptions.isSuspending}. */
export const NN_WAITING_CALLS: ReadonlySet<string> = new Set<CallName>(['load', 'load_by_name_with_config', 'compute']);

type Answer = number | Promise<number>;

const nowMs = () => performance.timeOrigin + performance.now();

function observed(onCall: (call: NnCall) => void, calls: Calls, name: CallName, call: () => Answer): Answer {
  const startMs = nowMs();
  const note = (errno: number) => {
    onCall({ name, startMs, endMs: nowMs(), errno, ...calls.takeNotes() });
    return errno;
  };
  const answered = call();
  return typeof answered === 'number' ? note(answered) : answered.then(note);
}

/** The one place that turns a call's outcome into its errno. @throws what ends the guest: the stack ran out */
function answer(options: WasiNnOptions, calls: Calls, name: CallName, args: readonly unknown[]): Answer {
  try {
    // Written out, not spread: one call costs less than a microsecond and this would be a third of it.
    const [a, b, c, d, e] = unsignedArguments(name, args);
    const done = calls[name](a, b, c, d, e);
    if (!(done instanceof Promise)) return ERRNO.success;
    return done.then(
      () => ERRNO.success,
      (error: unknown) => refuse(options, name, args, error),
    );
  } catch (error) {
    return refuse(options, name, args, error);
  }
}

function refuse({ onRefused }: WasiNnOptions, name: CallName, args: readonly unknown[], error: unknown): number {
  if (isStackOverflow(error)) throw error;
  const told = errnoOf(error);
  const about = INDEXED_CALLS.has(name) ? `${name} ${Number(args[1]) >>> 0}` : name;
  const reason = printable(`${about}: ${error instanceof Error ? error.message : String(error)}`);
  const code = error instanceof HostError ? error.code : undefined;
  const graph = error instanceof UnknownName ? { graph: shownName(error.graph) } : undefined;
  onRefused?.({ call: name, ...told, reason, code, ...graph, cause: error });
  return told.errno;
}

type Done = undefined | Promise<void>;

/** Calls about one input or output, whose index is the second argument. */
const INDEXED_CALLS: ReadonlySet<CallName> = new Set(['set_input', 'get_output']);

type Arguments = readonly [number, number, number, number, number];

/**
 * JavaScript functions link under any signature, so what comes is not sure to be what the specification says: an `i64`
 * arrives as a BigInt, a reference as an object.
 */
function unsignedArguments(name: CallName, args: readonly unknown[]): Arguments {
  const count = PARAMETER_COUNTS[name];
  const numbers: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  if (args.length !== count) {
    throw new CallRefused('invalid_argument', `${count} arguments are expected, got ${args.length}`);
  }
  for (let index = 0; index < count; index++) {
    const value = args[index];
    if (typeof value !== 'number') {
      throw new CallRefused('invalid_argument', `argument ${index}: expected an i32, got ${describe(value)}`);
    }
    numbers[index] = value >>> 0;
  }
  return numbers;
}

/** The calls as methods, under the names of the specification. Each throws where a guest gets an errno. */
class Calls implements Record<CallName, (a: number, b: number, c: number, d: number, e: number) => unknown> {
  readonly #options: WasiNnOptions;
  readonly #limits: GuestLimits;
  readonly #graphs: HandleTable<GraphEntry>;
  readonly #contexts: HandleTable<ContextEntry>;
  #backend: Backend | undefined;
  #inputBytes = 0;
  readonly #outputBytes: OutputBytes;
  #disposed = false;
  /** Whether somebody wants to know what calls are about. */
  readonly #isObserved: boolean;
  #detail: NnCall['detail'];
  #operations: NnCall['operations'];

  constructor(options: WasiNnOptions) {
    this.#options = options;
    this.#isObserved = options.onCall !== undefined;
    this.#limits = { ...DEFAULT_GUEST_LIMITS, ...options.limits };
    this.#outputBytes = new OutputBytes(this.#limits.outputBytes);
    this.#graphs = new HandleTable('graph', this.#limits.graphs);
    this.#contexts = new HandleTable('execution context', this.#limits.executionContexts);
  }

  /**
   * Compiles a graph from bytes of the guest; they are copied.
   *
   * @param builders offset of `count` pairs of offset and length
   * @param encoding number of a `$graph_encoding`
   * @param target number of an `$execution_target`
   * @param result offset where the graph's handle is written, u32
   *
   * Errnos: `invalid_argument` for an encoding, target, pointer or length of no meaning; `unsupported_operation` for an
   * encoding that no frontend here reads; `runtime_error` for a wrong number of builders, a damaged model, a model that
   * names files, a device that is not there, a missing runtime; `too_large` when the guest holds all graphs it may hold,
   * or an input or output is larger than it may be.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `load`
   */
  load(builders: number, count: number, encoding: number, target: number, result: number): Done {
    const encodingName = ENCODINGS[encoding];
    if (encodingName === undefined) {
      throw new CallRefused('invalid_argument', `graph encoding ${encoding} is none of 0 to ${ENCODINGS.length - 1}`);
    }
    const targetName = TARGETS[target];
    if (targetName === undefined) {
      throw new CallRefused('invalid_argument', `execution target ${target} is none of 0 to ${TARGETS.length - 1}`);
    }
    if (encodingName === 'pytorch') {
      throw new CallRefused(
        'unsupported_operation',
        'no backend here reads PyTorch models; convert them to OpenVINO IR',
      );
    }
    this.#graphs.requireRoom();
    const bytes = readBuilders(this.#options.memory, builders, count);
    const { properties, profile, isSuspending } = this.#options;
    if (this.#isObserved) this.#detail = { encoding: encodingName, byteLength: totalBytes(bytes) };
    const backend = this.#openBackend();
    const options = {
      encoding: encodingName,
      target: targetName,
      ...(properties && { properties }),
      ...(profile && { profile }),
    };
    if (!isSuspending || backend.loadAsync === undefined) return this.#giveLoaded(backend.load(bytes, options), result);
    const loading = backend.loadAsync(bytes, { ...options, isAbandoned: () => this.#disposed });
    return loading.then((graph) => this.#giveLoaded(graph, result));
  }

  /**
   * Gives a graph that the host registered.
   *
   * @param name offset of `byteLength` bytes of UTF-8
   * @param result offset where the graph's handle is written, u32
   *
   * Errnos: `invalid_argument` for a pointer outside memory or a name that is not UTF-8; `unsupported_operation` for a
   * name that nobody registered (not `not_found`: wasmtime's answer); `runtime_error` when it cannot be compiled.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `load-by-name`
   */
  load_by_name(name: number, byteLength: number, result: number): void {
    const text = readText(this.#options.memory, 'the name', name, byteLength, 'unsupported_operation');
    if (this.#isObserved) this.#detail = { graph: shownName(text) };
    this.#graphs.requireRoom();
    const graph = this.#requireOpen().registry.get(text);
    if (graph === undefined) throw new UnknownName(text);
    this.#giveGraph({ graph, owned: false }, result);
  }

  /**
   * Gives a graph that the host registered, compiled with properties of the guest. Not of the specification: WasmEdge
   * has it. The config is a JSON object of properties; the host says which names may stand there.
   *
   * @param name offset of `nameByteLength` bytes of UTF-8
   * @param config offset of `configByteLength` bytes of UTF-8
   * @param result offset where the graph's handle is written, u32
   *
   * Errnos: as `load_by_name`; `invalid_argument` also for a config that is no JSON object of allowed properties.
   */
  load_by_name_with_config(
    name: number,
    nameByteLength: number,
    config: number,
    configByteLength: number,
    result: number,
  ): Done {
    const { memory, allowedGuestProperties = [] } = this.#options;
    const nameText = readText(memory, 'the name', name, nameByteLength, 'unsupported_operation');
    const configText = readText(memory, 'the config', config, configByteLength, 'invalid_argument');
    if (this.#isObserved) this.#detail = { graph: shownName(nameText) };
    const properties = parseGuestConfig(configText, allowedGuestProperties);
    this.#graphs.requireRoom();
    const { registry } = this.#requireOpen();
    if (Object.keys(properties).length === 0) {
      const graph = registry.get(nameText);
      if (graph === undefined) throw new UnknownName(nameText);
      return this.#giveGraph({ graph, owned: false }, result);
    }
    if (this.#options.isSuspending && registry.compileAsync !== undefined) {
      const compiling = registry.compileAsync(nameText, properties, () => this.#disposed);
      if (compiling === undefined) throw new UnknownName(nameText);
      return compiling.then((graph) => this.#giveOwned(graph, result));
    }
    const graph = registry.compile?.(nameText, properties);
    if (graph === undefined) throw new UnknownName(nameText);
    return this.#giveOwned(graph, result);
  }

  /**
   * Makes a context that holds inputs and outputs of one graph.
   *
   * @param graph handle
   * @param result offset where the context's handle is written, u32
   *
   * Errnos: `unsupported_operation` for an unknown graph; `invalid_argument` for a result outside memory; `too_large`
   * when the guest holds all contexts it may hold, or their outputs all they may take; `runtime_error` when the runtime
   * cannot make one.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `init-execution-context`
   */
  init_execution_context(graph: number, result: number): void {
    const entry = this.#graphs.get(graph);
    this.#contexts.requireRoom();
    requireResult(this.#options.memory, "the context's handle", result);
    const made = this.#outputBytes.newContext(entry.graph);
    this.#options.memory.writeU32(result, this.#contexts.insert({ ...made, inputBytes: new Map() }));
  }

  /**
   * Sets an input; its bytes are copied, so the guest may use them again at once. The same index again replaces it.
   *
   * @param context handle
   * @param index of the input, in the model's order
   * @param tensor offset of a `$tensor`, 20 bytes
   *
   * Errnos: `unsupported_operation` for an unknown context; `invalid_argument` for a pointer outside memory, a type of no
   * revision, bytes that do not fit the dimensions; `runtime_error` for an index the model has not, or another type or
   * shape than the model takes; `too_large` when all inputs of the guest together pass their limit.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `set-input`
   */
  set_input(context: number, index: number, tensor: number): void {
    const { memory } = this.#options;
    const record = readTensorRecord(memory, tensor);
    if (this.#isObserved) this.#detail = { index, byteLength: record.dataByteLength };
    const entry = this.#contexts.get(context);
    this.#setInput(entry, index, readTensor(memory, record));
  }

  /**
   * Computes the outputs from the inputs; inputs that were not set are zero. Returns when done.
   *
   * @param context handle
   *
   * Errnos: `unsupported_operation` for an unknown context; `busy` while it computes; `runtime_error` when the runtime fails;
   * `too_large` when the outputs of all contexts take more than they may already.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `compute`
   */
  compute(context: number): Done {
    const entry = this.#contexts.get(context);
    this.#outputBytes.requireRoom();
    if (this.#options.isSuspending) return entry.context.computeAsync().then(() => this.#noteComputed(entry));
    entry.context.compute();
    return this.#noteComputed(entry);
  }

  /**
   * Copies an output into the guest.
   *
   * @param context handle
   * @param index of the output, in the model's order
   * @param buffer offset of `maxByteLength` bytes
   * @param result offset where the number of bytes written is written, u32
   *
   * Errnos: `unsupported_operation` for an unknown context; `runtime_error` for an index the model has not; `too_large`
   * when the output is larger than the buffer, and nothing is written; `invalid_argument` for a pointer outside memory.
   *
   * @see https://github.com/WebAssembly/wasi-nn/blob/main/wit/wasi-nn.wit `get-output`
   */
  get_output(context: number, index: number, buffer: number, maxByteLength: number, result: number): void {
    const { memory } = this.#options;
    const entry = this.#contexts.get(context);
    const byteLength = entry.context.outputByteLength(index);
    if (this.#isObserved) this.#detail = { index, byteLength };
    const target = readBytes(memory, 'the output buffer', buffer, maxByteLength);
    if (byteLength > maxByteLength) {
      throw new CallRefused('too_large', `the output has ${byteLength} bytes, the buffer ${maxByteLength}`);
    }
    requireResult(memory, 'the number of bytes written', result);
    memory.writeU32(result, entry.context.getOutput(index, target));
  }

  /**
   * Releases a graph; contexts made from it stay usable. Not of the specification: other hosts have it.
   *
   * Errnos: `unsupported_operation` for an unknown graph.
   */
  unload(graph: number): void {
    releaseGraph(this.#graphs.remove(graph));
  }

  /** {@link unload} under its second name. */
  unload_graph(graph: number): void {
    this.unload(graph);
  }

  /**
   * Releases an execution context with its inputs and outputs. Not of the specification: WasmEdge has it.
   *
   * Errnos: `unsupported_operation` for an unknown context.
   */
  finalize_execution_context(context: number): void {
    const entry = this.#contexts.remove(context);
    for (const byteLength of entry.inputBytes.values()) this.#inputBytes -= byteLength;
    this.#outputBytes.release(entry.outputs);
    entry.context.dispose();
  }

  /** What the last call noted of itself; forgotten then. */
  takeNotes(): Pick<NnCall, 'detail' | 'operations'> {
    const notes = { detail: this.#detail, operations: this.#operations };
    this.#detail = undefined;
    this.#operations = undefined;
    return notes;
  }

  /** Releases all that the guest holds; every handle is unknown then, and nothing can be loaded. */
  dispose(): void {
    this.#disposed = true;
    this.#inputBytes = 0;
    for (const entry of this.#contexts.clear()) entry.context.dispose();
    for (const entry of this.#graphs.clear()) releaseGraph(entry);
  }

  #setInput(entry: ContextEntry, index: number, tensor: Tensor): void {
    const total = this.#inputBytes - (entry.inputBytes.get(index) ?? 0) + tensor.data.byteLength;
    if (total > this.#limits.inputBytes) {
      throw new CallRefused(
        'too_large',
        `all inputs would keep ${total} bytes, at most ${this.#limits.inputBytes} may`,
      );
    }
    entry.context.setInput(index, tensor);
    this.#inputBytes = total;
    entry.inputBytes.set(index, tensor.data.byteLength);
  }

  /** Releases a graph whose tensors would take more memory than a guest may have. */
  #requireSizes(graph: BackendGraph): void {
    for (const port of [...graph.inputs, ...graph.outputs]) {
      const { name, elementType, shape } = port;
      const byteLength = fixedBytes(port);
      if (byteLength <= this.#limits.tensorBytes) continue;
      graph.dispose();
      const limit = `at most ${this.#limits.tensorBytes} may`;
      throw new CallRefused(
        'too_large',
        `'${name}' [${shape}] ${elementType} would take ${byteLength} bytes, ${limit}`,
      );
    }
  }

  #noteComputed({ context, outputs }: ContextEntry): undefined {
    this.#outputBytes.computed(outputs, context);
    if (this.#options.profile) this.#operations = context.profile?.();
  }

  /** @throws CallRefused, and the graph is released */
  #giveLoaded(graph: BackendGraph, result: number): undefined {
    if (this.#isObserved && graph.isHit !== undefined) this.#detail = { ...this.#detail, isHit: graph.isHit };
    this.#requireSizes(graph);
    return this.#giveOwned(graph, result);
  }

  /** The host may have ended the guest while the graph was compiled; it is released then. */
  #giveOwned(graph: BackendGraph, result: number): undefined {
    if (this.#disposed) graph.dispose();
    this.#requireOpen();
    return this.#giveGraph({ graph, owned: true }, result);
  }

  /** Writes the handle of a new graph, or releases the graph where that cannot be done. */
  #giveGraph(entry: GraphEntry, result: number): undefined {
    try {
      requireResult(this.#options.memory, "the graph's handle", result);
    } catch (error) {
      releaseGraph(entry);
      throw error;
    }
    this.#options.memory.writeU32(result, this.#graphs.insert(entry));
  }

  #openBackend(): Backend {
    const { backend } = this.#requireOpen();
    this.#backend ??= backend();
    return this.#backend;
  }

  #requireOpen(): WasiNnOptions {
    if (this.#disposed) throw new CallRefused('runtime_error', 'the host has ended this guest');
    return this.#options;
  }
}

function releaseGraph(entry: GraphEntry): void {
  if (entry.owned) entry.graph.dispose();
}

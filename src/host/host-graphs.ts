/** Named graphs of one host: compiled before anybody asks for them, replaced while guests use them. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileStamps } from '../engine/file-stamps.ts';
import { nowMs } from '../engine/run-recorder.ts';
import { BackendError, HostError } from '../errors.ts';
import type { Backend, BackendGraph, Encoding, ExecutionTarget, TensorInfo } from '../nn/backend.ts';
import { fillInTurns, PIECE_BYTES } from '../nn/copy-in-turns.ts';
import { compileGraph, compileGraphAsync, findModelFiles, requireFiles } from '../nn/graph-registry.ts';
import type { GrantedGraph, GraphRegistry, GraphSource } from '../nn/registry.ts';
import { checkNames, checkTexts, invalidOption, isPlace, isText, oneOf, optional } from '../options.ts';
import { publishGraph } from '../telemetry/channels.ts';

/** A model to be registered: exactly one of `dir`, `files` and `bytes`. */
export interface GraphOptions {
  /** A directory with `model.xml` and `model.bin`, or `model.onnx`, `model.tflite`, `model.pb`: a path or `file:` URL. */
  dir?: string | URL | undefined;
  /** Paths or `file:` URLs. IR: xml, then bin. Others: one file. */
  files?: readonly (string | URL)[] | undefined;
  /** The same as bytes. They are copied; from 2 MiB on in several turns of the event loop, so leave them as they are until it is answered. */
  bytes?: Uint8Array | readonly Uint8Array[] | undefined;
  /** What the model is. Default: `autodetect`, by the names in `dir`, and else by content. */
  encoding?: Encoding | undefined;
  /** Where it computes. Default: `cpu`. */
  target?: ExecutionTarget | undefined;
  /** Properties of the runtime (`INFERENCE_PRECISION_HINT`, …), before the host's of the same name. */
  properties?: Readonly<Record<string, string>> | undefined;
}

/** A registered graph. */
export interface GraphInfo {
  /** Under which it is registered. */
  name: string;
  /** As it was given, or found by the names in a directory: `autodetect` where only the bytes tell. */
  encoding: Encoding;
  /** Where it computes. */
  target: ExecutionTarget;
  /** In the order of the model, by which guests count them. */
  inputs: readonly TensorInfo[];
  /** In the order of the model, by which guests count them. */
  outputs: readonly TensorInfo[];
}

/** What one run may reach, held until {@link GraphLease.release}. */
export interface GraphLease {
  granted: readonly GrantedGraph[];
  /** The same, for a guest on this thread. */
  registry: GraphRegistry;
  release(): void;
}

/** A graph under a name, as long as somebody holds it: the registry, and each run that was granted it. */
interface Registration {
  model: Omit<GrantedGraph, 'name'>;
  info: GraphInfo;
  graph: BackendGraph;
  holders: number;
}

/** Unlike in every host of this process: workers are shared by none, but may come to be. */
let lastId = 0;

/** Named graphs of a host, which its guests load where their run was granted them. */
export class HostGraphs {
  readonly #backend: () => Backend;
  readonly #properties: () => Readonly<Record<string, string>>;
  readonly #graphs = new Map<string, Registration>();
  /** For each name, the call that was answered last, in the order of calls: what was asked later stays. */
  readonly #settled = new Map<string, number>();
  #calls = 0;
  #underway = 0;
  #isDisposed = false;

  /**
   * @internal Made by a host.
   * @param properties of the host, for every graph
   */
  constructor(backend: () => Backend, properties: () => Readonly<Record<string, string>>) {
    this.#backend = backend;
    this.#properties = properties;
  }

  /**
   * Compiles a model, off this thread where the backend can, and registers it. One of the same name is replaced at once:
   * runs that began before keep the old one, and later ones get the new. Where it fails, what was there stays. Of several
   * calls for one name the last call counts, whichever compiles first.
   *
   * @param name as guests ask for it, any text that is not empty
   * @param options the model; bytes are copied before this returns
   * @throws OptionError; BackendError ERR_NN_MODEL_NOT_FOUND for files that are not there or cannot be read, ERR_NN_INVALID_MODEL,
   *   ERR_NN_UNSUPPORTED_ENCODING, ERR_NN_EXTERNAL_DATA, ERR_NN_COMPILE, ERR_NN_PROPERTY and others for the model,
   *   ERR_NN_RUNTIME_NOT_FOUND and others for the runtime; HostError ERR_RELEASED
   */
  async register(name: string, options: GraphOptions): Promise<GraphInfo> {
    checkGraphName(name);
    checkGraphOptions(options);
    this.#requireLive();
    this.#underway++;
    try {
      return await this.#compile(name, options, ++this.#calls);
    } catch (error) {
      this.#requireLive();
      throw error;
    } finally {
      this.#underway--;
      if (this.#underway === 0) this.#settled.clear();
    }
  }

  /**
   * Takes a graph away; runs that have it keep it.
   * @param name under which it was registered
   * @returns whether there was one
   * @throws OptionError ERR_OPTION_INVALID
   */
  unregister(name: string): boolean {
    checkGraphName(name);
    const isRemoved = this.#replace(name, ++this.#calls, undefined);
    const atMs = nowMs();
    if (isRemoved) publishGraph({ graph: name, change: 'unregistered', startMs: atMs, endMs: atMs });
    return isRemoved;
  }

  /** What is registered under a name now. */
  get(name: string): GraphInfo | undefined {
    return this.#graphs.get(name)?.info;
  }

  /** All graphs that are registered now, those that were registered first before others. */
  list(): GraphInfo[] {
    return [...this.#graphs.values()].map(({ info }) => info);
  }

  /**
   * @internal Holds graphs for one run.
   * @param names registered names by the guest's, or the same for both
   * @throws BackendError ERR_NN_GRAPH_NOT_FOUND for a name that is not registered
   */
  lease(names: readonly string[] | Readonly<Record<string, string>>): GraphLease {
    const pairs = Array.isArray(names) ? names.map((name: string) => [name, name] as const) : Object.entries(names);
    const held = new Map<string, Registration>();
    for (const [guestName, name] of pairs) held.set(guestName, this.#require(name));
    for (const registration of held.values()) registration.holders++;
    let isHeld = true;
    return {
      granted: [...held].map(([name, { model }]) => ({ ...model, name })),
      registry: {
        get: (name) => held.get(name)?.graph,
        compile: (name, properties) => {
          const registration = held.get(name);
          return registration && compileGraph(this.#backend(), registration.model, properties);
        },
        compileAsync: (name, properties, isAbandoned) => {
          const registration = held.get(name);
          return registration && compileGraphAsync(this.#backend(), registration.model, { properties, isAbandoned });
        },
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        for (const registration of held.values()) letGo(registration);
      },
    };
  }

  /** @internal Forgets all; each is freed when the last run that has it has ended. */
  dispose(): void {
    this.#isDisposed = true;
    for (const registration of this.#graphs.values()) letGo(registration);
    this.#graphs.clear();
  }

  async #compile(name: string, options: GraphOptions, call: number): Promise<GraphInfo> {
    const startMs = nowMs();
    const isAbandoned = () => this.#isDisposed;
    const { source: given, encoding, copying } = modelSource(name, options, isAbandoned);
    if (copying !== undefined) await copying;
    const { target = 'cpu' } = options;
    const properties = { ...this.#properties(), ...options.properties };
    const source = 'paths' in given ? await stamped(given) : given;
    const graph = await compileGraphAsync(
      this.#backend(),
      { source, encoding, target, properties },
      { forHost: true, isAbandoned },
    );
    const info: GraphInfo = { name, encoding, target, inputs: graph.inputs, outputs: graph.outputs };
    const isOutrun = call < (this.#settled.get(name) ?? 0);
    if (this.#isDisposed || isOutrun) graph.dispose();
    this.#requireLive();
    if (isOutrun) return info;
    const model = { id: ++lastId, sharedId: graph.sharedId, source, encoding, target, properties };
    const change = this.#replace(name, call, { model, info, graph, holders: 1 }) ? 'replaced' : 'registered';
    publishGraph({ graph: name, change, startMs, endMs: nowMs() });
    return info;
  }

  /** Answers whether there was one. */
  #replace(name: string, call: number, registration: Registration | undefined): boolean {
    this.#settled.set(name, call);
    const before = this.#graphs.get(name);
    if (registration === undefined) this.#graphs.delete(name);
    else this.#graphs.set(name, registration);
    if (before !== undefined) letGo(before);
    return before !== undefined;
  }

  #require(name: string): Registration {
    const registration = this.#graphs.get(name);
    if (registration !== undefined) return registration;
    const known = [...this.#graphs.keys()].join(', ') || 'none';
    throw new BackendError('ERR_NN_GRAPH_NOT_FOUND', `graphs: '${name}' is not registered; registered: ${known}`);
  }

  #requireLive(): void {
    if (this.#isDisposed) throw new HostError('ERR_RELEASED', 'this host was disposed');
  }
}

function letGo(registration: Registration): void {
  registration.holders--;
  if (registration.holders === 0) registration.graph.dispose();
}

interface ModelSource {
  source: GraphSource;
  encoding: Encoding;
  /** Where there are too many bytes to copy them at once. */
  copying?: Promise<unknown> | undefined;
}

/** @throws BackendError ERR_NN_MODEL_NOT_FOUND, ERR_NN_UNSUPPORTED_ENCODING */
function modelSource(name: string, options: GraphOptions, isAbandoned: () => boolean): ModelSource {
  const { dir, files, bytes, encoding = 'autodetect' } = options;
  if (dir !== undefined) {
    const found = findModelFiles(name, encoding, pathOf(dir));
    return { source: { paths: found.paths.map((path) => resolve(path)) }, encoding: found.encoding };
  }
  if (files === undefined) {
    const given = bytes instanceof Uint8Array ? [bytes] : (bytes ?? []);
    const builders = given.map(sharedRoomFor);
    const copying = Promise.all(
      given.map((builder, at) => fillInTurns(builders[at] as Uint8Array, builder, isAbandoned)),
    );
    const isLong = given.some(({ byteLength }) => byteLength > PIECE_BYTES);
    return { source: { builders }, encoding, ...(isLong && { copying }) };
  }
  const paths = files.map(pathOf);
  requireFiles(name, paths);
  // Two are IR, which need not be read on this thread to know.
  const known = encoding === 'autodetect' && paths.length === 2 ? 'openvino' : encoding;
  return { source: { paths }, encoding: known };
}

const pathOf = (place: string | URL) => resolve(place instanceof URL ? fileURLToPath(place) : place);

/** With what tells whether its files are changed later; of files that go away meanwhile the compile tells. */
async function stamped<T extends { paths: readonly string[] }>(source: T): Promise<GraphSource> {
  return { ...source, stamps: await fileStamps(source.paths).catch(() => []) };
}

/** In shared memory: a run in a worker thread is told of it, and copies nothing. */
function sharedRoomFor(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
}

const FORMS = ['dir', 'files', 'bytes'] as const;
const ENCODINGS: readonly Encoding[] = ['openvino', 'onnx', 'tensorflow', 'tensorflowlite', 'autodetect'];

function checkGraphName(name: string): void {
  if (!isText(name) || name === '') throw invalidOption('name', 'text that is not empty', name);
}

function checkGraphOptions(options: GraphOptions): void {
  checkNames('options', options, [...FORMS, 'encoding', 'target', 'properties']);
  const given = FORMS.filter((form) => options[form] !== undefined);
  if (given.length !== 1) {
    throw invalidOption(
      'options',
      'exactly one of dir, files and bytes',
      given.length === 0 ? options : given.join(', '),
    );
  }
  const { dir, files, bytes } = options;
  optional('dir', dir, isPlace, 'a path or a file: URL');
  const isFiles = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isPlace);
  optional('files', files, isFiles, 'an array of paths and file: URLs');
  const isBytes = (value: unknown) => value instanceof Uint8Array;
  const isBuilders = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isBytes);
  optional('bytes', bytes, (value) => isBytes(value) || isBuilders(value), 'bytes or an array of bytes');
  oneOf('encoding', options.encoding, ENCODINGS);
  oneOf('target', options.target, ['cpu', 'gpu', 'tpu']);
  checkTexts('properties', options.properties);
}

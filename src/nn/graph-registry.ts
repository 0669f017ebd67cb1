import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BackendError, systemReason } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { AsyncLoadOptions, Backend, BackendGraph, Encoding, ExecutionTarget } from './backend.ts';
import type { GrantedGraph, GraphRegistry } from './registry.ts';

/** A graph to be registered: which model, and the name under which guests ask for it. */
export interface NamedGraph {
  name: string;
  /** As the user wrote it; `autodetect` goes by the files in the directory. Letters may be large or small. */
  encoding: string;
  /** Holds `model.xml` and `model.bin`, or `model.onnx`, `model.tflite`, `model.pb`. */
  directory: string;
  /** Default: cpu. */
  target?: ExecutionTarget;
}

/** Where a granted graph is: compiled, or what it is compiled from. */
export type LocatedGraph = Pick<GrantedGraph, 'sharedId' | 'source'>;
export type LocateGraph = (id: number) => LocatedGraph;

export interface GraphRegistryOptions {
  /** Asked only when there is a graph to compile. */
  backend: () => Backend;
  graphs: readonly NamedGraph[];
  /** Graphs that another registry has compiled: adopted, or loaded from their sources, on first use. */
  granted?: readonly GrantedGraph[];
  /** Asked for each of `granted` that has no `sharedId`, when somebody first asks for it. Default: it is where it was said to be. */
  locate?: LocateGraph;
  /** Runtime properties for every one of `graphs`. */
  properties?: Readonly<Record<string, string>>;
  /** Compile when registered, so that a broken model is found at start, or on first use. Default: `now`. */
  compile?: 'now' | 'on-demand';
}

/** A registry that holds its graphs; {@link DisposableGraphRegistry.dispose} releases them. */
export interface DisposableGraphRegistry extends GraphRegistry {
  readonly names: readonly string[];
  dispose(): void;
}

/** File names in a graph's directory, by encoding. */
const MODEL_FILES = {
  openvino: ['model.xml', 'model.bin'],
  onnx: ['model.onnx'],
  tensorflowlite: ['model.tflite'],
  tensorflow: ['model.pb'],
} as const;

export type FileEncoding = keyof typeof MODEL_FILES;

/**
 * Reads the value of an `nn-graph` option: `ENCODING::DIRECTORY`, named by the last part of the directory, or
 * `NAME=ENCODING::DIRECTORY`.
 * @throws OptionError when there is no `::`, or no name can be told
 */
export function parseNamedGraph(text: string): NamedGraph {
  const separator = text.indexOf('::');
  if (separator < 0) throw invalidOption('nn-graph', 'ENCODING::DIRECTORY or NAME=ENCODING::DIRECTORY', text);
  const head = text.slice(0, separator);
  const directory = text.slice(separator + 2);
  const equals = head.indexOf('=');
  const name = equals < 0 ? basename(directory) : head.slice(0, equals);
  if (name === '' || name === '.' || name === '..') {
    throw invalidOption('nn-graph', 'a name or a directory that has one (NAME=ENCODING::DIRECTORY)', text);
  }
  return { name, encoding: head.slice(equals + 1), directory };
}

/**
 * Registers graphs of the host. Directories and files are looked for at once; a later graph of the same name replaces an
 * earlier one.
 * @throws BackendError ERR_NN_UNSUPPORTED_ENCODING, ERR_NN_MODEL_NOT_FOUND for a missing directory or file; where
 *   compiled now, whatever the backend throws for the model
 */
export function createGraphRegistry(options: GraphRegistryOptions): DisposableGraphRegistry {
  const registry = new InMemoryGraphRegistry(options);
  if (options.compile !== 'on-demand') registry.compileAll();
  return registry;
}

export type GraphModel = Omit<GrantedGraph, 'name' | 'id'>;

interface RegisteredGraph {
  model: GraphModel;
  isGranted: boolean;
  /** Undefined: the model says it. */
  locate?: (() => LocatedGraph) | undefined;
  graph?: BackendGraph;
}

class InMemoryGraphRegistry implements DisposableGraphRegistry {
  readonly #backend: () => Backend;
  readonly #graphs = new Map<string, RegisteredGraph>();

  constructor({ backend, graphs, granted = [], locate, properties = {} }: GraphRegistryOptions) {
    this.#backend = backend;
    for (const graph of graphs) {
      this.#graphs.set(graph.name, { model: { ...namedModel(graph), properties }, isGranted: false });
    }
    for (const graph of granted) {
      const ask = locate && graph.sharedId === undefined ? () => locate(graph.id) : undefined;
      this.#graphs.set(graph.name, { model: graph, isGranted: true, locate: ask });
    }
  }

  get names(): readonly string[] {
    return [...this.#graphs.keys()];
  }

  get(name: string): BackendGraph | undefined {
    const registered = this.#graphs.get(name);
    if (registered === undefined) return undefined;
    registered.graph ??= openGraph(this.#backend(), located(registered));
    return registered.graph;
  }

  compile(name: string, properties: Readonly<Record<string, string>>): BackendGraph | undefined {
    const registered = this.#graphs.get(name);
    return registered && compileGraph(this.#backend(), located(registered), properties);
  }

  compileAsync(
    name: string,
    properties: Readonly<Record<string, string>>,
    isAbandoned: () => boolean,
  ): Promise<BackendGraph> | undefined {
    const registered = this.#graphs.get(name);
    return registered && compileGraphAsync(this.#backend(), registered.model, { properties, isAbandoned });
  }

  compileAll(): void {
    try {
      for (const [name, { isGranted }] of this.#graphs) if (!isGranted) this.get(name);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  dispose(): void {
    for (const registered of this.#graphs.values()) registered.graph?.dispose();
    this.#graphs.clear();
  }
}

function located(registered: RegisteredGraph): GraphModel {
  const { model, locate } = registered;
  if (locate === undefined) return model;
  registered.model = { ...model, ...locate() };
  registered.locate = undefined;
  return registered.model;
}

/** A graph that was compiled elsewhere in this process or is to be compiled here. */
function openGraph(backend: Backend, model: GraphModel): BackendGraph {
  const { sharedId } = model;
  if (sharedId !== undefined && backend.adopt !== undefined) return backend.adopt(sharedId);
  return compileGraph(backend, model);
}

/**
 * Compiles the model of a graph that is registered, with further properties. The caller disposes of it.
 * @throws BackendError
 */
export function compileGraph(
  backend: Backend,
  { source, encoding, target, properties }: GraphModel,
  further: Readonly<Record<string, string>> = {},
): BackendGraph {
  const forHost = Object.keys(further).length === 0;
  const options = { encoding, target, properties: { ...properties, ...further }, forHost };
  return 'paths' in source ? backend.loadFiles(source.paths, options) : backend.load(source.builders, options);
}

/**
 * As {@link compileGraph}, off the thread where the backend can.
 * @throws BackendError
 */
export async function compileGraphAsync(
  backend: Backend,
  { source, encoding, target, properties }: GraphModel,
  options: Omit<AsyncLoadOptions, 'encoding' | 'target'> = {},
): Promise<BackendGraph> {
  const all = { ...options, encoding, target, properties: { ...properties, ...options.properties } };
  if ('paths' in source) {
    return (await backend.loadFilesAsync?.(source.paths, all)) ?? backend.loadFiles(source.paths, all);
  }
  return (await backend.loadAsync?.(source.builders, all)) ?? backend.load(source.builders, all);
}

function namedModel({ name, encoding, directory, target = 'cpu' }: NamedGraph): Omit<GraphModel, 'properties'> {
  const found = findModelFiles(name, encoding, directory);
  return { source: { paths: found.paths }, encoding: found.encoding, target };
}

/**
 * Looks for the files of a model in a directory.
 * @param name of the graph, for messages
 * @param encoding as the user wrote it; `autodetect` goes by the files
 * @throws BackendError ERR_NN_UNSUPPORTED_ENCODING, ERR_NN_MODEL_NOT_FOUND
 */
export function findModelFiles(
  name: string,
  encoding: string,
  directory: string,
): { paths: readonly string[]; encoding: FileEncoding } {
  if (!statOf(name, directory)?.isDirectory()) throw notFound(name, `'${directory}' is not a directory`);
  const found = encodingOf(name, encoding, directory);
  const paths = MODEL_FILES[found].map((file) => join(directory, file));
  requireFiles(name, paths);
  return { paths, encoding: found };
}

function encodingOf(name: string, encoding: string, directory: string): FileEncoding {
  const written = encoding.toLowerCase() as Encoding;
  if (Object.hasOwn(MODEL_FILES, written)) return written as FileEncoding;
  const known = Object.keys(MODEL_FILES) as FileEncoding[];
  if (written !== 'autodetect') {
    throw new BackendError(
      'ERR_NN_UNSUPPORTED_ENCODING',
      `graph '${name}': unknown graph encoding '${encoding}'; known are ${known.join(', ')}, autodetect`,
    );
  }
  const found = known.find((one) => statOf(name, join(directory, MODEL_FILES[one][0])) !== undefined);
  if (found === undefined) {
    const files = known.map((one) => MODEL_FILES[one][0]).join(', ');
    throw notFound(name, `'${directory}' holds none of ${files}`);
  }
  return found;
}

/**
 * Looks whether files of a model are there and may be read, before anything is compiled of them.
 * @param name of the graph, for messages
 * @throws BackendError ERR_NN_MODEL_NOT_FOUND
 */
export function requireFiles(name: string, paths: readonly string[]): void {
  for (const path of paths) {
    if (statOf(name, path) === undefined) throw notFound(name, `the file '${path}' does not exist`);
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      throw notFound(name, `the file '${path}' cannot be read: ${systemReason(error)}`, error);
    }
  }
}

/** @returns undefined where there is nothing @throws BackendError where one may not look */
function statOf(name: string, path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw notFound(name, `'${path}' cannot be looked at: ${systemReason(error)}`, error);
  }
}

function notFound(name: string, reason: string, cause?: unknown): BackendError {
  return new BackendError('ERR_NN_MODEL_NOT_FOUND', `graph '${name}': ${reason}`, { cause });
}

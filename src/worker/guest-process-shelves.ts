/** What a child process keeps between its runs, so that it is sent and compiled once. */
import { type CompiledModule, compileModuleAsync, readModuleSource } from '../engine/compile.ts';
import { createNnSupport } from '../engine/nn-support.ts';
import type {
  GrantedGraph,
  GraphReference,
  ModuleReference,
  ProcessNnPlan,
  SentModule,
} from './guest-process-messages.ts';

/** Bytes of modules that stay compiled; V8 takes some times as much for each. */
const MOST_MODULE_BYTES = 128 * 2 ** 20;

/** Names under which graphs stay compiled. */
const MOST_GRAPHS = 64;

/** Of these, those that were used last go to the guest's thread unasked. */
const MOST_GIVEN = 8;

export class ModuleShelf {
  readonly #mostBytes: number;
  /** The one that was used last comes last. */
  readonly #kept = new Map<string, { byteLength: number; compiled: Promise<CompiledModule> }>();
  #byteLength = 0;

  constructor(mostBytes: number = MOST_MODULE_BYTES) {
    this.#mostBytes = mostBytes;
  }

  has(key: string): boolean {
    return this.#kept.has(key);
  }

  add({ key, bytes, limits }: SentModule & { key: string }): void {
    if (this.#kept.has(key)) return;
    const compiled = readModuleSource('module', bytes).then((source) => compileModuleAsync(source, limits));
    // Who takes it hears of a failure.
    compiled.catch(() => {});
    this.#kept.set(key, { byteLength: bytes.byteLength, compiled });
    this.#byteLength += bytes.byteLength;
  }

  /** @throws ModuleError as where it was compiled first */
  async take({ key, name }: ModuleReference): Promise<CompiledModule> {
    const kept = this.#kept.get(key);
    if (kept === undefined) throw new Error('the module is not here');
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return { ...(await kept.compiled), name };
  }

  /** Forgets what was not used for longest: between runs, so that none loses what it has asked for. */
  trim(): void {
    for (const [key, { byteLength }] of this.#kept) {
      if (this.#byteLength <= this.#mostBytes) return;
      this.#kept.delete(key);
      this.#byteLength -= byteLength;
    }
  }
}

type Backend = ReturnType<ReturnType<typeof createNnSupport>['backend']>;
type Graph = ReturnType<Backend['load']>;

interface KeptGraph extends Pick<GrantedGraph, 'id' | 'source'> {
  /** Undefined: this thread could not compile it, or has no way to share it; the guest's thread tries itself then. */
  opened?: Promise<Graph | undefined>;
  /** Once it is compiled, where it can be shared. */
  sharedId?: number | undefined;
}

/** Where a guest's thread finds a graph. */
export type OpenedGraph = Pick<GrantedGraph, 'sharedId' | 'source'>;

export class GraphShelf {
  readonly #kept = new Map<number, KeptGraph>();
  /** The one that was used last comes last. */
  readonly #idOfName = new Map<string, number>();
  #backend: { options: string; get: () => Backend } | undefined;

  has(id: number): boolean {
    return this.#kept.has(id);
  }

  add(graph: Pick<GrantedGraph, 'id' | 'source'>): void {
    if (!this.#kept.has(graph.id)) this.#kept.set(graph.id, graph);
  }

  /** Compiles what is likely to be asked for. */
  warm(plan: ProcessNnPlan, graphs: readonly Pick<GrantedGraph, 'id' | 'source'>[]): void {
    for (const graph of graphs) this.add(graph);
    for (const reference of plan.granted) if (this.has(reference.id)) this.#compile(plan, reference);
  }

  /** For the guest's thread, which adopts what is compiled here. */
  async open(plan: ProcessNnPlan, reference: GraphReference): Promise<OpenedGraph> {
    const kept = this.#compile(plan, reference);
    await kept.opened;
    return placeOf(kept, plan);
  }

  /**
   * The granted graphs for the guest's thread, which asks for those that have no place yet: that takes it as long as all else
   * that is done for a small model. What is given unasked counts as not used.
   */
  given(plan: ProcessNnPlan): readonly GrantedGraph[] {
    const recent = new Set([...this.#idOfName.values()].slice(-MOST_GIVEN));
    return plan.granted.map((reference) => {
      const kept = recent.has(reference.id) ? this.#kept.get(reference.id) : undefined;
      const isReady = kept?.sharedId !== undefined && !mayCompileAgain(plan);
      return { ...reference, ...(isReady ? placeOf(kept, plan) : { source: { builders: [] } }) };
    });
  }

  #compile(plan: ProcessNnPlan, reference: GraphReference): KeptGraph {
    const kept = this.#kept.get(reference.id);
    if (kept === undefined) throw new Error('the graph is not here');
    this.#idOfName.delete(reference.name);
    this.#idOfName.set(reference.name, reference.id);
    kept.opened ??= this.#open(plan, { ...reference, source: kept.source }).then((graph) => {
      kept.sharedId = graph?.sharedId;
      return graph;
    });
    return kept;
  }

  /** Lets go of what has been replaced under its name, and of the names that were not used for longest: between runs. */
  trim(): void {
    for (const name of this.#idOfName.keys()) {
      if (this.#idOfName.size <= MOST_GRAPHS) break;
      this.#idOfName.delete(name);
    }
    const named = new Set(this.#idOfName.values());
    for (const [id, { opened }] of this.#kept) {
      if (named.has(id)) continue;
      opened?.then((graph) => graph?.dispose());
      this.#kept.delete(id);
    }
  }

  async #open(plan: ProcessNnPlan, { source, encoding, target, properties }: GrantedGraph): Promise<Graph | undefined> {
    try {
      const backend = this.#backendFor(plan);
      if (backend.adopt === undefined) return undefined;
      const options = { encoding, target, properties, forHost: true };
      if ('paths' in source) return await backend.loadFilesAsync?.(source.paths, options);
      return await backend.loadAsync?.(source.builders, options);
    } catch {
      // The guest may never ask for it; if it does, its thread fails for the same reason, and tells it.
      return undefined;
    }
  }

  #backendFor({ granted: _, graphs: __, ...plan }: ProcessNnPlan): Backend {
    const options = JSON.stringify(plan);
    if (this.#backend?.options !== options) this.#backend = { options, get: createNnSupport(plan).backend };
    return this.#backend.get();
  }
}

/** Only with properties of the guest's own would an adopted graph be compiled again. */
function mayCompileAgain({ allowedGuestProperties = [] }: ProcessNnPlan): boolean {
  return allowedGuestProperties.length > 0;
}

function placeOf(kept: KeptGraph, plan: ProcessNnPlan): OpenedGraph {
  const { sharedId } = kept;
  if (sharedId !== undefined && !mayCompileAgain(plan)) kept.source = { builders: [] };
  return { sharedId, source: kept.source };
}

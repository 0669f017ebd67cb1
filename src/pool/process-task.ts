/** A run as a child process is given it: modules and models by reference, and what cannot pass is refused. */
import { createHash } from 'node:crypto';
import { type CompiledModule, moduleOrigin } from '../engine/compile.ts';
import { readStamped } from '../engine/file-stamps.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import type {
  GrantedGraph,
  ModuleReference,
  ProcessNnPlan,
  ProcessSink,
  ProcessTask,
  SentModule,
  Supplies,
} from '../worker/guest-process-messages.ts';
import type { WorkerRequest, WorkerServices } from '../worker/worker-services.ts';

const keys = new WeakMap<WebAssembly.Module, string>();

/** Equal modules have one key, whichever object they are. */
function keyOf(program: CompiledModule): string {
  const known = keys.get(program.module);
  if (known !== undefined) return known;
  const { bytes, limits } = originOf(program);
  const hash = createHash('sha256').update(bytes).digest('base64');
  const key = `${hash},${limits.maxMemoryBytes},${limits.maxTableElements}`;
  keys.set(program.module, key);
  return key;
}

function originOf(program: CompiledModule): SentModule {
  const origin = moduleOrigin(program);
  if (origin === undefined) throw new TypeError('a module of another thread cannot pass to a process');
  return origin;
}

/** What files of graphs held, for as long as these are registered or held by a run. */
const read = new WeakMap<GrantedGraph['source'], Promise<readonly Uint8Array[]>>();

/**
 * What a child compiles a graph from. Files are read once for each registration: whatever becomes of them, children compute
 * with what was registered.
 * @throws BackendError ERR_NN_GRAPH_NOT_FOUND for files that have changed before
 */
export async function sourceFor({ name, source }: GrantedGraph): Promise<GrantedGraph['source']> {
  if (!('paths' in source)) return source;
  const reading = read.get(source) ?? readStamped(name, source);
  read.set(source, reading);
  try {
    return { builders: await reading };
  } catch (error) {
    read.delete(source);
    throw error;
  }
}

/** What the child may ask for, by what it asks with. */
export class Stock {
  readonly #modules: ReadonlyMap<string, SentModule>;
  readonly #graphs: ReadonlyMap<number, GrantedGraph>;
  readonly #sources = new Map<number, GrantedGraph['source']>();

  constructor({ plan, nn }: WorkerRequest) {
    const programs = [plan.program, ...plan.preloads.map(({ program }) => program)];
    this.#modules = new Map(programs.map((program) => [keyOf(program), originOf(program)]));
    this.#graphs = new Map((nn?.granted ?? []).map((graph) => [graph.id, graph]));
  }

  /** To be awaited before graphs are supplied. @throws as {@link sourceFor} */
  async load(): Promise<void> {
    for (const [id, graph] of this.#graphs) this.#sources.set(id, await sourceFor(graph));
  }

  get modules(): readonly string[] {
    return [...this.#modules.keys()];
  }

  /** Of all modules together. */
  get moduleBytes(): number {
    return [...this.#modules.values()].reduce((total, { bytes }) => total + bytes.byteLength, 0);
  }

  get graphs(): readonly number[] {
    return [...this.#graphs.keys()];
  }

  supplies(modules: readonly string[], graphs: readonly number[]): Supplies {
    return {
      modules: modules.flatMap((key) => {
        const module = this.#modules.get(key);
        return module === undefined ? [] : [{ key, bytes: module.bytes, limits: module.limits }];
      }),
      graphs: graphs.flatMap((id) => {
        const source = this.#sources.get(id);
        return source === undefined ? [] : [{ id, source }];
      }),
    };
  }
}

/** @param task as a thread would be given it */
export function processTask(task: WorkerServices['task']): ProcessTask {
  const { plan, nn, stdio, calls: _, ...rest } = task;
  const reference = (program: CompiledModule): ModuleReference => ({ key: keyOf(program), name: program.name });
  return {
    ...rest,
    plan: {
      ...plan,
      program: reference(plan.program),
      preloads: plan.preloads.map(({ name, program }) => ({ name, program: reference(program) })),
    },
    nn: nn && processNnPlan(nn),
    stdio: { stdin: stdio.stdin, stdout: sink(stdio.stdout), stderr: sink(stdio.stderr) },
  };
}

export function processNnPlan(nn: NnPlan): ProcessNnPlan {
  const granted = (nn.granted ?? []).map(({ source: _source, sharedId: _id, ...graph }) => graph);
  // The thread of a child is never terminated but with its process.
  return { ...nn, granted, insideWorker: true };
}

function sink(to: WorkerServices['task']['stdio']['stdout']): ProcessSink {
  return to.kind === 'post' ? { kind: 'post' } : to;
}

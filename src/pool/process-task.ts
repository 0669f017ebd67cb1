/** A run as a child process is given it: modules and models by reference, and what cannot pass is refused. */
import { createHash } from 'node:crypto';
import { type CompiledModule, moduleOrigin } from '../engine/compile.ts';
import type {
  GrantedGraph,
  ModuleReference,
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

/** What the child may ask for, by what it asks with. */
export class Stock {
  readonly #modules: ReadonlyMap<string, SentModule>;
  readonly #graphs: ReadonlyMap<number, GrantedGraph>;

  constructor({ plan, nn }: WorkerRequest) {
    const programs = [plan.program, ...plan.preloads.map(({ program }) => program)];
    this.#modules = new Map(programs.map((program) => [keyOf(program), originOf(program)]));
    this.#graphs = new Map((nn?.granted ?? []).map((graph) => [graph.id, graph]));
  }

  get modules(): readonly string[] {
    return [...this.#modules.keys()];
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
        const graph = this.#graphs.get(id);
        return graph === undefined ? [] : [{ id, source: graph.source }];
      }),
    };
  }
}

/** @param task as a thread would be given it */
export function processTask(task: WorkerServices['task']): ProcessTask {
  const { plan, nn, stdio, calls: _, ...rest } = task;
  const reference = (program: CompiledModule): ModuleReference => ({ key: keyOf(program), name: program.name });
  const granted = (nn?.granted ?? []).map(({ source: _source, sharedId: _id, ...graph }) => graph);
  return {
    ...rest,
    plan: {
      ...plan,
      program: reference(plan.program),
      preloads: plan.preloads.map(({ name, program }) => ({ name, program: reference(program) })),
    },
    // The thread of a child is never terminated but with its process.
    nn: nn && { ...nn, granted, insideWorker: true },
    stdio: { stdin: stdio.stdin, stdout: sink(stdio.stdout), stderr: sink(stdio.stderr) },
  };
}

function sink(to: WorkerServices['task']['stdio']['stdout']): ProcessSink {
  return to.kind === 'post' ? { kind: 'post' } : to;
}

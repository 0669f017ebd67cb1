/** What stands behind wasi-nn for the guests of one host: a backend, made when first needed, and named graphs. */
import { loadAddon } from '../native/addon.ts';
import type { Backend } from '../nn/backend.ts';
import {
  createGraphRegistry,
  type DisposableGraphRegistry,
  type LocateGraph,
  type NamedGraph,
} from '../nn/graph-registry.ts';
import type { Refusal } from '../nn/index.ts';
import type { GrantedGraph } from '../nn/registry.ts';
import { type BackendOptions, createBackend } from './default-backends.ts';
import type { NnSupport } from './guest-imports.ts';

/** Plain data, so that a worker thread can make its own. */
export interface NnPlan extends BackendOptions {
  /** Compiled before the guest begins. */
  graphs?: readonly NamedGraph[] | undefined;
  /** Graphs of a host's registry that this guest may reach: adopted or loaded when it asks for them. */
  granted?: readonly GrantedGraph[] | undefined;
  /** Runtime properties for every graph but the granted ones, which have their own. */
  properties?: Readonly<Record<string, string>> | undefined;
  /** Property names that guests may set themselves. */
  allowedGuestProperties?: readonly string[] | undefined;
  /** See {@link keepModels}. Default: nothing is kept. */
  maxModelBytes?: number | undefined;
}

export interface OwnedNnSupport extends NnSupport {
  registry: DisposableGraphRegistry;
  /**
   * Starts opening the runtime on a thread of its own. What is missing shows when a guest needs it.
   */
  preload(): void;
  dispose(): void;
}

/**
 * Compiles the named graphs now.
 * @param backend one that was made before for the same options
 * @param locate asked for a granted graph when the guest first asks for it. Default: as the plan has it
 * @throws BackendError when one is missing or broken, or there is no backend for them
 */
export function createNnSupport(
  plan: NnPlan,
  onRefused?: (refusal: Refusal) => void,
  backend: () => Backend = backendOf(plan),
  locate?: LocateGraph,
): OwnedNnSupport {
  const { graphs = [], granted = [], properties, allowedGuestProperties } = plan;
  const registry = createGraphRegistry({
    ...{ backend, graphs, granted },
    ...(properties && { properties }),
    ...(locate && { locate }),
  });
  return {
    backend,
    registry,
    properties,
    allowedGuestProperties,
    onRefused,
    preload: () => preload(backend),
    dispose: () => registry.dispose(),
  };
}

function backendOf(options: BackendOptions & Pick<NnPlan, 'maxModelBytes'>): () => Backend {
  // The budget ends when nobody has the backend any more.
  let made: { backend: Backend; budget: unknown } | undefined;
  return () => {
    made ??= { backend: createBackend(options), budget: keepModels(options.maxModelBytes) };
    return made.backend;
  };
}

/**
 * Has compiled models kept in this process that no guest uses any more, for those to come: those that were used last, and
 * no more bytes of them than this or another such budget of the process allows. It ends when it is released or collected.
 * @returns undefined where nothing is asked for, or the native backend, which keeps them, is not there
 */
export function keepModels(maxModelBytes: number | undefined): { release(): void } | undefined {
  if (maxModelBytes === undefined) return undefined;
  try {
    return loadAddon().openvino.reserveModelBudget(maxModelBytes);
  } catch {
    return undefined;
  }
}

function preload(backend: () => Backend): void {
  try {
    backend().preload?.();
  } catch {
    // The guest may never need it; if it does, the same is thrown again and told as the reason of a refused call.
  }
}

export { type LocatedGraph, type LocateGraph, type NamedGraph, parseNamedGraph } from '../nn/graph-registry.ts';

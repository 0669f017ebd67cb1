import type { BackendGraph, Encoding, ExecutionTarget } from './backend.ts';

/** Named graphs of the host. A guest reaches a graph only by a name that stands here. */
export interface GraphRegistry {
  /** The graph, or undefined for an unknown name. The registry owns it: do not dispose. */
  get(name: string): BackendGraph | undefined;
  /**
   * The same model compiled with further runtime properties, or undefined for an unknown name. The caller disposes of it.
   * Absent where a registry cannot compile again.
   */
  compile?(name: string, properties: Readonly<Record<string, string>>): BackendGraph | undefined;
  /** As {@link compile}, off the thread where the backend can. Absent: it cannot. */
  compileAsync?(
    name: string,
    properties: Readonly<Record<string, string>>,
    isAbandoned: () => boolean,
  ): Promise<BackendGraph> | undefined;
}

/** Where the model of a registered graph is: files of the host (IR xml then bin, or one), or its bytes in the same order. */
export type GraphSource = FileSource | { builders: readonly Uint8Array[] };

export interface FileSource {
  /** Absolute. */
  paths: readonly string[];
  /** What tells each file as it was read from one that was changed since. Undefined: it is not asked. */
  stamps?: readonly string[];
}

/** A registered graph that one guest may reach: plain data, so that another thread or process can open it. */
export interface GrantedGraph {
  /** As the guest asks for it. */
  name: string;
  /** No other registration of this process ever has it: a graph that replaces another has one of its own. */
  id: number;
  /** Of the compiled model, for other threads of this process, which adopt it. Undefined: it is loaded from its source. */
  sharedId?: number | undefined;
  source: GraphSource;
  encoding: Encoding;
  target: ExecutionTarget;
  /** Runtime properties that it was compiled with: all of them, the host's and its own. */
  properties: Readonly<Record<string, string>>;
}

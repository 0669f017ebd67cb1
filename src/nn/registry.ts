import type { BackendGraph } from './backend.ts';

/** Named graphs of the host. A guest reaches a graph only by a name that stands here. */
export interface GraphRegistry {
  /** The graph, or undefined for an unknown name. The registry owns it: do not dispose. */
  get(name: string): BackendGraph | undefined;
  /**
   * The same model compiled with further runtime properties, or undefined for an unknown name. The caller disposes of it.
   * Absent where a registry cannot compile again.
   */
  compile?(name: string, properties: Readonly<Record<string, string>>): BackendGraph | undefined;
}

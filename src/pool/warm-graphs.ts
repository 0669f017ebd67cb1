/** Graphs that guests have asked for, which children compile while they have nothing to run: none waits for that in its own time. */
import type { NnPlan } from '../engine/nn-support.ts';
import type { GrantedGraph } from '../worker/guest-process-messages.ts';
import type { GuestChild } from './process-child.ts';
import { processNnPlan, sourceFor } from './process-task.ts';

/** Those that were asked for last. */
const MOST_GRAPHS = 16;

interface AskedGraph {
  id: number;
  /** All that it was granted with, but for its bytes. */
  plan: Omit<NnPlan, 'granted'>;
  reference: Omit<GrantedGraph, 'source'>;
  /** Nobody else may have it any more: then no guest will ask again. */
  source: WeakRef<GrantedGraph['source']>;
}

export class WarmGraphs {
  /** By name, as children keep them. */
  readonly #asked = new Map<string, AskedGraph>();

  /** @param nn as a run in a process has it */
  readonly note = (id: number, nn: NnPlan): void => {
    const { granted, ...plan } = nn;
    const graph = granted?.find((one) => one.id === id);
    if (graph === undefined) return;
    const { source, ...reference } = graph;
    this.#asked.delete(graph.name);
    this.#asked.set(graph.name, { id, plan, reference, source: new WeakRef(source) });
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= MOST_GRAPHS) break;
      this.#asked.delete(oldest);
    }
  };

  /** Has a child that runs nothing compile what it has not been given yet. */
  warm(child: GuestChild): void {
    for (const [name, { id, plan, reference, source }] of this.#asked) {
      const held = source.deref();
      if (held === undefined) this.#asked.delete(name);
      if (held === undefined || child.known.graphs.has(id)) continue;
      child.known.graphs.add(id);
      void this.#send(child, plan, { ...reference, source: held });
    }
  }

  async #send(child: GuestChild, plan: AskedGraph['plan'], graph: GrantedGraph): Promise<void> {
    try {
      const supplies = { modules: [], graphs: [{ id: graph.id, source: await sourceFor(graph) }] };
      child.send({ type: 'warm', nn: processNnPlan({ ...plan, granted: [graph] }), supplies });
    } catch {
      // Of a file that has changed: the run that asks for it is told.
    }
  }
}

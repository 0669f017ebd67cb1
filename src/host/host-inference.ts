/** What stands behind wasi-nn for the guests of one host. */
import { createBackend } from '../engine/default-backends.ts';
import type { NnSupport } from '../engine/guest-run.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import type { Backend } from '../nn/backend.ts';
import { type GraphLease, HostGraphs } from './host-graphs.ts';
import type { HostOptions } from './host-options.ts';

export class HostInference {
  readonly graphs: HostGraphs;
  readonly #options: HostOptions;
  #backend: Backend | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.graphs = new HostGraphs(
      () => this.backend(),
      () => this.#properties(),
    );
  }

  /** The one backend of this thread, made when it is first needed. @throws HostError for what is missing */
  backend(): Backend {
    this.#backend ??= createBackend(this.#options);
    return this.#backend;
  }

  /** Whether guests may run in threads that are terminated. Where nothing can compute, every guest may. */
  get isSafeInWorkers(): boolean {
    const { backend = 'auto' } = this.#options;
    if (backend !== 'auto') return backend === 'native';
    try {
      return this.backend().name === 'native';
    } catch {
      return true;
    }
  }

  /** For a guest on this thread. */
  support({ registry }: GraphLease): NnSupport {
    const { allowedGuestProperties, onRefused } = this.#options;
    return {
      backend: () => this.backend(),
      registry,
      properties: this.#properties(),
      allowedGuestProperties,
      onRefused,
    };
  }

  /** For a guest in another thread or process. */
  plan({ granted }: GraphLease): NnPlan {
    const { backend, openvinoDir, allowedGuestProperties } = this.#options;
    return { backend, openvinoDir, allowedGuestProperties, properties: this.#properties(), granted };
  }

  #properties(): Readonly<Record<string, string>> {
    return this.#options.properties ?? {};
  }
}

/** Runs that were called for and have not settled: some are only being prepared, and no worker knows of them yet. */
export class RunsUnderway {
  readonly #runs = new Set<Promise<unknown>>();

  async add<Result>(run: Promise<Result>): Promise<Result> {
    this.#runs.add(run);
    try {
      return await run;
    } finally {
      this.#runs.delete(run);
    }
  }

  /** Waits until there is none, those that come meanwhile included. */
  async settled(): Promise<void> {
    while (this.#runs.size > 0) await Promise.allSettled(this.#runs);
  }
}

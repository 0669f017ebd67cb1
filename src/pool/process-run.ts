/** One run in child processes, on the host's side: on one of them, or on another where that died before the guest began. */
import { NO_USAGE } from '../engine/guest-usage.ts';
import { whenAborted } from '../engine/when-aborted.ts';
import { wasAborted } from '../worker/guest-watch.ts';
import { type WorkerRequest, WorkerServices } from '../worker/worker-services.ts';
import type { RunWatch } from './contract.ts';
import { Attempt, type AttemptedRun, failedOutcome, type Report } from './process-attempt.ts';
import type { GuestChild } from './process-child.ts';
import { processRequest } from './process-request.ts';
import { Stock } from './process-task.ts';

export interface ProcessRunOptions extends Pick<AttemptedRun, 'patienceMs' | 'onGraphAsked'> {
  /** How many children share what may be kept. */
  processes: number;
}

export class ProcessRun {
  readonly #run: AttemptedRun;

  /** @throws HostError ERR_PREOPEN, ERR_STDIO; ERR_OPTION_INVALID for what cannot be given to a process */
  constructor(given: WorkerRequest, watch: RunWatch, { processes, ...options }: ProcessRunOptions) {
    const request = processRequest(given, processes);
    const stock = new Stock(request);
    this.#run = { ...options, request, watch, stock, services: new WorkerServices(request) };
  }

  /** To be awaited before it is given to a child. @throws BackendError ERR_NN_GRAPH_NOT_FOUND for graphs whose files changed */
  prepare(): Promise<void> {
    return this.#run.stock.load();
  }

  /**
   * Settles at the deadline or when the signal aborts, whatever the child does; the child is killed then.
   * @throws NotBegun; PoolError ERR_GUEST_CRASHED; HostError as the run itself
   */
  async on(child: GuestChild): Promise<Report> {
    const { signal } = this.#run.watch;
    if (signal?.aborted) return this.abortedReport();
    const attempt = new Attempt(child, this.#run);
    const stopListening = whenAborted(signal, () => attempt.end(wasAborted(signal?.reason)));
    try {
      return await attempt.report();
    } finally {
      stopListening();
    }
  }

  /** Of a run that was aborted before it had a child. */
  abortedReport(): Report {
    const { request, watch } = this.#run;
    return { outcome: failedOutcome(wasAborted(watch.signal?.reason), request), usage: NO_USAGE };
  }

  /** Gives the rest of what the guest wrote, and closes what it left open. */
  close(): void {
    this.#run.services.close();
  }
}

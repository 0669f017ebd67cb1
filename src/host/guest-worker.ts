/** The entry of a worker thread that runs one guest. */
import { parentPort, workerData } from 'node:worker_threads';
import { HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { OutputSink } from '../wasi/index.ts';
import { runGuest } from './guest-run.ts';
import { DEFAULT_WASM_STACK_BYTES } from './guest-stack.ts';
import type { PostedSink, WorkerMessage, WorkerReport, WorkerTask } from './guest-worker-messages.ts';
import { createNnSupport } from './nn-support.ts';

const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

function run({ plan, nn, stdio, postRefusals, heardReports }: WorkerTask): void {
  const report = reporter(heardReports);
  try {
    const refused = ({ cause: _, ...refusal }: Refusal) => report({ type: 'refused', refusal });
    const support = nn && createNnSupport(nn, postRefusals ? refused : undefined);
    const sinks = { stdout: sink('stdout', stdio.stdout), stderr: sink('stderr', stdio.stderr) };
    post({ type: 'started' });
    const faulted = (functionName: string, reason: unknown) =>
      report({ type: 'wasi-fault', functionName, reason: reason instanceof Error ? reason.message : String(reason) });
    // This thread's own limit is deeper: a guest has the same depth with a time limit and without.
    const bounded = { ...plan, maxWasmStackBytes: plan.maxWasmStackBytes ?? DEFAULT_WASM_STACK_BYTES };
    const { outcome, dispose } = runGuest(bounded, { stdin: stdio.stdin, ...sinks }, support, faulted);
    dispose();
    post({ type: 'ended', outcome });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ type: 'error', code: error instanceof HostError ? error.code : undefined, message });
  }
}

function reporter(heardReports: SharedArrayBuffer | undefined): (report: WorkerReport) => void {
  if (heardReports === undefined) return post;
  const heard = new Int32Array(heardReports);
  return (report) => {
    const before = Atomics.load(heard, 0);
    post(report);
    Atomics.wait(heard, 0, before);
  };
}

function sink(stream: 'stdout' | 'stderr', target: PostedSink): OutputSink {
  if (target.kind !== 'post') return target;
  return {
    kind: 'write',
    write: (bytes) => post({ type: 'output', stream, bytes }, [bytes.buffer as ArrayBuffer]),
  };
}

run(workerData as WorkerTask);

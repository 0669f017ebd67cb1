/** The entry of a worker thread that runs one guest. */
import { parentPort, workerData } from 'node:worker_threads';
import { HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { OutputSink } from '../wasi/index.ts';
import { runGuest } from './guest-run.ts';
import type { PostedSink, WorkerMessage, WorkerTask } from './guest-worker-messages.ts';
import { createNnSupport } from './nn-support.ts';

const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

function run({ plan, nn, stdio, postRefusals }: WorkerTask): void {
  try {
    const refused = ({ cause: _, ...refusal }: Refusal) => post({ type: 'refused', refusal });
    const support = nn && createNnSupport(nn, postRefusals ? refused : undefined);
    const sinks = { stdout: sink('stdout', stdio.stdout), stderr: sink('stderr', stdio.stderr) };
    post({ type: 'started' });
    const faulted = (functionName: string, reason: unknown) =>
      post({ type: 'wasi-fault', functionName, reason: reason instanceof Error ? reason.message : String(reason) });
    const { outcome, dispose } = runGuest(plan, { stdin: stdio.stdin, ...sinks }, support, faulted);
    dispose();
    post({ type: 'ended', outcome });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ type: 'error', code: error instanceof HostError ? error.code : undefined, message });
  }
}

function sink(stream: 'stdout' | 'stderr', target: PostedSink): OutputSink {
  if (target.kind !== 'post') return target;
  return {
    kind: 'write',
    write: (bytes) => post({ type: 'output', stream, bytes }, [bytes.buffer as ArrayBuffer]),
  };
}

run(workerData as WorkerTask);

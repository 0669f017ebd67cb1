/** The entry of a worker thread that runs one guest. */
import { parentPort, workerData } from 'node:worker_threads';
import { runGuest } from '../engine/guest-run.ts';
import { DEFAULT_WASM_STACK_BYTES } from '../engine/guest-stack.ts';
import { createNnSupport } from '../engine/nn-support.ts';
import { HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { InputSource, OutputSink, Preopen } from '../wasi/index.ts';
import type {
  WorkerMessage,
  WorkerPreopen,
  WorkerReport,
  WorkerSink,
  WorkerSource,
  WorkerTask,
} from './guest-worker-messages.ts';
import { remoteDescriptor } from './remote-descriptor.ts';
import { OutputWindow, PostedOutput, RemoteInput } from './remote-stdio.ts';
import { ThreadCaller } from './thread-call.ts';

const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

function run({ plan, nn, stdio, postRefusals, heardReports, calls }: WorkerTask): void {
  const report = reporter(heardReports);
  const caller = new ThreadCaller(calls);
  try {
    const refused = ({ cause: _, ...refusal }: Refusal) => report({ type: 'refused', refusal });
    const support = nn && createNnSupport(nn, postRefusals ? refused : undefined);
    const streams = {
      stdin: source(stdio.stdin, caller),
      stdout: sink('stdout', stdio.stdout, caller),
      stderr: sink('stderr', stdio.stderr, caller),
    };
    const preopens = plan.preopens.map((preopen) => here(preopen, caller));
    post({ type: 'started' });
    const faulted = (functionName: string, reason: unknown) =>
      report({ type: 'wasi-fault', functionName, reason: reason instanceof Error ? reason.message : String(reason) });
    // This thread's own limit is deeper: a guest has the same depth with a time limit and without.
    const maxWasmStackBytes = plan.maxWasmStackBytes ?? DEFAULT_WASM_STACK_BYTES;
    const { outcome, dispose } = runGuest({ ...plan, preopens, maxWasmStackBytes }, streams, support, {
      onWasiFault: faulted,
    });
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

function here(preopen: WorkerPreopen, caller: ThreadCaller): Preopen {
  if (preopen.kind !== 'remote') return preopen;
  const { guestPath, handle } = preopen;
  return { kind: 'descriptor', guestPath, descriptor: remoteDescriptor(caller, handle) };
}

function source(from: WorkerSource, caller: ThreadCaller): InputSource {
  if (from.kind === 'remote') return { kind: 'descriptor', descriptor: remoteDescriptor(caller, from.handle) };
  return from.kind === 'stream' ? { kind: 'descriptor', descriptor: new RemoteInput(caller, from.target) } : from;
}

function sink(stream: 'stdout' | 'stderr', to: WorkerSink, caller: ThreadCaller): OutputSink {
  if (to.kind === 'remote') return { kind: 'descriptor', descriptor: remoteDescriptor(caller, to.handle) };
  if (to.kind !== 'post') return to;
  const postBytes = (bytes: Uint8Array<ArrayBuffer>) => post({ type: 'output', stream, bytes }, [bytes.buffer]);
  return { kind: 'descriptor', descriptor: new PostedOutput(new OutputWindow(to.window), postBytes) };
}

run(workerData as WorkerTask);

/** One task on the guest's thread, told of to the thread beside it. */
import type { GuestPlan } from '../engine/guest-plan.ts';
import { type GuestStdio, runGuest, type WasiFaultListener } from '../engine/guest-run.ts';
import { DEFAULT_WASM_STACK_BYTES } from '../engine/guest-stack.ts';
import type { LocatedGraph, OwnedNnSupport } from '../engine/nn-support.ts';
import { nowMs, type RecordedEntry } from '../engine/run-recorder.ts';
import { HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import type { InputSource, OutputSink, Preopen } from '../wasi/index.ts';
import { Beginning } from './beginning.ts';
import type {
  TaskEnd,
  WorkerMessage,
  WorkerPreopen,
  WorkerReport,
  WorkerSink,
  WorkerSource,
  WorkerTask,
} from './guest-worker-messages.ts';
import { remoteDescriptor } from './remote-descriptor.ts';
import { OutputWindow, PostedOutput, RemoteInput } from './remote-stdio.ts';
import { ReportWindow } from './report-window.ts';
import { ThreadCaller } from './thread-call.ts';
import type { ThreadState } from './thread-state.ts';

type Post = (message: WorkerMessage, transfer?: ArrayBuffer[]) => void;

/** Runs the guest to its end, and says so. Throws nothing. */
export function runTask(task: WorkerTask, state: ThreadState): void {
  task.calls.port.postMessage(endOfTask(task, state));
}

/** Runs the guest to its end, of which somebody else is to tell. Throws nothing. */
export function endOfTask(task: WorkerTask, state: ThreadState): TaskEnd {
  try {
    const { plan, streams, support, onWasiFault } = unpackTask(task, state);
    try {
      begin(task, state);
      const onEntry = (entry: RecordedEntry) => poster(task)({ type: 'entry', entry });
      const record = plan.record === 'timeline' ? { onEntry } : undefined;
      const { outcome, usage, dispose } = runGuest(plan, streams, support, { onWasiFault, record });
      dispose();
      return { type: 'ended', outcome, usage };
    } finally {
      support?.dispose();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { type: 'error', code: error instanceof HostError ? error.code : undefined, message };
  }
}

function begin(task: WorkerTask, { interruptToken }: ThreadState): void {
  if (task.beginning === undefined) poster(task)({ type: 'started', atMs: nowMs(), interruptToken });
  else new Beginning(task.beginning).note(interruptToken);
}

function poster({ calls: { port } }: WorkerTask): Post {
  return (message, transfer = []) => port.postMessage(message, transfer);
}

/** A task as this thread runs it. */
export interface UnpackedTask {
  plan: GuestPlan;
  streams: GuestStdio;
  support: OwnedNnSupport | undefined;
  onWasiFault: WasiFaultListener;
}

/** @throws BackendError */
export function unpackTask(task: WorkerTask, state: ThreadState): UnpackedTask {
  const { plan, nn, graphsTarget, stdio, postRefusals, reportWindow, calls } = task;
  const post = poster(task);
  const report = reporter(post, new ReportWindow(reportWindow));
  const caller = new ThreadCaller(calls);
  const refused = ({ cause: _, ...refusal }: Refusal) => report({ type: 'refused', refusal });
  const locate =
    graphsTarget === undefined ? undefined : (id: number) => caller.call(graphsTarget, 'open', id) as LocatedGraph;
  return {
    support: nn && state.nnSupport(nn, postRefusals ? refused : undefined, locate),
    streams: {
      stdin: source(stdio.stdin, caller),
      stdout: sink('stdout', stdio.stdout, caller, post),
      stderr: sink('stderr', stdio.stderr, caller, post),
    },
    plan: {
      ...plan,
      program: state.program(plan.program),
      preloads: plan.preloads.map(({ name, program }) => ({ name, program: state.program(program) })),
      preopens: plan.preopens.map((preopen) => here(preopen, caller)),
      // This thread's own limit is deeper: a guest has the same depth with a time limit and without.
      maxWasmStackBytes: plan.maxWasmStackBytes ?? DEFAULT_WASM_STACK_BYTES,
    },
    onWasiFault: (functionName, reason) =>
      report({ type: 'wasi-fault', functionName, reason: reason instanceof Error ? reason.message : String(reason) }),
  };
}

function reporter(post: Post, window: ReportWindow): (report: WorkerReport) => void {
  return (report) => {
    post(report);
    window.sent();
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

function sink(stream: 'stdout' | 'stderr', to: WorkerSink, caller: ThreadCaller, post: Post): OutputSink {
  if (to.kind === 'remote') return { kind: 'descriptor', descriptor: remoteDescriptor(caller, to.handle) };
  if (to.kind !== 'post') return to;
  const postBytes = (bytes: Uint8Array<ArrayBuffer>) => post({ type: 'output', stream, bytes }, [bytes.buffer]);
  return { kind: 'descriptor', descriptor: new PostedOutput(new OutputWindow(to.window), postBytes) };
}

/** The entry of a thread that keeps one guest. */
import { workerData } from 'node:worker_threads';
import { LiveGuest } from '../engine/live-guest.ts';
import { nowMs } from '../engine/run-recorder.ts';
import { HostError } from '../errors.ts';
import type { WorkerMessage } from './guest-worker-messages.ts';
import type { InstanceCommand, InstanceReply, InstanceTask } from './instance-messages.ts';
import { unpackTask } from './task-run.ts';
import { ThreadState } from './thread-state.ts';

const { task, commands, heapFlag } = workerData as InstanceTask;
const state = new ThreadState();
state.guardHeap(new Int32Array(heapFlag));
let guest: LiveGuest | undefined;

function start(beganMs: number): LiveGuest {
  const { plan, streams, support, onWasiFault } = unpackTask(task, state);
  const started: WorkerMessage = { type: 'started', atMs: beganMs, interruptToken: state.interruptToken };
  task.calls.port.postMessage(started);
  return new LiveGuest(plan, streams, support, { onWasiFault });
}

function answerTo(command: InstanceCommand): InstanceReply {
  if (command.type === 'start') {
    const beganMs = nowMs();
    guest = start(beganMs);
    return { type: 'answer', answer: { ...guest.start(), beganMs } };
  }
  if (guest === undefined) throw new TypeError('the guest was not started');
  if (command.type === 'call') return { type: 'answer', answer: guest.call(command.name, command.args) };
  if (command.type === 'byteLength') return { type: 'byteLength', byteLength: guest.memoryByteLength };
  if (command.type === 'read') return { type: 'bytes', bytes: guest.read(command.offset, command.byteLength) };
  return { type: 'written', isDone: guest.write(command.offset, command.bytes) };
}

commands.on('message', (command: InstanceCommand) => {
  commands.postMessage(safely(() => answerTo(command)));
});

// The thread beside has let go of the guest.
commands.once('close', () => guest?.dispose());

function safely(answer: () => InstanceReply): InstanceReply {
  try {
    return answer();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { type: 'error', code: error instanceof HostError ? error.code : undefined, message };
  }
}

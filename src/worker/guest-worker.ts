/**
 * The entry of a thread that runs guests: the one it was started with, or, in a pool, one after another, each as a call of the
 * function that this file exports.
 */
import { workerData } from 'node:worker_threads';
import { Beginning } from './beginning.ts';
import type { TaskEnd, WorkerTask } from './guest-worker-messages.ts';
import { endOfTask, runTask } from './task-run.ts';
import { ThreadState } from './thread-state.ts';

const state = new ThreadState();

/**
 * What a pool calls.
 * @param task undefined: the thread is to be there, and that is all
 */
export default function run(task: WorkerTask | undefined): TaskEnd | undefined {
  guardHeap(task);
  return task && endOfTask(task, state);
}

function guardHeap(task: WorkerTask | undefined): void {
  if (task?.beginning !== undefined) state.guardHeap(new Beginning(task.beginning).heapFlag);
}

if (workerData) {
  const task = workerData as WorkerTask;
  guardHeap(task);
  runTask(task, state);
}

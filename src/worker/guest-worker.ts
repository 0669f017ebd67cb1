/**
 * The entry of a thread that runs guests: the one it was started with, or, in a pool, one after another, each as a call of the
 * function that this file exports.
 */
import { workerData } from 'node:worker_threads';
import type { WorkerTask } from './guest-worker-messages.ts';
import { runTask } from './task-run.ts';
import { ThreadState } from './thread-state.ts';

const state = new ThreadState();

/** @param task undefined: the thread is to be there, and that is all */
export default function run(task: WorkerTask | undefined): void {
  if (task !== undefined) runTask(task, state);
}

run((workerData as WorkerTask | null) ?? undefined);

/** What passes between a guest that stays in a thread of its own and the thread beside it, over a port for that. */
import type { MessagePort } from 'node:worker_threads';
import type { LiveAnswer, WasmValue } from '../engine/live-guest.ts';
import type { ErrorCode } from '../errors.ts';
import type { WorkerTask } from './guest-worker-messages.ts';

export interface InstanceTask {
  task: WorkerTask;
  commands: MessagePort;
  /** For `NativeThread.guardHeap`. */
  heapFlag: SharedArrayBuffer;
}

/** One at a time: the next is posted when the answer is there. */
export type InstanceCommand =
  | { type: 'start' }
  | { type: 'call'; name: string; args: readonly WasmValue[] }
  | { type: 'byteLength' }
  | { type: 'read'; offset: number; byteLength: number }
  | { type: 'write'; offset: number; bytes: Uint8Array };

export type InstanceReply =
  | { type: 'answer'; answer: LiveAnswer }
  | { type: 'byteLength'; byteLength: number }
  /** Undefined: the range leaves the memory. */
  | { type: 'bytes'; bytes: Uint8Array | undefined }
  | { type: 'written'; isDone: boolean }
  | { type: 'error'; code: ErrorCode | undefined; message: string };

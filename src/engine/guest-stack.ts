/** How deep a guest may recurse, on whatever thread it runs. */
import { loadAddon } from '../native/addon.ts';
import type { NativeStack } from '../native/stack.ts';

/** What wasmtime gives a guest. */
export const DEFAULT_WASM_STACK_BYTES = 512 * 1024;

/**
 * V8 compiles a function for a quick start first. Its frames are then two to three times as large as wasmtime's, and larger
 * in functions of many locals, of which each has its place in the frame.
 */
const STACK_FACTOR = 8;

/** The functions of the host need some of it, too. */
const LEAST_STACK_BYTES = 256 * 1024;

/** More makes no thread. */
const MOST_STACK_BYTES = 4095 * 2 ** 20;

/** The stack of a thread of ours beyond the guest's part: for Node before it, and for native code below it. */
const THREAD_STACK_BYTES = 4 * 2 ** 20;

/** What a call needs that changes what the host keeps, so that it does all of it or nothing; of a small stack, half. */
const CALL_ROOM_BYTES = 128 * 1024;

/** @param maxWasmStackBytes as wasmtime counts */
function stackBytes(maxWasmStackBytes: number): number {
  return Math.min(Math.max(maxWasmStackBytes * STACK_FACTOR, LEAST_STACK_BYTES), MOST_STACK_BYTES);
}

/**
 * Calls into a guest with a stack as deep as it may have, or as this thread's stack allows. The limit is as it was
 * afterwards. Where the addon is missing, or cannot set it, V8's own holds.
 *
 * @param maxWasmStackBytes as wasmtime counts; undefined: at least wasmtime's default
 */
export function withGuestStack<Result>(maxWasmStackBytes: number | undefined, call: () => Result): Result {
  const stack = nativeStack();
  if (stack === undefined) return call();
  const isDefault = maxWasmStackBytes === undefined;
  const before = stack.enter(stackBytes(maxWasmStackBytes ?? DEFAULT_WASM_STACK_BYTES), isDefault);
  try {
    return call();
  } finally {
    if (before !== 0) stack.leave(before);
  }
}

/** Whether the calling thread's stack has what a guest may use. A thread of ours always has. */
export function fitsThisThread(maxWasmStackBytes: number = DEFAULT_WASM_STACK_BYTES): boolean {
  const { byteLength } = nativeStack() ?? {};
  if (byteLength === undefined) return maxWasmStackBytes <= DEFAULT_WASM_STACK_BYTES;
  return byteLength() >= stackBytes(maxWasmStackBytes) + MARGIN_BYTES;
}

/** What this thread has used before the guest, and native code needs after. */
const MARGIN_BYTES = 2 ** 20 + 128 * 1024;

/** The stack for a thread of ours, in MB. */
export function threadStackMegabytes(maxWasmStackBytes: number = DEFAULT_WASM_STACK_BYTES): number {
  return Math.ceil((stackBytes(maxWasmStackBytes) + THREAD_STACK_BYTES) / 2 ** 20);
}

/** How a call asks whether the guest has left it the stack that it needs; to be made before the guest has used any. */
export function roomForCalls(): () => boolean {
  const stack = nativeStack();
  if (stack === undefined) return () => true;
  const least = Math.min(CALL_ROOM_BYTES, stack.room() / 2);
  return () => stack.room() >= least;
}

function nativeStack(): NativeStack | undefined {
  try {
    return loadAddon().stack;
  } catch {
    return undefined;
  }
}

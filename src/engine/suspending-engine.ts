/** What V8 has for guests that are suspended (JSPI), where it has it: Node 24.21 and later. */
import type { ExportedFunction } from './instantiation.ts';

interface SuspendingWebAssembly {
  Suspending?: new (call: ExportedFunction) => WebAssembly.ImportValue;
  promising?: (call: ExportedFunction) => (...args: unknown[]) => Promise<unknown>;
}

const engine = WebAssembly as SuspendingWebAssembly;

/** Whether guests can be suspended here. */
export function canSuspend(): boolean {
  return typeof engine.Suspending === 'function' && typeof engine.promising === 'function';
}

/**
 * An exported function, to be called so that what it calls may suspend it.
 * @throws TypeError where {@link canSuspend} says no
 */
export function promising(call: ExportedFunction): (...args: unknown[]) => Promise<unknown> {
  if (engine.promising === undefined) throw new TypeError('this Node cannot suspend guests');
  return engine.promising(call);
}

/**
 * A function for a guest to import that is suspended while a promise that it answers is pending.
 * @throws TypeError where {@link canSuspend} says no
 */
export function suspending(call: ExportedFunction): WebAssembly.ImportValue {
  if (engine.Suspending === undefined) throw new TypeError('this Node cannot suspend guests');
  return new engine.Suspending(call);
}

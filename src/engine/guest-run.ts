/** One run of one guest on this thread, which it has until its end. */
import { withWasmFrames } from './backtrace.ts';
import { GuestCallOrder } from './guest-calls.ts';
import { endingOf } from './guest-ending.ts';
import {
  GuestImports,
  type GuestStdio,
  type NnSupport,
  type RecordOptions,
  type WasiFaultListener,
} from './guest-imports.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';
import { nowMs, type RunRecorder } from './run-recorder.ts';
import type { GuestUsage } from './run-report.ts';
import { threadCpuMs } from './thread-time.ts';

export type { GuestStdio, NnSupport, WasiFaultListener } from './guest-imports.ts';

export interface GuestRun {
  outcome: GuestOutcome;
  usage: GuestUsage;
  /** Closes what the guest left open and releases its graphs. Needless where the process ends anyway. */
  dispose(): void;
}

export interface GuestRunOptions {
  onWasiFault?: WasiFaultListener | undefined;
  /** Default: counts alone. */
  record?: RecordOptions | undefined;
}

/**
 * Runs a guest to its end on this thread.
 * @param nn undefined: the guest has no wasi-nn to import
 * @throws HostError ERR_PREOPEN for a directory that cannot be given; what code of the embedder threw inside the guest
 */
export function runGuest(
  plan: GuestPlan,
  stdio: GuestStdio,
  nn: NnSupport | undefined,
  { onWasiFault, record }: GuestRunOptions = {},
): GuestRun {
  const cpuBeforeMs = threadCpuMs();
  const startMs = nowMs();
  const imports = new GuestImports(plan, stdio, { nn, onWasiFault, record });
  try {
    const guest = () => withWasmFrames(plan.maxBacktraceFrames, () => outcomeOf(plan, imports, startMs));
    const outcome = withGuestStack(plan.maxWasmStackBytes, guest);
    const cpuAfterMs = threadCpuMs();
    const cpuMs = cpuAfterMs === undefined ? undefined : cpuAfterMs - (cpuBeforeMs ?? 0);
    return { outcome, usage: imports.usage(cpuMs), dispose: () => imports.dispose(true) };
  } catch (error) {
    imports.dispose();
    throw error;
  }
}

function outcomeOf(plan: GuestPlan, imports: GuestImports, startMs: number): GuestOutcome {
  const order = new GuestCallOrder(plan, imports);
  imports.hasRoom = roomForCalls();
  try {
    const calls = order.run();
    let step = calls.next();
    while (step.done !== true) {
      const { call, args } = step.value;
      step = calls.next(call(...args));
    }
    return { kind: 'returned', results: step.value };
  } catch (error) {
    return endingOf(error, imports.exit, plan, order.phase);
  } finally {
    notePhases(imports.recorder, startMs, order.instantiatedAtMs);
  }
}

/** Notes when the guest had an instance, and when it ended, which is now. */
export function notePhases(recorder: RunRecorder, startMs: number, instantiatedAtMs: number | undefined): void {
  const endMs = nowMs();
  recorder.note('instantiate', startMs, instantiatedAtMs ?? endMs);
  if (instantiatedAtMs !== undefined) recorder.note('guest', instantiatedAtMs, endMs);
}

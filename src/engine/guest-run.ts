/** One run of one guest on this thread, which it has until its end. */
import { withWasmFrames } from './backtrace.ts';
import { GuestCallOrder } from './guest-calls.ts';
import { endingOf } from './guest-ending.ts';
import { GuestImports, type GuestStdio, type NnSupport, type WasiFaultListener } from './guest-imports.ts';
import type { GuestOutcome, GuestPlan } from './guest-plan.ts';
import { roomForCalls, withGuestStack } from './guest-stack.ts';

export type { GuestStdio, NnSupport, WasiFaultListener } from './guest-imports.ts';

export interface GuestRun {
  outcome: GuestOutcome;
  /** Closes what the guest left open and releases its graphs. Needless where the process ends anyway. */
  dispose(): void;
}

export interface GuestRunOptions {
  onWasiFault?: WasiFaultListener | undefined;
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
  { onWasiFault }: GuestRunOptions = {},
): GuestRun {
  const imports = new GuestImports(plan, stdio, { nn, onWasiFault });
  try {
    const guest = () => withWasmFrames(plan.maxBacktraceFrames, () => outcomeOf(plan, imports));
    const outcome = withGuestStack(plan.maxWasmStackBytes, guest);
    return { outcome, dispose: () => imports.dispose() };
  } catch (error) {
    imports.dispose();
    throw error;
  }
}

function outcomeOf(plan: GuestPlan, imports: GuestImports): GuestOutcome {
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
  }
}

/** How a guest ended, from what came out of a call into it. */
import { HostError } from '../errors.ts';
import type { GuestExit } from '../guest/exit.ts';
import { frameText, type Innermost, wasmFrames } from './backtrace.ts';
import type { GuestFailure, GuestOutcome, GuestPhase, GuestPlan } from './guest-plan.ts';
import { trapText, withoutPrefix } from './trap.ts';

/**
 * What a guest came to that threw.
 * @param phase how far it was
 * @throws the same error where it is neither the guest's nor the host's, but an embedder's
 */
export function endingOf(error: unknown, exit: GuestExit, plan: GuestPlan, phase: GuestPhase): GuestOutcome {
  const frames = (innermost: Innermost) => backtrace(error, innermost, plan);
  const { exitCode, failure } = exit;
  if (exitCode !== undefined) return { kind: 'exited', exitCode, phase, backtrace: frames('host') };
  const described = failure === undefined ? describeFailure(error) : describeFailure(failure);
  if (described === undefined) throw error;
  const isTrap = described.code === 'ERR_GUEST_TRAP';
  const shown = failure !== undefined ? frames('host') : isTrap ? frames('guest') : [];
  return { kind: 'failed', failure: { ...described, backtrace: shown }, phase };
}

function backtrace(error: unknown, innermost: Innermost, { maxBacktraceFrames, program }: GuestPlan): string[] {
  return wasmFrames(error, innermost, maxBacktraceFrames).map((frame, index) =>
    frameText({ ...frame, offset: frame.offset - program.codeShiftBytes }, index),
  );
}

/** What an exception tells the embedder; undefined for what is neither the guest's nor the host's, but an embedder's. */
function describeFailure(error: unknown): Omit<GuestFailure, 'backtrace'> | undefined {
  if (error instanceof HostError) return { code: error.code as GuestFailure['code'], message: error.message };
  const trap = trapText(error);
  if (trap !== undefined) return { code: 'ERR_GUEST_TRAP', message: `wasm trap: ${trap}` };
  if (error instanceof WebAssembly.Exception) return { code: 'ERR_GUEST_EXCEPTION', message: 'thrown Wasm exception' };
  const outOfMemory = error instanceof RangeError && /out of memory/i.test(error.message);
  return outOfMemory ? { code: 'ERR_MODULE_LIMIT', message: withoutPrefix(error.message) } : undefined;
}

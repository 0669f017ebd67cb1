import { expect } from 'vitest';
import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../../src/engine/guest-plan.ts';
import { type GuestRun, type GuestStdio, type NnSupport, runGuest } from '../../src/engine/guest-run.ts';
import { canSuspend, runGuestSuspending } from '../../src/engine/suspending-run.ts';
import { compileText } from './assemble.ts';

export interface TextGuestResult extends Pick<GuestRun, 'outcome' | 'usage'> {
  stdout: string;
}

/**
 * Runs a module, text or binary, on this thread, with everything that a plan may say. Where guests can be suspended it is
 * run so as well, and has to come to the same.
 */
export async function runTextGuest(
  module: string | Uint8Array,
  plan: Partial<Omit<GuestPlan, 'preloads'>> & { preloads?: Record<string, string> } = {},
  nn?: NnSupport,
  stdio: Partial<GuestStdio> = {},
): Promise<TextGuestResult> {
  const { preloads = {}, limits = {}, ...rest } = plan;
  const full: GuestPlan = {
    program: await compileText(module, limits),
    args: ['test.wat'],
    env: [],
    preopens: [],
    wasi: { preview1: true, unstable: true },
    limits,
    unknownImports: 'refuse',
    maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
    ...rest,
    preloads: await Promise.all(
      Object.entries(preloads).map(async ([name, source]) => ({ name, program: await compileText(source, limits) })),
    ),
  };
  const result = await captured(async (captor) => runGuest(full, { ...captor, ...stdio }, nn));
  if (canSuspend() && isRepeatable(full, stdio)) {
    const { outcome, stdout } = await captured((captor) => runGuestSuspending(full, captor, nn));
    expect({ outcome, stdout }).toEqual({ outcome: result.outcome, stdout: result.stdout });
  }
  return result;
}

/** What is given to a run may be used up by it, or be another then; and suspended guests have one depth. */
function isRepeatable({ preopens, maxWasmStackBytes }: GuestPlan, stdio: Partial<GuestStdio>): boolean {
  return preopens.length === 0 && maxWasmStackBytes === undefined && Object.keys(stdio).length === 0;
}

async function captured(run: (stdio: GuestStdio) => Promise<GuestRun>): Promise<TextGuestResult> {
  const chunks: Uint8Array[] = [];
  const { outcome, usage, dispose } = await run({
    stdin: { kind: 'null' },
    stdout: { kind: 'write', write: (bytes) => chunks.push(bytes) },
    stderr: { kind: 'null' },
  });
  dispose();
  return { outcome, usage, stdout: Buffer.concat(chunks).toString('latin1') };
}

import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../../src/engine/guest-plan.ts';
import type { GuestRun, NnSupport } from '../../src/engine/guest-run.ts';
import {
  canSuspend,
  runGuestSuspending,
  type SuspendingRunOptions,
  type SuspendingStdio,
} from '../../src/engine/suspending-run.ts';
import { compileText } from './assemble.ts';
import { firstNode, type Requirement } from './requirements.ts';

/** Of the two Nodes that the suite is run on the second has it. */
export const suspension: Requirement = {
  met: canSuspend(),
  reason: 'this Node cannot suspend guests (no JSPI)',
  isOptional: firstNode.met,
};

export interface SuspendedOptions extends SuspendingRunOptions {
  plan?: Partial<GuestPlan>;
  stdio?: Partial<SuspendingStdio>;
  nn?: NnSupport | undefined;
}

export interface SuspendedResult extends Pick<GuestRun, 'outcome' | 'usage'> {
  stdout: string;
}

/** Runs a module, text or binary, so that it can be suspended, and lets go of everything after. */
export async function runSuspended(
  module: string | Uint8Array,
  { plan = {}, stdio = {}, nn, ...options }: SuspendedOptions = {},
): Promise<SuspendedResult> {
  const chunks: Uint8Array[] = [];
  const full: GuestPlan = {
    program: await compileText(module, plan.limits),
    preloads: [],
    args: ['test.wat'],
    env: [],
    preopens: [],
    wasi: { preview1: true, unstable: true },
    limits: {},
    unknownImports: 'refuse',
    maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
    ...plan,
  };
  const captured: SuspendingStdio = {
    stdin: { kind: 'null' },
    stdout: { kind: 'write', write: (bytes) => void chunks.push(bytes) },
    stderr: { kind: 'null' },
  };
  const { outcome, usage, dispose } = await runGuestSuspending(full, { ...captured, ...stdio }, nn, options);
  dispose();
  return { outcome, usage, stdout: Buffer.concat(chunks).toString('latin1') };
}

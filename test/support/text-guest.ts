import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../../src/engine/guest-plan.ts';
import { type GuestRun, type GuestStdio, type NnSupport, runGuest } from '../../src/engine/guest-run.ts';
import { compileText } from './assemble.ts';

export interface TextGuestResult extends Pick<GuestRun, 'outcome' | 'usage'> {
  stdout: string;
}

/** Runs a module, text or binary, on this thread, with everything that a plan may say. */
export async function runTextGuest(
  module: string | Uint8Array,
  plan: Partial<Omit<GuestPlan, 'preloads'>> & { preloads?: Record<string, string> } = {},
  nn?: NnSupport,
  stdio: Partial<GuestStdio> = {},
): Promise<TextGuestResult> {
  const chunks: Uint8Array[] = [];
  const { preloads = {}, limits = {}, ...rest } = plan;
  const { outcome, usage, dispose } = runGuest(
    {
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
    },
    {
      stdin: { kind: 'null' },
      stdout: { kind: 'write', write: (bytes) => chunks.push(bytes) },
      stderr: { kind: 'null' },
      ...stdio,
    },
    nn,
  );
  dispose();
  return { outcome, usage, stdout: Buffer.concat(chunks).toString('latin1') };
}

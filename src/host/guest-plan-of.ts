import { basename } from 'node:path';
import type { CompiledModule } from '../engine/compile.ts';
import { DEFAULT_BACKTRACE_FRAMES, type GuestPlan } from '../engine/guest-plan.ts';
import type { HostRunOptions } from './host-options.ts';
import { toPreopen } from './option-checks.ts';

/** What an embedder asked for, as the engine takes it. @param name of the module */
export function guestPlanOf(program: CompiledModule, name: string, options: HostRunOptions): GuestPlan {
  const { invoke, maxMemoryBytes, maxTableElements } = options;
  return {
    program,
    preloads: [],
    args: [options.argv0 ?? basename(name), ...(options.args ?? [])],
    env: Object.entries(options.env ?? {}),
    preopens: (options.preopens ?? []).map(toPreopen),
    wasi: { preview1: true, unstable: true },
    invoke: invoke && { name: invoke.name, args: invoke.args ?? [] },
    limits: { maxMemoryBytes, maxTableElements },
    maxMemoryFileBytes: options.maxMemoryFileBytes,
    maxOutputBytes: options.maxOutputBytes,
    unknownImports: 'refuse',
    maxBacktraceFrames: DEFAULT_BACKTRACE_FRAMES,
  };
}

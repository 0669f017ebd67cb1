/** What the operator reads on stderr when a guest does not end well, and the exit code that goes with it. */

import type { GuestFailure, GuestOutcome, GuestPhase } from '../engine/guest-plan.ts';
import { isHostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import { RefusedOption } from './option-values.ts';

export interface Ending {
  exitCode: number;
  stderr: string;
}

const EXIT_TRAP = 134;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** `proc_exit` codes from here on are none that a shell can tell from a signal. */
const FIRST_INVALID_EXIT_CODE = 126;

/** @param module as the user named it */
export function endingOf(outcome: GuestOutcome, module: string): Ending {
  if (outcome.kind === 'returned') return { exitCode: 0, stderr: '' };
  if (outcome.kind === 'failed') return failedEnding(outcome.failure, outcome.phase, module);
  const { exitCode, phase, backtrace } = outcome;
  if (exitCode < FIRST_INVALID_EXIT_CODE) return { exitCode, stderr: '' };
  const reason = `exit with invalid exit status outside of [0..${FIRST_INVALID_EXIT_CODE})`;
  return { exitCode: EXIT_FAILURE, stderr: causes(module, phase, backtrace, reason) };
}

function failedEnding({ code, message, backtrace }: GuestFailure, phase: GuestPhase, module: string): Ending {
  if (code === 'ERR_GUEST_TRAP' || code === 'ERR_GUEST_TIMEOUT' || code === 'ERR_GUEST_HEAP_LIMIT') {
    const reason = code === 'ERR_GUEST_TIMEOUT' ? 'wasm trap: interrupt' : message;
    return { exitCode: EXIT_TRAP, stderr: causes(module, phase, backtrace, reason) };
  }
  // What a guest throws has no backtrace in V8.
  if (backtrace.length > 0 || code === 'ERR_GUEST_EXCEPTION') {
    return { exitCode: EXIT_FAILURE, stderr: causes(module, phase, backtrace, message) };
  }
  const hint = /`wasi_ephemeral_nn::/.test(message) && code === 'ERR_MODULE_LINK' ? ' (-S nn provides wasi-nn)' : '';
  const [what, where] = [mainModule(module, phase), phaseText(phase, module)];
  const context = where === undefined || code === 'ERR_MODULE_EXPORT' ? what : `${what}: ${where}`;
  return { exitCode: EXIT_FAILURE, stderr: `Error: ${context}: ${message}${hint}\n` };
}

/** A chain of causes as wasmtime lays it out, the backtrace within. */
function causes(module: string, phase: GuestPhase, backtrace: readonly string[], reason: string): string {
  const where = phaseText(phase, module);
  const frames = backtrace.length === 0 ? [] : [['error while executing at wasm backtrace:', ...backtrace].join('\n')];
  const chain = [...(where === undefined ? [] : [where]), ...frames, reason];
  const lines = chain.length === 1 ? [`    ${reason}`] : chain.map((cause, index) => `    ${index}: ${cause}`);
  return `Error: ${mainModule(module, phase)}\n\nCaused by:\n${lines.join('\n')}\n`;
}

function mainModule(module: string, phase: GuestPhase): string {
  return phase.at === 'preload'
    ? `failed to process preload \`${phase.name}\``
    : `failed to run main module \`${module}\``;
}

function phaseText(phase: GuestPhase, module: string): string | undefined {
  if (phase.at === 'instantiate') return `failed to instantiate "${module}"`;
  if (phase.at !== 'invoke') return undefined;
  return phase.name === undefined ? 'failed to invoke command default' : `failed to invoke \`${phase.name}\``;
}

/**
 * The ending for an error that the host threw on purpose.
 * @throws whatever is no such error: a fault of ours, which Node reports with its stack
 */
export function endingOfError(error: unknown): Ending {
  if (!isHostError(error)) throw error;
  const isUsage = error.name === 'OptionError' || error instanceof RefusedOption;
  const stderr = `${isUsage ? 'error' : 'Error'}: ${error.message}\n`;
  return { exitCode: isUsage ? EXIT_USAGE : EXIT_FAILURE, stderr };
}

/** One line of `--log nn`. */
export function refusalText({ errno, errnoName, reason }: Refusal): string {
  return `wasi-nn: ${reason} (errno ${errno}, ${errnoName})\n`;
}

/** One line of `--log wasi`. */
export function wasiFaultText(functionName: string, reason: unknown): string {
  return `wasi: ${functionName}: ${reason instanceof Error ? reason.message : String(reason)}\n`;
}

/** What came of one run, for its caller. */
import type { GuestFailure, GuestOutcome } from '../engine/guest-plan.ts';
import type { RunUsage } from '../engine/run-report.ts';
import { type ErrorCode, GuestTrapError, type HostError, ModuleError } from '../errors.ts';
import type { CapturedStreams, GuestStreams } from '../stdio/guest-streams.ts';

/**
 * What came of a run whose guest ended by itself.
 *
 * @typeParam Stdout `Buffer` where standard output was to be captured, which is the default; else `undefined`
 * @typeParam Stderr the same of standard error
 */
export interface HostRunResult<Stdout = Buffer | undefined, Stderr = Buffer | undefined> {
  /** What the guest gave to `proc_exit`, as it gave it; 0 when it returned. */
  exitCode: number;
  /** What the guest wrote to standard output, where that was to be captured, up to `maxCaptureBytes`. The caller's to keep. */
  stdout: Stdout;
  /** The same of standard error. */
  stderr: Stderr;
  /** Whether a captured stream had more than `maxCaptureBytes`. */
  truncated: boolean;
  /** What the function that was invoked (`invoke`) returned, as text; empty for a program. */
  results: readonly string[];
  /** What the run took. */
  usage: RunUsage;
}

/** Options whose standard output is captured, as it is where nothing else is said. */
export interface CapturesStdout {
  /** Into the result, which is the default. */
  stdout?: 'capture' | undefined;
}

/** The same of standard error. */
export interface CapturesStderr {
  /** Into the result, which is the default. */
  stderr?: 'capture' | undefined;
}

/**
 * @throws GuestTrapError and ModuleError for a guest that failed; what a stream or function of the embedder failed with
 */
export function resultOf(outcome: GuestOutcome, streams: GuestStreams, usage: RunUsage): HostRunResult {
  const { failure } = streams;
  if (failure !== undefined) throw failure.error;
  const { truncated, ...captured } = streams.captured;
  if (outcome.kind === 'failed') throw failureError(outcome.failure, captured, usage);
  return {
    exitCode: outcome.kind === 'exited' ? outcome.exitCode : 0,
    ...captured,
    truncated,
    results: outcome.kind === 'returned' ? outcome.results : [],
    usage,
  };
}

const OF_THE_MODULE: readonly ErrorCode[] = ['ERR_MODULE_LINK', 'ERR_MODULE_LIMIT', 'ERR_MODULE_EXPORT'];

function failureError(
  { code, message, backtrace, cause }: GuestFailure,
  captured: Pick<CapturedStreams, 'stdout' | 'stderr'>,
  usage: RunUsage,
): HostError {
  if (OF_THE_MODULE.includes(code)) return new ModuleError(code, message);
  return new GuestTrapError(code, message, { backtrace, cause, ...captured, usage });
}

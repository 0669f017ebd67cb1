import { BackendError, type ErrorCode } from '../../../errors.ts';

/**
 * Gives what the package throws a code. Its errors are plain and of many lines: the first ones say what is wrong, the
 * rest where in OpenVINO's sources.
 */
export function attempt<Value>(code: ErrorCode, action: () => Value): Value {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof BackendError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(code, `OpenVINO: ${text.split('\n', 3).join(' ').slice(0, 400)}`, { cause });
  }
}

/** Arguments of a call as an embedder gives them. */
import type { WasmValue } from '../engine/live-guest.ts';
import type { FunctionType } from '../engine/module-binary.ts';
import { ModuleError } from '../errors.ts';
import { checkNames, DURATION, invalidOption, isDuration, isObject, optional } from '../options.ts';

/** How long a call may take, and who may end it; either ends the instance. Not for one on the calling thread. */
export interface CallOptions {
  /** Ends the instance after this many milliseconds, counted from when the call's turn has come. Default: no limit. */
  timeoutMs?: number | undefined;
  /** Ends the instance when it is aborted. */
  signal?: AbortSignal | undefined;
}

const PASSED: ReadonlySet<string> = new Set(['i32', 'i64', 'f32', 'f64']);

/**
 * Checks what a function is called with, options last.
 * @throws OptionError; ModuleError ERR_MODULE_EXPORT for types that do not pass between a guest and its host
 */
export function callArguments(
  name: string,
  { params, results }: FunctionType,
  given: readonly unknown[],
): { values: WasmValue[]; options: CallOptions } {
  const strange = [...params, ...results].find((type) => !PASSED.has(type));
  if (strange !== undefined) {
    throw new ModuleError('ERR_MODULE_EXPORT', `${name} takes or returns ${strange}, which does not pass to the host`);
  }
  const last = given.at(-1);
  const options = isObject(last) ? (last as CallOptions) : {};
  checkCallOptions(options);
  const values = isObject(last) ? given.slice(0, -1) : given;
  if (values.length !== params.length) {
    throw invalidOption(`arguments of ${name}`, `${params.length} (${params.join(', ')})`, values.length);
  }
  for (const [index, type] of params.entries()) checkValue(`${name}: argument ${index + 1}`, type, values[index]);
  return { values: values as WasmValue[], options };
}

/** @throws OptionError */
export function checkCallOptions(options: CallOptions): void {
  checkNames('options', options, ['timeoutMs', 'signal']);
  optional('timeoutMs', options.timeoutMs, isDuration, DURATION);
  optional('signal', options.signal, (value) => value instanceof AbortSignal, 'an AbortSignal');
}

function checkValue(name: string, type: string, value: unknown): void {
  if (type === 'i64') {
    if (typeof value !== 'bigint' || value < -(2n ** 63n) || value >= 2n ** 64n) {
      throw invalidOption(name, 'a bigint of 64 bits', value);
    }
  } else if (type === 'i32') {
    if (!Number.isInteger(value) || (value as number) < -(2 ** 31) || (value as number) >= 2 ** 32) {
      throw invalidOption(name, 'a whole number of 32 bits', value);
    }
  } else if (typeof value !== 'number') throw invalidOption(name, 'a number', value);
}

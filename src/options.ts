import { OptionError } from './errors.ts';

/** Describes a received value for a message: its type, and its text where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return value.length <= 40 ? `'${value}'` : `a string of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return `${String(value)} (${typeof value})`;
  }
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  return `an object of ${value.constructor?.name ?? 'no class'}`;
}

/** The one maker of option messages, so that all read alike. */
export function invalidOption(name: string, expected: string, received: unknown, cause?: unknown): OptionError {
  return new OptionError(`${name}: expected ${expected}, received ${describe(received)}`, { cause });
}

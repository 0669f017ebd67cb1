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

export const BYTES = 'a whole number of bytes';
export const BOOLEAN = 'true or false';
export const MILLISECONDS = 'milliseconds from 0';
export const DURATION = 'milliseconds, more than 0';

/**
 * A misspelt limit that nobody misses would be no limit.
 * @param what its name, or `options` for the whole
 * @throws OptionError
 */
export function checkNames(what: string, options: object, names: readonly string[]): void {
  if (!isObject(options) || Array.isArray(options))
    throw invalidOption(what, `an object of ${names.join(', ')}`, options);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalidOption(what, `names out of ${names.join(', ')}`, unknown);
}

/** @throws OptionError */
export function checkTextArray(name: string, texts: readonly string[] | undefined): void {
  optional(name, texts, Array.isArray, 'an array of text');
  for (const [index, text] of (texts ?? []).entries()) {
    if (!isText(text)) throw invalidOption(`${name}[${index}]`, 'text', text);
  }
}

/** @throws OptionError */
export function checkTexts(name: string, texts: Readonly<Record<string, string>> | undefined): void {
  optional(name, texts, (value) => isObject(value) && !Array.isArray(value), 'an object of text');
  for (const [key, text] of Object.entries(texts ?? {})) {
    if (!isText(text)) throw invalidOption(`${name}.${key}`, 'text', text);
  }
}

/** @throws OptionError */
export function optional<Value>(
  name: string,
  value: Value | undefined,
  is: (value: Value) => boolean,
  expected: string,
): void {
  if (value !== undefined && !is(value)) throw invalidOption(name, expected, value);
}

/** @throws OptionError */
export function oneOf<Value>(name: string, value: Value | undefined, values: readonly Value[]): void {
  if (value !== undefined && !values.includes(value)) throw invalidOption(name, `one of ${values.join(', ')}`, value);
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** `Infinity` is no limit. */
export const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0;
/** As {@link isTime}, and something can be done in it. */
export const isDuration = (value: unknown): value is number => isTime(value) && value > 0;
export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isDescriptor = (value: unknown): value is number => isCount(value) && value < 2 ** 31;
/** A path or a `file:` URL. */
export const isPlace = (value: unknown): value is string | URL =>
  isText(value) || (value instanceof URL && value.protocol === 'file:');

/** Reads the values of option groups: `nn,nn-graph=openvino::DIR`, `timeout=10s`. */
import { HostError, OptionError } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { KeyRule, OptionGroup, ValueForm } from './wasmtime-options.ts';

export type OptionValue = boolean | number | string;

/** Keys that are honoured, with their values in order. */
export type KeyValues = Map<string, OptionValue[]>;

/** What the caller asked for exists neither here nor in wasmtime: exit code 1, as there. */
export class UnavailableOption extends HostError {
  constructor(message: string) {
    super('ERR_OPTION_INVALID', message);
  }
}

/**
 * Reads one occurrence of a group's option into `values`.
 * @throws OptionError for an unknown key, a wrong value, or what cannot be honoured; UnavailableOption
 */
export function readKeys(group: OptionGroup, text: string, values: KeyValues): void {
  for (const item of text.split(',')) readKey(group, item, values);
}

function readKey(group: OptionGroup, item: string, values: KeyValues): void {
  const equals = item.indexOf('=');
  const key = equals < 0 ? item : item.slice(0, equals);
  const text = equals < 0 ? undefined : item.slice(equals + 1);
  const option = `-${group.letter} ${key}`;
  const rule = Object.hasOwn(group.rules, key) ? group.rules[key] : undefined;
  if (rule === undefined) {
    if (group.prefix !== undefined && key.startsWith(group.prefix)) return;
    throw invalidOption(`-${group.letter}`, `one of the keys that "-${group.letter} help" lists`, key);
  }
  const value = readValue(option, rule.form, text);
  if (rule.treatment === 'ignored' || (typeof value === 'boolean' && value !== (rule.when ?? value))) return;
  if (rule.treatment !== 'honoured') throw refusal(option, rule, text);
  const kept = values.get(key) ?? [];
  values.set(key, rule.repeatable ? [...kept, value] : [value]);
}

function refusal(option: string, rule: KeyRule, text: string | undefined): HostError {
  const written = text === undefined ? option : `${option}=${text}`;
  if (rule.treatment === 'failing') return new UnavailableOption(`${written} ${rule.words}`);
  return new RefusedOption(`${written} ${rule.words}`);
}

/** An option that this host knows and cannot honour. */
export class RefusedOption extends HostError {
  constructor(message: string) {
    super('ERR_OPTION_INVALID', message);
  }
}

function readValue(option: string, form: ValueForm, text: string | undefined): OptionValue {
  if (form === 'boolean') return readBoolean(option, text);
  if (text === undefined) throw new OptionError(`${option} needs a value: ${option}${formText(form)}`);
  if (form === 'number') return readNumber(option, text);
  if (form === 'duration') return readDurationMs(option, text);
  if (form === 'text' || form.includes(text)) return text;
  throw invalidOption(option, `one of ${form.join(', ')}`, text);
}

/** What stands behind a key in messages and help. */
export function formText(form: ValueForm): string {
  if (form === 'boolean') return '[=y|n]';
  if (form === 'number') return '=N';
  if (form === 'duration') return '=N[s|ms|us|ns]';
  return form === 'text' ? '=VALUE' : `=${form.join('|')}`;
}

function readBoolean(option: string, text: string | undefined): boolean {
  if (text === undefined || ['y', 'yes', 'true'].includes(text)) return true;
  if (['n', 'no', 'false'].includes(text)) return false;
  throw invalidOption(option, 'y or n', text);
}

function readNumber(option: string, text: string): number {
  const value = /^(?:[0-9]+|0x[0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
  if (value < 2 ** 64) return value;
  throw invalidOption(option, 'a whole number, decimal or after 0x', text);
}

const MILLISECONDS: Readonly<Record<string, number>> = { '': 1000, s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Units as in wasmtime: seconds where none is written. */
function readDurationMs(option: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]+)(s|ms|us|ns)?$/.exec(text) ?? [];
  const count = Number(digits);
  if (digits !== undefined && count < 2 ** 64) return count * (MILLISECONDS[unit] as number);
  throw invalidOption(option, 'a time such as 10, 10s or 500ms', text);
}

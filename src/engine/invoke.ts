/** Arguments from text and results to text, by the type of the function that is invoked. */
import { ModuleError } from '../errors.ts';
import type { FunctionType } from './module-binary.ts';
import { floatText, parseFloatText, parseInteger } from './number-text.ts';

type WasmValue = number | bigint;

/**
 * Reads the arguments of an exported function. More than it takes are ignored.
 * @param name for messages
 * @throws ModuleError ERR_MODULE_EXPORT when there are too few, one is no number of its type, or a type cannot be given
 */
export function parseArguments(name: string, type: FunctionType, texts: readonly string[]): WasmValue[] {
  return type.params.map((param, index) => {
    const text = texts[index];
    if (text === undefined) throw new ModuleError('ERR_MODULE_EXPORT', `not enough arguments for ${name}`);
    return parseArgument(text, param, index);
  });
}

function parseArgument(text: string, type: string, index: number): WasmValue {
  try {
    if (type === 'i32') return Number(parseInteger(text, type));
    if (type === 'i64') return parseInteger(text, type);
    if (type === 'f32' || type === 'f64') return parseFloatText(text, type);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModuleError('ERR_MODULE_EXPORT', `argument ${index + 1}, '${text}' as ${type}: ${reason}`, {
      cause: error,
    });
  }
  throw new ModuleError('ERR_MODULE_EXPORT', `unsupported argument type ${type}`);
}

/** The results, each as text. `returned` is what JavaScript got: a value, an array of several, or undefined. */
export function resultTexts(type: FunctionType, returned: unknown): string[] {
  const values = type.results.length === 1 ? [returned] : ((returned ?? []) as unknown[]);
  return type.results.map((result, index) => resultText(result, values[index]));
}

function resultText(type: string, value: unknown): string {
  if (type === 'f32' || type === 'f64') return floatText(value as number, type);
  if (type === 'i32' || type === 'i64') return String(value);
  const name = /^(func|extern)ref$/.test(type) ? type : 'reference';
  return value === null ? `<null ${name}>` : `<${name}>`;
}

/** V8 refuses to pass 128-bit vectors between a guest and JavaScript, in either direction. */
export function checkInvocable(name: string, type: FunctionType): void {
  if (![...type.params, ...type.results].includes('v128')) return;
  throw new ModuleError('ERR_MODULE_EXPORT', `${name} takes or returns a v128, which V8 does not pass to its host`);
}

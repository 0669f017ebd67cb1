import { CallRefused } from './errno.ts';

/**
 * The properties in the text that a guest gives to `load_by_name_with_config`: a JSON object whose values are text,
 * numbers or booleans. Only names that the host allows pass: a property may name files of the host (`CACHE_DIR`) or
 * take what other guests need (`NUM_STREAMS`).
 * @throws CallRefused invalid_argument
 */
export function parseGuestConfig(text: string, allowed: readonly string[]): Record<string, string> {
  const properties: Record<string, string> = {};
  if (text.trim() === '') return properties;
  for (const [name, value] of Object.entries(parseObject(text))) {
    if (!allowed.includes(name)) throw refused(`the host does not let a guest set the property '${name}'`);
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw refused(`property '${name}' needs text, a number or a boolean`);
    }
    properties[name] = propertyText(value);
  }
  return properties;
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('the config is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused('the config is no JSON object');
  return value;
}

/** OpenVINO spells booleans YES and NO. */
function propertyText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'YES' : 'NO';
  return String(value);
}

function refused(reason: string): CallRefused {
  return new CallRefused('invalid_argument', reason);
}

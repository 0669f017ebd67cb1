/**
 * Forms of what a child process says, which may have been taken over: each function here gives what is of its form, made anew,
 * and throws for everything else.
 */

/** Of any one text. */
const MOST_CHARACTERS = 2 ** 20;

/** What JSON has between braces, before anything of it is known. */
export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new TypeError('no record');
}

/** A record of nothing but these: what nobody reads would take its time all the same. */
export function only(value: unknown, names: readonly string[]): Fields {
  const given = fields(value);
  for (const name in given) if (!names.includes(name)) throw new TypeError('a field of no message');
  return given;
}

/** What the value has of its own under a name: nothing of a prototype's. */
export function own(value: Fields, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

export function text(value: unknown, mostCharacters: number = MOST_CHARACTERS): string {
  if (typeof value === 'string' && value.length <= mostCharacters) return value;
  throw new TypeError('no text');
}

/** A number from 0. */
export function amount(value: unknown, most: number = Number.MAX_VALUE): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw new TypeError('no amount');
}

/** A whole number from 0. */
export function count(value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value)) return amount(value, most);
  throw new TypeError('no count');
}

export function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new TypeError('neither true nor false');
}

export function oneOf<Word extends string>(value: unknown, words: readonly Word[]): Word {
  const word = words.find((known) => known === value);
  if (word !== undefined) return word;
  throw new TypeError('no word that is known');
}

export function list<Item>(
  value: unknown,
  item: (value: unknown) => Item,
  mostItems = Number.MAX_SAFE_INTEGER,
): Item[] {
  if (Array.isArray(value) && value.length <= mostItems) return value.map((one: unknown) => item(one));
  throw new TypeError('no list');
}

export function optional<Value>(value: unknown, form: (value: unknown) => Value): Value | undefined {
  return value === undefined ? undefined : form(value);
}

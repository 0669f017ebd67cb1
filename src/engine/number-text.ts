/** Numbers as `wasmtime run --invoke` reads and prints them: Rust's forms, which differ from JavaScript's. */

const INTEGER_BITS = { i32: 32n, i64: 64n } as const;

/**
 * Reads a signed integer: decimal with an optional sign, or hexadecimal after `0x`.
 * @throws Error in wasmtime's words
 */
export function parseInteger(text: string, type: 'i32' | 'i64'): bigint {
  const isHex = text.startsWith('0x');
  const digits = isHex ? text.slice(2) : text;
  if (digits === '') throw new Error('cannot parse integer from empty string');
  const [, sign, body] = /^([+-]?)(.+)$/s.exec(digits) as RegExpExecArray;
  if (!(isHex ? /^[0-9a-fA-F]+$/ : /^[0-9]+$/).test(body ?? '')) throw new Error('invalid digit found in string');
  const magnitude = BigInt(isHex ? `0x${body}` : (body as string));
  const value = sign === '-' ? -magnitude : magnitude;
  const bound = 1n << (INTEGER_BITS[type] - 1n);
  if (value >= bound) throw new Error('number too large to fit in target type');
  if (value < -bound) throw new Error('number too small to fit in target type');
  return value;
}

const FLOAT = /^([+-]?)(?:(inf|infinity|nan)|(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?)$/i;

/**
 * Reads a floating-point number, rounded once to the type.
 * @throws Error in wasmtime's words
 */
export function parseFloatText(text: string, type: 'f32' | 'f64'): number {
  const match = FLOAT.exec(text);
  const [, sign, word, whole = '', fraction = '', exponent = '0'] = match ?? [];
  if (match === null || (word === undefined && whole === '' && fraction === ''))
    throw new Error('invalid float literal');
  const negative = sign === '-';
  if (word !== undefined) {
    if (/^n/i.test(word)) return Number.NaN;
    return negative ? -Infinity : Infinity;
  }
  const magnitude = Number(`${whole || '0'}.${fraction || '0'}e${exponent}`);
  const decimal = { digits: `${whole}${fraction}`, exponent: Number(exponent) - fraction.length };
  const rounded = type === 'f32' ? roundToSingle(magnitude, decimal) : magnitude;
  return negative ? -rounded : rounded;
}

/**
 * The `f32` next to a decimal whose nearest double is `double`. Rounding twice goes wrong only where the double lies in
 * the middle of two singles and the decimal beside it.
 */
function roundToSingle(double: number, decimal: { digits: string; exponent: number }): number {
  const single = Math.fround(double);
  const [below, above] = single > double ? [nextSingle(single, -1), single] : [single, nextSingle(single, 1)];
  const finiteAbove = above === Infinity ? 2 ** 128 : above;
  if (double - below !== finiteAbove - double) return single;
  const side = compareDecimal(decimal, double);
  if (side === 0) return single;
  return side < 0 ? below : above;
}

/** The neighbour of a non-negative single. */
function nextSingle(value: number, step: 1 | -1): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0] as number) + step;
  return new Float32Array(bits.buffer)[0] as number;
}

/** -1, 0 or 1: how `digits · 10^exponent` compares with a double that is positive and lies between two singles. */
function compareDecimal({ digits, exponent }: { digits: string; exponent: number }, double: number): -1 | 0 | 1 {
  // Such a double is an integer after 150 doublings, and the decimal not farther from it than a double's last bit.
  const scaled = BigInt(double * 2 ** 150);
  const left = BigInt(digits) * 2n ** 150n * 10n ** BigInt(Math.max(exponent, 0));
  const right = scaled * 10n ** BigInt(Math.max(-exponent, 0));
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Prints an `f32` or `f64` with the fewest digits that read back to it, and never with an exponent. */
export function floatText(value: number, type: 'f32' | 'f64'): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits = '', exponent = '0'] = shortest(Math.abs(value), type).split('e');
  const text = withoutExponent(digits.replace('.', ''), Number(exponent) + 1);
  return value < 0 ? `-${text}` : text;
}

/** `d.ddde±x` */
function shortest(value: number, type: 'f32' | 'f64'): string {
  if (type === 'f64') return value.toExponential();
  const readsBack = (text: string) => parseFloatText(text, 'f32') === value;
  for (let digits = 0; digits < 8; digits++) {
    const nearest = value.toExponential(digits);
    if (readsBack(nearest)) return nearest;
    // Above a power of two there is more room than below: the next decimal may do where the nearest does not.
    const next = nextDecimal(nearest);
    if (readsBack(next)) return next;
  }
  return value.toExponential(8);
}

/** The decimal one unit of the last digit above `d.ddde±x`. */
function nextDecimal(text: string): string {
  const [digits = '', exponent = '0'] = text.split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  return Number(`${Number(whole + fraction) + 1}e${Number(exponent) - fraction.length}`).toExponential(fraction.length);
}

/** `digits` with the decimal point after the first `pointAt` of them. */
function withoutExponent(digits: string, pointAt: number): string {
  if (pointAt <= 0) return `0.${'0'.repeat(-pointAt)}${digits}`;
  if (pointAt >= digits.length) return `${digits}${'0'.repeat(pointAt - digits.length)}`;
  return `${digits.slice(0, pointAt)}.${digits.slice(pointAt)}`;
}

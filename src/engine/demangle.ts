/** What legacy Rust symbols write for characters that a linker does not take. */
const ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

/**
 * The readable form of a legacy Rust symbol: `_ZN4core3fmt5write17h0123456789abcdefE` becomes
 * `core::fmt::write::h0123456789abcdef`. Any other name comes back as it is.
 *
 * @see https://doc.rust-lang.org/rustc/symbol-mangling/legacy.html
 */
export function demangle(name: string): string {
  const [, body] = /^_?_?ZN(.*?)E(?:\.llvm\.[0-9A-F]+)?$/s.exec(name) ?? [];
  if (body === undefined) return name;
  const parts = splitParts(body);
  const isRust = parts !== undefined && /^h[0-9a-f]{16}$/.test(parts.at(-1) ?? '');
  return isRust ? parts.map(unescapePart).join('::') : name;
}

/** Parts with their lengths before them; undefined where the lengths do not fit. */
function splitParts(body: string): string[] | undefined {
  const parts: string[] = [];
  let offset = 0;
  while (offset < body.length) {
    const digits = /^\d+/.exec(body.slice(offset, offset + 10))?.[0];
    if (digits === undefined) return undefined;
    const start = offset + digits.length;
    offset = start + Number(digits);
    if (Number(digits) === 0 || offset > body.length) return undefined;
    parts.push(body.slice(start, offset));
  }
  return parts;
}

function unescapePart(part: string): string {
  return part
    .replace(/^_(?=\$)/, '')
    .replace(/\$(?:u([0-9a-f]{1,6})|([A-Z]{1,2}))\$|\.\./g, (whole, code: string | undefined, letters?: string) => {
      if (whole === '..') return '::';
      if (letters !== undefined) return ESCAPES[letters] ?? whole;
      const point = Number.parseInt(code ?? '', 16);
      return point >= 0x20 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    });
}

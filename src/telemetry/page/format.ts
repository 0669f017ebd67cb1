/** Numbers as people read them. */

/** `2.31 ms`, `1.5 s`, `340 µs`; three digits that count. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size >= 1_000) return `${digits(ms / 1_000)} s`;
  if (size >= 1 || size === 0) return `${digits(ms)} ms`;
  return `${digits(ms * 1_000)} µs`;
}

/** Of bytes, in binary steps as memory has them. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : digits(value)} ${units[unit]}`;
}

export function percent(share: number): string {
  return `${digits(share * 100)} %`;
}

export function count(number: number): string {
  return number.toLocaleString('en');
}

function digits(value: number): string {
  const size = Math.abs(value);
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

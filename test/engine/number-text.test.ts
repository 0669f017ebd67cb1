import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatText, parseFloatText, parseInteger } from '../../src/engine/number-text.ts';
import { skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { findWasmtime } from '../support/wasmtime.ts';

describe('parseInteger', () => {
  it.each([
    ['0', 'i32', 0n],
    ['-2147483648', 'i32', -2147483648n],
    ['2147483647', 'i32', 2147483647n],
    ['+5', 'i32', 5n],
    ['-0', 'i32', 0n],
    ['0x7fffFFFF', 'i32', 2147483647n],
    ['0x-5', 'i32', -5n],
    ['-9223372036854775808', 'i64', -(2n ** 63n)],
    ['9223372036854775807', 'i64', 2n ** 63n - 1n],
  ] as const)('%s as %s', (text, type, value) => {
    expect(parseInteger(text, type)).toBe(value);
  });

  it.each([
    ['', 'i32', 'cannot parse integer from empty string'],
    ['0x', 'i64', 'cannot parse integer from empty string'],
    ['-', 'i32', 'invalid digit found in string'],
    ['1_000', 'i32', 'invalid digit found in string'],
    ['1.5', 'i32', 'invalid digit found in string'],
    [' 5', 'i32', 'invalid digit found in string'],
    ['-0x10', 'i32', 'invalid digit found in string'],
    ['0b11', 'i32', 'invalid digit found in string'],
    ['2147483648', 'i32', 'number too large to fit in target type'],
    ['0x80000000', 'i32', 'number too large to fit in target type'],
    ['-2147483649', 'i32', 'number too small to fit in target type'],
    ['9223372036854775808', 'i64', 'number too large to fit in target type'],
  ] as const)('%j as %s is refused', (text, type, reason) => {
    expect(() => parseInteger(text, type)).toThrow(reason);
  });
});

/** What is read, and what is printed of it. Where wasmtime is, it is asked too. */
const FLOATS: readonly (readonly [text: string, f32: string, f64: string])[] = [
  ['0', '0', '0'],
  ['-0', '-0', '-0'],
  ['1', '1', '1'],
  ['+1', '1', '1'],
  ['.5', '0.5', '0.5'],
  ['5.', '5', '5'],
  ['0.1', '0.1', '0.1'],
  ['0.3', '0.3', '0.3'],
  ['1e5', '100000', '100000'],
  ['1E5', '100000', '100000'],
  ['nan', 'NaN', 'NaN'],
  ['-NaN', 'NaN', 'NaN'],
  ['inf', 'inf', 'inf'],
  ['-Infinity', '-inf', '-inf'],
  ['1e21', '1000000000000000000000', '1000000000000000000000'],
  ['1e-7', '0.0000001', '0.0000001'],
  ['123456789', '123456790', '123456789'],
  ['16777217', '16777216', '16777217'],
  ['3.5e38', 'inf', '350000000000000000000000000000000000000'],
  ['3.4028235e38', '340282350000000000000000000000000000000', '340282350000000000000000000000000000000'],
  ['1e-45', '0.000000000000000000000000000000000000000000001', '0.000000000000000000000000000000000000000000001'],
  ['1e-46', '0', '0.0000000000000000000000000000000000000000000001'],
  // Beside the middle of two singles by less than a double can tell.
  ['16777217.0000000001', '16777218', '16777217'],
  ['16777219', '16777220', '16777219'],
  ['16777218.9999999999', '16777218', '16777219'],
  [
    '340282356779733661637539395458142568447',
    '340282350000000000000000000000000000000',
    '340282356779733660000000000000000000000',
  ],
  ['340282356779733661637539395458142568448', 'inf', '340282356779733660000000000000000000000'],
  ['9.8607613e-32', '0.000000000000000000000000000000098607613', '0.000000000000000000000000000000098607613'],
  [
    '1.1754944e-38',
    '0.000000000000000000000000000000000000011754944',
    '0.000000000000000000000000000000000000011754944',
  ],
];

describe('floats', () => {
  it.each(FLOATS)('%s is printed as %s and %s', (text, f32, f64) => {
    expect(floatText(parseFloatText(text, 'f32'), 'f32')).toBe(f32);
    expect(floatText(parseFloatText(text, 'f64'), 'f64')).toBe(f64);
  });

  it.each(['', 'e5', '1e', '.', 'x', '1_0', '0x1p3', 'nan:0x123', '1 ', '--1', 'in'])('%j is refused', (text) => {
    expect(() => parseFloatText(text, 'f32')).toThrow('invalid float literal');
  });

  it.each([
    ['f32', fc.float({ noNaN: true })],
    ['f64', fc.double({ noNaN: true })],
  ] as const)('of %s read back as they were printed', (type, numbers) => {
    fc.assert(
      fc.property(numbers, (value) => {
        expect(parseFloatText(floatText(value, type), type)).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('are rounded as the nearest single of their double, but in the middle of two', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseFloatText(floatText(value, 'f64'), 'f32')).toBe(Math.fround(value));
      }),
    );
  });
});

const wasmtime = findWasmtime();
const directory = temporaryDirectories();

describe.skipIf(skipUnless(wasmtime))('wasmtime', () => {
  it('prints floats as this host does', () => {
    const module = join(directory(), 'id.wat');
    writeFileSync(
      module,
      `(module (func (export "f32") (param f32) (result f32) (local.get 0))
               (func (export "f64") (param f64) (result f64) (local.get 0)))`,
    );
    const peer = (type: string, text: string) =>
      execFileSync(wasmtime.path, ['run', '--invoke', type, module, text], {
        encoding: 'utf8',
        env: wasmtime.env,
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trimEnd();
    // Powers of two lie where the gaps to their neighbours differ.
    const powers = [-149, -126, -103, -60, -10, 24, 53, 90, 127].map((power) => String(2 ** power));
    for (const text of [...FLOATS.map(([written]) => written), ...powers]) {
      for (const type of ['f32', 'f64'] as const) {
        expect([text, type, floatText(parseFloatText(text, type), type)]).toEqual([text, type, peer(type, text)]);
      }
    }
  });
});

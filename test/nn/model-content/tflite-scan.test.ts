import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/errors.ts';
import { requireWholeTfLite } from '../../../src/nn/model-content/tflite-scan.ts';
import { type FlatFields, flatBuffer, reluFields, reluTfLite } from '../../support/tflite-models.ts';
import { codeOf } from '../backend-contract.ts';

const DIGITS = fileURLToPath(new URL('../../../fixtures/digits/model.tflite', import.meta.url));

const EXTERNAL = 'ERR_NN_EXTERNAL_DATA';
const INVALID = 'ERR_NN_INVALID_MODEL';
const scan = (bytes: Uint8Array) => codeOf(() => requireWholeTfLite(bytes));

describe('a whole model', () => {
  it('passes', () => {
    expect(() => requireWholeTfLite(readFileSync(DIGITS))).not.toThrow();
    expect(() => requireWholeTfLite(reluTfLite())).not.toThrow();
  });

  it('passes with weights behind its tables', () => {
    const buffers: FlatFields[] = [{}, { 1: { u64: 16n }, 2: { u64: 8n } }];
    expect(() => requireWholeTfLite(reluTfLite({ model: { 4: { tables: buffers } } }))).not.toThrow();
  });
});

describe('a model with weights in other files', () => {
  const file: FlatFields = { 0: { text: '/etc/passwd' } };

  it('is refused', () => {
    expect(scan(reluTfLite({ model: { 8: { tables: [file] } } }))).toBe(EXTERNAL);
    expect(scan(reluTfLite({ model: { 9: { tables: [file] } } }))).toBe(EXTERNAL);
    expect(scan(reluTfLite({ tensor: { 10: { u32: 1 } } }))).toBe(EXTERNAL);
  });
});

describe('a damaged model', () => {
  const cases: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['only its head', reluTfLite().subarray(0, 8)],
    ['another identifier', flatBuffer(reluFields(), 'TFL2')],
    ['a root far away', Uint8Array.of(0x08, 0x07, 0x12, 0x04, ...reluTfLite().subarray(4))],
    ['no graph', reluTfLite({ model: { 2: { tables: [] } } })],
    ['weights behind its end', reluTfLite({ model: { 4: { tables: [{ 1: { u64: 1n << 40n }, 2: { u64: 4n } }] } } })],
    ['a size that wraps', reluTfLite({ model: { 4: { tables: [{ 1: { u64: 2n }, 2: { u64: (1n << 64n) - 1n } }] } } })],
    ['a tensor without its buffer', reluTfLite({ tensor: { 2: { u32: 1 } } })],
    ['a negative shape', reluTfLite({ tensor: { 0: { i32s: [1, -4] } } })],
    ['an operator without its code', reluTfLite({ operator: { 0: { u32: 1 } } })],
    ['an operator of a tensor that is not there', reluTfLite({ operator: { 1: { i32s: [2] } } })],
    ['an operator that writes to no tensor', reluTfLite({ operator: { 2: { i32s: [-1] } } })],
  ];

  it.each(cases)('%s', (_name, bytes) => {
    expect(scan(bytes)).toBe(INVALID);
  });

  it('cut anywhere', () => {
    const model = reluTfLite();
    const whole = Array.from(model.keys()).filter((length) => scan(model.subarray(0, length)) === 'nothing was thrown');
    expect(whole.every((length) => length > model.length - 8)).toBe(true);
  });

  it('whose parts lead to each other over and over, in its own time', () => {
    // Ten thousand graphs which are all the first one.
    const model = reluTfLite();
    const view = new DataView(model.buffer);
    const count = 10_000;
    const bytes = new Uint8Array(model.length + 4 + count * 4);
    bytes.set(model);
    const vector = model.length;
    const out = new DataView(bytes.buffer);
    const root = view.getUint32(0, true);
    const vtable = root - view.getInt32(root, true);
    const field = root + view.getUint16(vtable + 4 + 2 * 2, true);
    const graphs = field + view.getUint32(field, true);
    const first = graphs + 4 + view.getUint32(graphs + 4, true);
    // Offsets lead forward only, so the first graph is copied behind the vector that names it again and again.
    out.setUint32(vector, count, true);
    for (let index = 0; index < count; index++) out.setUint32(vector + 4 + index * 4, 0, true);
    out.setUint32(field, vector - field, true);
    expect(first).toBeLessThan(vector);
    expect(scan(bytes)).toBe(INVALID);
  });
});

describe('any bytes at all', () => {
  it('end in a verdict', () => {
    const model = reluTfLite();
    const change = fc.array(fc.tuple(fc.nat(model.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(change, fc.nat(model.length), (changes, length) => {
        const bytes = model.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          requireWholeTfLite(bytes.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(BackendError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/errors.ts';
import { refuseExternalData } from '../../../src/nn/model-content/onnx-scan.ts';
import {
  DISGUISES,
  EXTERNAL_PLACES,
  externalDataModel,
  innerDataModel,
  reluModel,
  undeclaredExternalDataModel,
} from '../../support/onnx-models.ts';
import { codeOf } from '../backend-contract.ts';

const DIGITS = fileURLToPath(new URL('../../../fixtures/digits/model.onnx', import.meta.url));
const SECRET = { location: '/etc/passwd' };

const EXTERNAL = 'ERR_NN_EXTERNAL_DATA';
const INVALID = 'ERR_NN_INVALID_MODEL';
const scan = (bytes: Uint8Array) => codeOf(() => refuseExternalData(bytes));

describe('a model whose data is its own', () => {
  it('passes', () => {
    expect(() => refuseExternalData(reluModel())).not.toThrow();
    expect(() => refuseExternalData(readFileSync(DIGITS))).not.toThrow();
  });

  it.each(DISGUISES)('passes in lawful protobuf of the kind %s', (disguise) => {
    expect(() => refuseExternalData(innerDataModel(disguise))).not.toThrow();
  });
});

describe('a model whose data lies in a file', () => {
  const cases = EXTERNAL_PLACES.flatMap((place) => DISGUISES.map((disguise) => ({ place, disguise })));

  it.each(cases)('is refused: $place, $disguise', ({ place, disguise }) => {
    expect(scan(externalDataModel(place, SECRET, disguise))).toBe(EXTERNAL);
  });

  it.each(['/etc/passwd', 'weights.bin', '../../etc/passwd', '*/_ORT_MEM_ADDR_/*', '', '\0', 'C:\\x'])(
    'is refused wherever it is: %j',
    (location) => {
      expect(scan(externalDataModel('initializer', { location, offset: 0, length: 16 }))).toBe(EXTERNAL);
      expect(scan(undeclaredExternalDataModel({ location }))).toBe(EXTERNAL);
    },
  );

  it('is refused with words that tell nothing of the file', () => {
    const messages = ['/etc/passwd', '/no/such/file'].map((location) => {
      try {
        refuseExternalData(externalDataModel('initializer', { location }));
        return 'nothing';
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages[0]).toBe(messages[1]);
    expect(messages[0]).not.toContain('passwd');
  });
});

describe('bytes that are no well-formed protobuf', () => {
  const graph = (...bytes: number[]) => Uint8Array.of(0x3a, bytes.length, ...bytes);
  const cases: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['no graph', Uint8Array.of(0x08, 0x08)],
    ['text', new TextEncoder().encode('ir_version: 8 graph { }')],
    ['a graph as a number', Uint8Array.of(0x38, 0x01)],
    ['a graph as four bytes', Uint8Array.of(0x3d, 1, 2, 3, 4)],
    ['a graph as a group', Uint8Array.of(0x3b, 0x3c)],
    ['field 0', Uint8Array.of(0x02, 0x00)],
    ['a group that does not end', Uint8Array.of(0x3a, 0, 0x43, 0x08, 0x01)],
    ['a group that ends as another', Uint8Array.of(0x3a, 0, 0x43, 0x4c)],
    ['the end of no group', Uint8Array.of(0x3a, 0, 0x44)],
    ['wire type 6', Uint8Array.of(0x3a, 0, 0x46)],
    ['wire type 7', Uint8Array.of(0x3a, 0, 0x47)],
    ['a length past the end', Uint8Array.of(0x3a, 5, 0x0a)],
    ['a length of 4 GiB', Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['a length that wraps to fit', Uint8Array.of(0x3a, 0x80, 0x80, 0x80, 0x80, 0x10)],
    ['a tag of six bytes', Uint8Array.of(0xba, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00)],
    ['a tag above 32 bits, which some parsers take for field 7', Uint8Array.of(0xba, 0x80, 0x80, 0x80, 0x10, 0x00)],
    ['a number of eleven bytes', Uint8Array.of(0x08, ...new Array(10).fill(0x80), 0x00)],
    ['an initializer as a number', graph(0x28, 0x01)],
    ['a node cut short', graph(0x0a, 0x03, 0x2a)],
    ['a data location in bytes', graph(0x2a, 0x03, 0x72, 0x01, 0x01)],
    ['a data location of four bytes', graph(0x2a, 0x05, 0x75, 1, 0, 0, 0)],
  ];

  it.each(cases)('%s', (_name, bytes) => {
    expect(scan(bytes)).toBe(INVALID);
  });

  it('nested deeper than parsers go', () => {
    expect(scan(nested(40, [0x0a, 0x00]))).toBe('nothing was thrown');
    expect(scan(nested(200, []))).toBe(INVALID);
    const groups = Uint8Array.from([0x3a, 0, ...new Array(5000).fill(0x43), ...new Array(5000).fill(0x44)]);
    expect(scan(groups)).toBe(INVALID);
  });

  /** A graph with a node with an attribute with a graph …, `depth` messages deep. */
  function nested(depth: number, innermost: number[]): Uint8Array {
    let bytes = innermost;
    const tags = [0x3a, 0x0a, 0x2a, 0x32];
    for (let level = depth - 1; level >= 0; level--) {
      const tag = level === 0 ? 0x3a : (tags[1 + ((level - 1) % 3)] as number);
      bytes = [tag, ...varint(bytes.length), ...bytes];
    }
    return Uint8Array.from(bytes);
  }

  function varint(value: number): number[] {
    return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
  }
});

describe('any bytes at all', () => {
  const throwsOnlyOurs = (bytes: Uint8Array) => {
    try {
      refuseExternalData(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(BackendError);
    }
  };

  it('end in a verdict', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), throwsOnlyOurs), { numRuns: 2000 });
  });

  it('end in a verdict where they are nearly a model', () => {
    const model = externalDataModel('nested-subgraphs', SECRET);
    const change = fc.array(fc.tuple(fc.nat(model.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(change, fc.nat(model.length), (changes, length) => {
        const bytes = model.slice();
        for (const [at, value] of changes) bytes[at] = value;
        throwsOnlyOurs(bytes.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });

  it('that once named a file are passed only when no tensor does any more: every change of one byte', () => {
    const model = externalDataModel('initializer', { location: '/etc/hostname', offset: 0, length: 16 });
    const passed: Uint8Array[] = [];
    for (const at of model.keys()) {
      for (let value = 0; value < 256; value++) {
        const bytes = model.slice();
        bytes[at] = value;
        if (scan(bytes) === 'nothing was thrown') passed.push(bytes);
      }
    }
    expect(passed.length).toBeGreaterThan(0);
    for (const bytes of passed) {
      expect(fieldsOfTensors(bytes)).not.toContain(13);
      expect(fieldsOfTensors(bytes)).not.toContain(14);
    }
  });
});

/** Field numbers of the tensors in a model's main graph, found by a walk that trusts the bytes. */
function fieldsOfTensors(bytes: Uint8Array): number[] {
  const found: number[] = [];
  const walk = (from: number, to: number, path: readonly number[]) => {
    let at = from;
    const read = () => {
      let value = 0;
      for (let shift = 0; at < to; shift += 7) {
        const byte = bytes[at++] as number;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      return value;
    };
    while (at < to) {
      const tag = read();
      const number = Math.floor(tag / 8);
      if (path.join() === '7,5') found.push(number);
      const wire = tag % 8;
      if (wire === 0) read();
      else if (wire === 2) {
        const length = read();
        if (path.length < 2) walk(at, at + length, [...path, number]);
        at += length;
      } else at += wire === 1 ? 8 : 4;
    }
  };
  walk(0, bytes.length, []);
  return found;
}

import { describe, expect, it } from 'vitest';
import type { ModelEncoding, NativeOpenVino } from '../../../src/native/openvino.ts';
import { type GraphFunction, graphDef } from './graph-def.ts';
import { chainIr, constantIr, type IrParts, sumIr } from './ir-text.ts';
import { digits, openRoom, skip, smallModel, thrownBy } from './support.ts';

const WEIGHTS = Buffer.from('12345678');
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const REFUSED = 'ERR_NN_INVALID_MODEL';

/** Of a tensor of strings: how many, where each ends, the characters. */
function strings(count: number, offsets: readonly number[], characters: string): Buffer {
  return Buffer.concat([Buffer.from(Int32Array.of(count, ...offsets).buffer), Buffer.from(characters)]);
}

describe.skipIf(skip)('models that are refused before the runtime compiles them', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();
  const load = (encoding: ModelEncoding, ...builders: Uint8Array[]) =>
    thrownBy(() => room.compileModel(encoding, builders, 'CPU', []).release());

  describe('IR', () => {
    it.each<[string, Buffer]>([
      ['as it is', constantIr()],
      ['of version 10', constantIr({ net: '<net name="c" version="10">' })],
      ['with a byte order mark', Buffer.concat([BOM, constantIr()])],
      ['without a declaration', constantIr({ before: '' })],
      ['with comments', constantIr({ before: '<!-- <net> & <data offset="9"/> -->' })],
      ['with single quotes', constantIr({ data: "element_type='u8' shape='8' offset='0' size='8'" })],
      ['with room around its tags', constantIr({ data: 'element_type = "u8"\n shape="8"\toffset="0" size="8" ' })],
      ['with half of the weights', constantIr({ data: 'element_type="u8" shape="4" offset="4" size="4"', shape: [4] })],
      [
        'with notes for its reader',
        constantIr({ tail: '<rt_info><runtime_options/><a value="&quot;&#65;"/></rt_info>' }),
      ],
    ])('%s is taken', (_name, xml) => {
      expect(load('ir', xml, WEIGHTS)).toBe('nothing');
    });

    const data = (offset: string, size: string, shape = '8', type = 'u8') =>
      `element_type="${type}" shape="${shape}" offset="${offset}" size="${size}"`;

    it.each<[string, IrParts]>([
      ['beyond the weights', { data: data('8', '8') }],
      ['partly beyond the weights', { data: data('1', '8') }],
      ['in front of the weights, by an offset that wraps around', { data: data('18446744073709551608', '8') }],
      ['by an offset and a size that wrap around together', { data: data('8', '18446744073709551608') }],
      ['by an offset beyond 64 bits', { data: data('18446744073709551616', '8') }],
      ['by a negative offset', { data: data('-8', '8') }],
      ['by an offset with a sign', { data: data('+0', '8') }],
      ['by an offset in hexadecimal', { data: data('0x0', '8') }],
      ['by an offset in disguise', { data: data('&#48;', '8') }],
      ['of a shape that needs more bytes', { data: data('0', '8', '9') }],
      ['of a shape of gibibytes', { data: data('0', '8', '1073741824,1073741824') }],
      ['of a shape whose size wraps around to nothing', { data: data('0', '8', '4294967296,4294967296') }],
      ['of a negative shape', { data: data('0', '8', '-1,-8') }],
      ['of a type that needs more bytes', { data: data('0', '8', '8', 'u16') }],
      ['of an unknown type', { data: data('0', '8', '8', 'u128') }],
      ['with its bytes in an attribute', { data: `${data('0', '8')} value="x"` }],
      ['with nothing but an attribute', { data: 'element_type="u8" shape="1000000" value="x"' }],
      ['without a size', { data: 'element_type="u8" shape="8" offset="0"' }],
      ['by the name of the class', { layerType: 'Constant', data: data('8', '8') }],
      ['in small letters', { layerType: 'const', data: data('8', '8') }],
      ['with a type in disguise', { layerType: 'C&#111;nst', data: data('8', '8') }],
    ])('a constant %s', (_name, parts) => {
      expect(load('ir', constantIr(parts), WEIGHTS)).toBe(REFUSED);
    });

    it.each<[string, Buffer]>([
      ['more strings than the shape', strings(2, [0, 1, 2], 'ab')],
      ['a negative number of strings', strings(-1, [0, 1], 'ab')],
      ['an end beyond the characters', strings(1, [0, 3], 'ab')],
      ['an end in front of the characters', strings(1, [0, -1], 'ab')],
      ['a beginning beyond the characters', strings(1, [2 ** 30, 2 ** 30], 'ab')],
      ['no list of ends', strings(1, [], '')],
    ])('a constant of %s', (_name, weights) => {
      const xml = (size: number) =>
        constantIr({ elementType: 'string', shape: [1], data: data('0', String(size), '1', 'string') });
      expect(load('ir', xml(weights.length), weights)).toBe(REFUSED);
      const sound = strings(1, [0, 2], 'ab');
      expect(load('ir', xml(sound.length), sound)).toBe('nothing');
    });

    it.each<[string, Buffer]>([
      ['nothing', Buffer.alloc(0)],
      ['a line break first', Buffer.concat([Buffer.from('\n'), constantIr()])],
      ['a blank first', Buffer.concat([Buffer.from(' '), constantIr()])],
      ['a NUL inside', Buffer.concat([constantIr(), Buffer.from('\0')])],
      [
        'two bytes a character',
        Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(constantIr().toString(), 'utf16le')]),
      ],
      ['two bytes a character, unmarked', Buffer.from(constantIr().toString(), 'utf16le')],
      ['a document type', constantIr({ before: '<!DOCTYPE net [<!ENTITY a "b">]>' })],
      ['CDATA', constantIr({ tail: '<![CDATA[ </net> ]]>' })],
      ['another root', constantIr({ net: '<set version="11">' })],
      ['version 9', constantIr({ net: '<net version="9">' })],
      ['no version', constantIr({ net: '<net>' })],
      ['an end that is missing', constantIr().subarray(0, -6)],
      ['an end too many', Buffer.concat([constantIr(), Buffer.from('</net>')])],
      ['two roots', Buffer.concat([constantIr(), constantIr({ before: '' })])],
      ['a bracket in an attribute', constantIr({ tail: '<a b="<"/>' })],
      ['an attribute without quotes', constantIr({ tail: '<a b=c/>' })],
      ['an endless comment', constantIr({ tail: '<!-- ' })],
      ['bodies in bodies', constantIr({ tail: `${'<body>'.repeat(1e5)}${'</body>'.repeat(1e5)}` })],
      ['more operations than the runtime’s recursion bears', chainIr(40_000)],
      ['a file for its weights', constantIr({ tail: '<rt_info><__weights_path value="/etc/hostname"/></rt_info>' })],
      ['the same, by name', constantIr({ tail: '<rt_info><info name="__weights_path" value="x"/></rt_info>' })],
      ['the same, in disguise', constantIr({ tail: '<rt_info><info name="_&#95;weights_path" value="x"/></rt_info>' })],
    ])('xml with %s', (_name, xml) => {
      expect(load('ir', xml, WEIGHTS)).toBe(REFUSED);
    });

    it('whose weights are missing, empty or short', () => {
      const [xml, weights] = digits.ir();
      expect(load('ir', xml)).toBe(REFUSED);
      expect(load('ir', xml, new Uint8Array())).toBe(REFUSED);
      expect(load('ir', xml, weights.subarray(0, -1))).toBe(REFUSED);
      expect(load('ir', xml, weights)).toBe('nothing');
    });

    it('of another encoding', () => {
      for (const [model] of [digits.onnx(), digits.tensorflow(), digits.tensorflowlite()]) {
        expect(load('ir', model, WEIGHTS)).toBe(REFUSED);
      }
    });

    it('with a row of operations that passes is compiled and computed', () => {
      const model = room.compileModel('ir', [chainIr(4000)], 'CPU', []);
      const request = model.createInferRequest();
      request.infer();
      expect(request.outputInfo(0).byteLength).toBe(4);
    });
  });

  describe('ONNX', () => {
    const [model] = digits.onnx();

    it.each<[string, Uint8Array]>([
      ['nothing', new Uint8Array()],
      ['text', Buffer.from('no model at all')],
      ['IR', constantIr()],
      ['IR inside an unknown field', Buffer.concat([Buffer.from([0x0a, 0x7f]), constantIr({ before: '' })])],
      [
        'IR in small and large letters',
        Buffer.concat([Buffer.from([0x12, 0x10]), Buffer.from('<NeT version="1'), model]),
      ],
      ['TensorFlow', digits.tensorflow()[0]],
      ['TensorFlow Lite', digits.tensorflowlite()[0]],
      ['a field that ONNX has not, first', Buffer.concat([Buffer.from([0x78, 0x01]), model])],
      ['a field twice in the beginning', Buffer.concat([model.subarray(0, 2), model])],
      ['a number with padding', Buffer.concat([Buffer.from([0x08, 0x87, 0x00]), model.subarray(2)])],
      ['its first half', model.subarray(0, model.length / 2)],
      ['its first byte', model.subarray(0, 1)],
    ])('%s', (_name, bytes) => {
      expect(load('onnx', bytes)).toBe(REFUSED);
    });
  });

  describe('TensorFlow', () => {
    const [model] = digits.tensorflow();
    const body: GraphFunction = { name: 'f', nodes: [{ name: 'a', op: 'NoOp' }] };

    it.each<[string, Uint8Array]>([
      ['nothing', new Uint8Array()],
      ['text', Buffer.from('node { name: "x" op: "Placeholder" }')],
      ['IR', constantIr()],
      ['ONNX', digits.onnx()[0]],
      ['TensorFlow Lite', digits.tensorflowlite()[0]],
      ['a graph without nodes', graphDef({ nodes: [] })],
      ['its first half', model.subarray(0, model.length / 2)],
      ['a field that it has not', Buffer.concat([model, Buffer.from([0x78, 0x01])])],
      ['a name that is no UTF-8', graphDef({ nodes: [{ name: Buffer.from([0xff]), op: 'NoOp' }] })],
      ['a name cut inside a letter', graphDef({ nodes: [{ name: Buffer.from([0xc3]), op: 'NoOp' }] })],
      ['an operation that is no UTF-8', graphDef({ nodes: [{ name: 'a', op: Buffer.from([0xed, 0xa0, 0x80]) }] })],
      [
        'a function that calls itself',
        graphDef({ nodes: [{ name: 'a', op: 'f' }], functions: [{ name: 'f', nodes: [{ name: 'b', op: 'f' }] }] }),
      ],
      [
        'functions that call each other, by attribute',
        graphDef({
          nodes: [{ name: 'a', op: 'PartitionedCall', calls: 'f' }],
          functions: [
            { name: 'f', nodes: [{ name: 'b', op: 'PartitionedCall', calls: 'g' }] },
            { name: 'g', nodes: [{ name: 'c', op: 'StatefulPartitionedCall', calls: 'f' }] },
          ],
        }),
      ],
      [
        'functions that double forty times',
        graphDef({
          nodes: [{ name: 'a', op: 'f0' }],
          functions: Array.from({ length: 40 }, (_, level) => ({
            name: `f${level}`,
            nodes: ['l', 'r'].map((name) => ({ name, op: `f${level + 1}` })),
          })),
        }),
      ],
      [
        'more nodes than the runtime’s recursion bears',
        graphDef({ nodes: Array.from({ length: 40_000 }, (_, index) => ({ name: `n${index}`, op: 'NoOp' })) }),
      ],
      ['a graph of nothing but a library', graphDef({ nodes: [], functions: [body] })],
    ])('%s', (_name, bytes) => {
      expect(load('tensorflow', bytes)).toBe(REFUSED);
    });
  });

  describe('TensorFlow Lite', () => {
    const [model] = digits.tensorflowlite();

    it('cut off at any place', () => {
      for (let length = 0; length < model.length; length += 97) {
        expect(load('tensorflowlite', model.subarray(0, length))).toBe(REFUSED);
      }
    });

    it('with another mark, of another encoding, or of nothing', () => {
      const unmarked = Buffer.from(model);
      unmarked.write('TFL2', 4);
      for (const bytes of [
        unmarked,
        Buffer.from('TFL3'),
        constantIr(),
        digits.onnx()[0],
        digits.tensorflow()[0],
        new Uint8Array(),
      ]) {
        expect(load('tensorflowlite', bytes)).toBe(REFUSED);
      }
    });

    it('with any one offset in its tables pointing elsewhere, never ends the process', () => {
      const verdicts = new Set<string>();
      // The model's tables lie behind its weights.
      for (let at = model.length - 4; at > model.length - 2000; at -= 12) {
        const damaged = Buffer.from(model);
        damaged.writeUInt32LE(0x7fffff00 + (at % 7), at);
        verdicts.add(load('tensorflowlite', damaged));
      }
      // A padding or a name that changed harms nothing; a shape may ask for more than there is.
      expect(['nothing', REFUSED, 'ERR_NN_COMPILE', 'ERR_NN_OUT_OF_MEMORY']).toEqual(
        expect.arrayContaining([...verdicts]),
      );
      expect([...verdicts]).toContain(REFUSED);
    });
  });

  describe('inputs and outputs', () => {
    it.each<[string, number[], number[], number[]]>([
      ['of gibibytes', [1, 65536, 65536], [1], [1, 65536, 65536]],
      ['of which only the output has gibibytes', [65536, 1], [1, 65536], [65536, 65536]],
      ['that have gibibytes together', [1, 16384, 16384], [1, 16384, 16384], [1, 16384, 16384]],
      ['of more bytes than 64 bits can count', [1, 2 ** 32, 2 ** 32], [1], [1, 2 ** 32, 2 ** 32]],
      ['whose fixed dimensions alone make gibibytes', [-1, 65536, 65536], [1], [-1, 65536, 65536]],
    ])('%s are refused', (_name, left, right, sum) => {
      expect(load('ir', sumIr(left, right, sum))).toBe('ERR_NN_MODEL_LIMIT');
    });

    it('whose size is known later are taken', () => {
      expect(load('ir', sumIr([-1, -1, 65536], [1], [-1, -1, 65536]))).toBe('nothing');
    });

    it('that are refused are told with their size', () => {
      const load = () => room.compileModel('ir', [sumIr([65536, 1], [1, 65536], [65536, 65536])], 'CPU', []);
      expect(load).toThrow(/^output 0 \[65536,65536\] would take 17179869184 bytes; .* together may take 2147483648$/);
    });
  });

  it('leave nothing behind', () => {
    const before = room.tableStats().compiledModels;
    const [xml] = smallModel('add');
    for (let round = 0; round < 10; round++) load('ir', xml.subarray(0, 100), WEIGHTS);
    expect(room.tableStats().compiledModels).toBe(before);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/errors.ts';
import { NativeBackend } from '../../../src/nn/backends/openvino/backend.ts';
import { describeModel } from '../../../src/nn/model-content/describe/index.ts';
import { externalDataModel, innerDataModel, reluModel } from '../../support/onnx-models.ts';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { reluFields, reluTfLite } from '../../support/tflite-models.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const irOf = (folder: string) => readFileSync(`${FIXTURES}${folder}/model.xml`);
const text = (xml: string) => new TextEncoder().encode(xml);

/** A field of protobuf: bytes, text, or a small number. */
function field(number: number, value: string | Buffer | number): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.byteLength]), bytes]);
}

/** A TensorFlow GraphDef of `y = max(x, 0)`, x `[?, 4] f32`, of producer 27. */
function reluGraphDef(): Buffer {
  const attribute = (key: string, value: Buffer) => field(5, Buffer.concat([field(1, key), field(2, value)]));
  const unknown = Buffer.from([1 << 3, ...new Array<number>(9).fill(0xff), 1]);
  const shape = Buffer.concat([field(2, unknown), field(2, field(1, 4))]);
  const x = [
    field(1, 'x'),
    field(2, 'Placeholder'),
    attribute('dtype', field(6, 1)),
    attribute('shape', field(7, shape)),
  ];
  const y = [field(1, 'y'), field(2, 'Relu'), field(3, 'x:0'), attribute('T', field(6, 1))];
  return Buffer.concat([field(1, Buffer.concat(x)), field(1, Buffer.concat(y)), field(4, field(1, 27))]);
}

describe('an OpenVINO IR', () => {
  it('tells its inputs, outputs and operations', () => {
    expect(describeModel(irOf('digits'))).toEqual({
      encoding: 'openvino',
      name: 'digits',
      producer: undefined,
      versions: ['version 11', 'opset1', 'opset8'],
      inputs: [{ name: 'image', elementType: 'f32', shape: [1, 1, 28, 28] }],
      outputs: [{ name: 'probabilities', elementType: 'f32', shape: [1, 10] }],
      operations: [
        ['Add', 4],
        ['Convolution', 3],
        ['ReLU', 3],
        ['MaxPool', 2],
        ['MatMul', 1],
        ['Reshape', 1],
        ['SoftMax', 1],
      ],
    });
  });

  it('tells dimensions that are not known', () => {
    const { inputs, outputs } = describeModel(irOf('models/dynamic-batch'));
    expect([inputs[0]?.shape, outputs[0]?.shape]).toEqual([
      [-1, 4],
      [-1, 4],
    ]);
  });

  it('is read over comments, declarations, quotes of both kinds and references', () => {
    const xml = `<?xml version="1.0"?><!-- <net name="no"> --><!DOCTYPE net>
      <net version='10' name="a &lt;b&gt; '">
        <layers><layer id="0" type="Parameter" name="x > y"><data shape="" element_type="i64"/></layer></layers>
      </net>`;
    expect(describeModel(text(xml))).toMatchObject({
      name: "a <b> '",
      versions: ['version 10'],
      inputs: [{ name: 'x > y', elementType: 'i64', shape: [] }],
    });
  });

  it('counts no operations of a body within an operation', () => {
    const body = '<body><layers><layer id="0" type="Relu"/></layers></body>';
    const xml = `<net version="11"><layers><layer id="0" type="Loop">${body}</layer></layers></net>`;
    expect(describeModel(text(xml)).operations).toEqual([['Loop', 1]]);
  });

  it.each([
    ['<net><layers>', 'does not end'],
    ['<net></layers></net>', 'never began'],
    ['<net name="a></net>', 'missing at its end'],
    ['<net', 'does not end'],
    ['<html></html>', 'no element <net>'],
    ['<!-- ', 'missing at its end'],
  ])('is refused where it is %s', (xml, words) => {
    expect(() => describeModel(text(xml))).toThrow(words);
  });
});

describe('other models', () => {
  it('of ONNX tell the same, and their weights are no inputs', () => {
    const x = { name: 'x', elementType: 'f32', shape: [1, 4] };
    const relu = describeModel(reluModel());
    expect(relu).toMatchObject({
      encoding: 'onnx',
      inputs: [x],
      outputs: [{ ...x, name: 'y' }],
      operations: [['Relu', 1]],
    });
    expect(relu.versions.join()).toMatch(/^IR version \d+,opset \d+$/);
    expect(describeModel(innerDataModel())).toMatchObject({ inputs: [x], operations: [['Add', 1]] });
  });

  it('of ONNX are described, too, where their weights lie in other files, which nobody opens', () => {
    const place = { location: '/etc/hostname', offset: 0, length: 16 };
    expect(describeModel(externalDataModel('initializer', place)).encoding).toBe('onnx');
  });

  it('of TensorFlow Lite tell the same', () => {
    expect(describeModel(reluTfLite())).toEqual({
      encoding: 'tensorflowlite',
      name: 'main',
      producer: undefined,
      versions: ['schema 3'],
      inputs: [{ name: 'x', elementType: 'f32', shape: [1, 4] }],
      outputs: [{ name: 'y', elementType: 'f32', shape: [1, 4] }],
      operations: [['RELU', 1]],
    });
  });

  it.each([
    [{ 0: { u8: 32 }, 1: { text: 'Mine' } }, 'CUSTOM Mine'],
    [{ 0: { u8: 127 }, 3: { u32: 150 } }, 'operator 150'],
  ])('of TensorFlow Lite name operators of their own or of later versions: %j', (code, name) => {
    const fields = reluFields({ model: { 1: { tables: [code] } } });
    expect(describeModel(reluTfLite({ model: { 1: fields[1] as never } })).operations).toEqual([[name, 1]]);
  });

  it('of TensorFlow tell their placeholders and what nobody takes', () => {
    expect(describeModel(reluGraphDef())).toEqual({
      encoding: 'tensorflow',
      name: undefined,
      producer: undefined,
      versions: ['producer version 27'],
      inputs: [{ name: 'x', elementType: 'f32', shape: [-1, 4] }],
      outputs: [{ name: 'y', elementType: 'f32', shape: null }],
      operations: [
        ['Placeholder', 1],
        ['Relu', 1],
      ],
    });
  });

  it.each([
    ['GGUF and more', 'ERR_NN_UNSUPPORTED_ENCODING'],
    ['PK\u0003\u0004 and more', 'ERR_NN_UNSUPPORTED_ENCODING'],
    ['nothing of this world', 'ERR_NN_INVALID_MODEL'],
    ['', 'ERR_NN_INVALID_MODEL'],
  ])('are refused as %j with a code', (content, code) => {
    expect(() => describeModel(text(content))).toThrow(expect.objectContaining({ code }));
  });
});

describe('damaged models', () => {
  const models = { ir: irOf('models/add'), onnx: reluModel(), tflite: reluTfLite(), graphDef: reluGraphDef() };

  it.each(Object.entries(models))(
    'of %s, cut anywhere or with any byte changed, are described or refused',
    (_, whole) => {
      const outcomes = new Set<string>();
      const look = (bytes: Uint8Array) => {
        try {
          describeModel(bytes);
          outcomes.add('described');
        } catch (error) {
          if (!(error instanceof BackendError)) throw error;
          outcomes.add('refused');
        }
      };
      for (let at = 0; at < whole.byteLength; at++) {
        look(whole.subarray(0, at));
        for (const bit of [1, 0x80, 0xff]) {
          const changed = Uint8Array.from(whole);
          changed[at] = (changed[at] ?? 0) ^ bit;
          look(changed);
        }
      }
      expect([...outcomes].sort()).toEqual(['described', 'refused']);
    },
  );

  it('that are made to be slow are read in one pass', () => {
    const size = 400_000;
    for (const xml of [
      `<net ${'a'.repeat(size)}`,
      `<net ${'<'.repeat(size)}`,
      `<net ${'"x'.repeat(size)}`,
      `<net ${' '.repeat(size)}></net>`,
      `<net ${'a '.repeat(size)}></net>`,
      `<net ${'a'.repeat(size)}></net>`,
    ]) {
      try {
        describeModel(text(xml));
      } catch (error) {
        expect(error).toBeInstanceOf(BackendError);
      }
    }
  });
});

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('what is described', () => {
  const folders = [
    'digits',
    ...readdirSync(`${FIXTURES}models`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `models/${name}`),
  ];

  it.each(folders)('of %s is what OpenVINO tells', (folder) => {
    const backend = new NativeBackend({ libraryPath: runtime.libraryPath });
    const paths = ['model.xml', 'model.bin'].map((name) => `${FIXTURES}${folder}/${name}`);
    const graph = backend.loadFiles(paths, { encoding: 'openvino', target: 'cpu' });
    const { inputs, outputs } = describeModel(irOf(folder));
    const plain = (ports: typeof graph.inputs) =>
      ports.map(({ name, elementType, shape }) => ({ name, elementType, shape }));
    expect({ inputs, outputs }).toEqual({ inputs: plain(graph.inputs), outputs: plain(graph.outputs) });
    graph.dispose();
  });
});

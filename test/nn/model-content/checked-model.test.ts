import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Encoding } from '../../../src/nn/backend.ts';
import { checkModel } from '../../../src/nn/model-content/checked-model.ts';
import { sniff } from '../../../src/nn/model-content/sniff.ts';
import { externalDataModel, reluModel } from '../../support/onnx-models.ts';
import { reluTfLite } from '../../support/tflite-models.ts';
import { smallModel } from '../abi/guest.ts';
import { codeOf } from '../backend-contract.ts';

const digits = (file: string) =>
  readFileSync(fileURLToPath(new URL(`../../../fixtures/digits/${file}`, import.meta.url)));
const [XML, WEIGHTS] = smallModel('two-outputs') as [Uint8Array, Uint8Array];
const text = (value: string) => new TextEncoder().encode(value);
const join = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

const INVALID = 'ERR_NN_INVALID_MODEL';
const COUNT = 'ERR_NN_INVALID_ARGUMENT';
const UNSUPPORTED = 'ERR_NN_UNSUPPORTED_ENCODING';

describe('the content of bytes', () => {
  it.each([
    ['openvino', XML],
    ['openvino', join(BOM, text('\r\n\t '), XML)],
    ['onnx', reluModel()],
    ['onnx', digits('model.onnx')],
    ['tensorflow', digits('model.pb')],
    ['tensorflowlite', digits('model.tflite')],
    ['ggml', text('GGUF\x03\0\0\0')],
    ['pytorch', text('PK\x03\x04archive')],
    ['unknown', new Uint8Array(0)],
    ['unknown', text('\n')],
    ['unknown', WEIGHTS],
    ['unknown', text('GGU')],
  ])('%s', (content, bytes) => {
    expect(sniff(bytes)).toBe(content);
  });
});

describe('a model that fits what the guest says', () => {
  it.each([
    ['openvino', [XML, WEIGHTS], 'ir', 2],
    ['onnx', [reluModel()], 'onnx', 1],
    ['tensorflow', [digits('model.pb')], 'tensorflow', 1],
    ['tensorflowlite', [reluTfLite()], 'tensorflowlite', 1],
    ['autodetect', [XML, WEIGHTS], 'ir', 2],
    ['autodetect', [XML], 'ir', 1],
    ['autodetect', [reluModel()], 'onnx', 1],
    ['autodetect', [digits('model.pb')], 'tensorflow', 1],
    ['autodetect', [reluTfLite()], 'tensorflowlite', 1],
  ] as [Encoding, Uint8Array[], string, number][])('%s', (encoding, builders, expected, count) => {
    const checked = checkModel(builders, encoding);
    expect(checked.encoding).toBe(expected);
    expect(checked.builders).toHaveLength(count);
    expect(Uint8Array.from(checked.builders[0] as Uint8Array)).toEqual(Uint8Array.from(builders[0] as Uint8Array));
  });

  it('is ONNX where it is called OpenVINO, as OpenVINO itself finds out under wasmtime', () => {
    expect(checkModel([reluModel(), new Uint8Array(0)], 'openvino')).toMatchObject({ encoding: 'onnx' });
    const hostile = externalDataModel('initializer', { location: '/etc/passwd' });
    expect(codeOf(() => checkModel([hostile, new Uint8Array(0)], 'openvino'))).toBe('ERR_NN_EXTERNAL_DATA');
  });

  it('is given to OpenVINO from its first sign on, so that no frontend takes it for protobuf', () => {
    for (const before of [BOM, text('\n'), join(BOM, text(' \n'))]) {
      const { builders } = checkModel([join(before, XML), WEIGHTS], 'openvino');
      expect(Uint8Array.from(builders[0] as Uint8Array)).toEqual(Uint8Array.from(XML));
    }
    expect(codeOf(() => checkModel([join(text('\n'), BOM, XML), WEIGHTS], 'openvino'))).toBe(INVALID);
  });

  it('is copied, since a shared memory may change after the look', () => {
    for (const [encoding, source] of [
      ['onnx', reluModel()],
      ['tensorflowlite', reluTfLite()],
      ['tensorflow', digits('model.pb')],
      ['openvino', XML],
    ] as [Encoding, Uint8Array][]) {
      const shared = new Uint8Array(new SharedArrayBuffer(source.byteLength));
      shared.set(source);
      const { builders } = checkModel(encoding === 'openvino' ? [shared, WEIGHTS] : [shared], encoding);
      shared.fill(0);
      expect(Uint8Array.from(builders[0] as Uint8Array), encoding).toEqual(Uint8Array.from(source));
    }
  });
});

describe('a model that does not', () => {
  it.each([
    ['openvino', [], COUNT],
    ['openvino', [XML], COUNT],
    ['openvino', [XML, WEIGHTS, WEIGHTS], COUNT],
    ['onnx', [reluModel(), WEIGHTS], COUNT],
    ['tensorflow', [], COUNT],
    ['tensorflowlite', [reluTfLite(), WEIGHTS], COUNT],
    ['autodetect', [], INVALID],
    ['autodetect', [reluModel(), WEIGHTS], COUNT],
    ['autodetect', [XML, WEIGHTS, WEIGHTS], COUNT],
    ['openvino', [digits('model.tflite'), WEIGHTS], INVALID],
    ['openvino', [digits('model.pb'), WEIGHTS], INVALID],
    ['openvino', [WEIGHTS, XML], INVALID],
    ['onnx', [XML], INVALID],
    ['onnx', [digits('model.pb')], INVALID],
    ['onnx', [reluTfLite()], INVALID],
    ['tensorflow', [XML], INVALID],
    ['tensorflow', [reluModel()], INVALID],
    ['tensorflow', [reluTfLite()], INVALID],
    ['tensorflowlite', [XML], INVALID],
    ['tensorflowlite', [reluModel()], INVALID],
    ['autodetect', [new Uint8Array(0)], INVALID],
    ['autodetect', [text('GGUF\x03\0\0\0')], UNSUPPORTED],
    ['autodetect', [text('PK\x03\x04')], UNSUPPORTED],
    ['pytorch', [text('PK\x03\x04')], UNSUPPORTED],
  ] as [Encoding, Uint8Array[], string][])('%s %#', (encoding, builders, code) => {
    expect(codeOf(() => checkModel(builders, encoding))).toBe(code);
  });
});

describe('an IR that names a file of weights', () => {
  const load = (note: string) => {
    const xml = Buffer.from(XML).toString().replace('</net>', `<rt_info>${note}</rt_info></net>`);
    return codeOf(() => checkModel([text(xml), WEIGHTS], 'openvino'));
  };

  it.each([
    '<__weights_path value="/etc/passwd"/>',
    '<info name="__weights_path" value="x"/>',
    '<info name="__weights&#95;path" value="x"/>',
    '<info name="&#x5f;&#x5F;&#119;eights_path" value="x"/>',
    `<info name="${'&#'}${'0'.repeat(500)}95;_weights_path" value="x"/>`,
    '<info name="&#0000095;_weights&#x0005f;path" value="x"/>',
  ])('is refused: %s', (note) => {
    expect(load(note)).toBe('ERR_NN_EXTERNAL_DATA');
  });

  it.each(['', '<info name="weights" value="&#169; &#x20AC; &amp; &#99999999;"/>'])('passes with %j', (note) => {
    expect(load(note)).toBe('nothing was thrown');
  });

  it('is refused in text of two bytes a character', () => {
    expect(codeOf(() => checkModel([Buffer.from('<net version="11"/>', 'utf16le'), WEIGHTS], 'openvino'))).toBe(
      INVALID,
    );
  });
});

describe('TensorFlow', () => {
  const field = (number: number, value: Uint8Array) => join(Uint8Array.of(number * 8 + 2, value.length), value);
  const node = (name: string, op: string) => field(1, join(field(1, text(name)), field(2, text(op))));
  const check = (...parts: Uint8Array[]) => codeOf(() => checkModel([join(...parts)], 'tensorflow'));

  it('takes graphs, with versions and functions beside the nodes', () => {
    expect(check(node('x', 'Placeholder'), field(4, Uint8Array.of(0x08, 0x01)), field(2, new Uint8Array(0)))).toBe(
      'nothing was thrown',
    );
  });

  it.each([
    ['a saved model', [Uint8Array.of(0x08, 0x01), field(2, node('x', 'Placeholder'))]],
    ['a node without an operation', [field(1, field(1, text('x')))]],
    ['a node without a name', [field(1, field(2, text('Relu')))]],
    ['a name that is no text', [node('\x01', 'Relu')]],
    ['no node', [field(4, new Uint8Array(0))]],
    ['a field of another message', [node('x', 'Placeholder'), field(7, new Uint8Array(0))]],
    ['a node as a number', [Uint8Array.of(0x08, 0x01)]],
  ])('takes no %s', (_name, parts) => {
    expect(check(...(parts as Uint8Array[]))).toBe(INVALID);
  });
});

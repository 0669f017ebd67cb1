/** A guest's model never makes the runtime open a file of the host. Through the whole load, with the real runtime. */
import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENCODINGS, ERRNO } from '../../src/nn/abi/witx.ts';
import { NativeBackend } from '../../src/nn/backends/openvino/backend.ts';
import { DISGUISES, EXTERNAL_PLACES, externalDataModel, innerDataModel } from '../support/onnx-models.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { AT, f32, smallModel, TestGuest } from './abi/guest.ts';

/** Four f32 that no test computes by itself. */
const SECRET = f32(1234.5, -8765.25, 4321.125, 0.0009765625);

const runtime = nativeRuntime();

describe.skipIf(skipUnless(runtime))('files of the host', () => {
  const backend = new NativeBackend({ libraryPath: runtime.libraryPath });
  let folder = '';
  let cwd = '';
  const guest = new TestGuest({ nn: { backend: () => backend } });

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'host-files-')));
    writeFileSync(join(folder, 'secret'), SECRET);
    cwd = process.cwd();
    process.chdir(folder);
  });
  afterAll(() => {
    guest.nn.dispose();
    process.chdir(cwd);
    rmSync(folder, { recursive: true, force: true });
  });

  function load(encoding: (typeof ENCODINGS)[number], builders: Uint8Array[]): { errno: number; reason: string } {
    guest.putBuilders(builders);
    guest.refusals.length = 0;
    const errno = guest.plainCall('load', AT.builders, builders.length, ENCODINGS.indexOf(encoding), 0, AT.graph);
    return { errno, reason: guest.refusals[0]?.reason ?? '' };
  }

  /** Output 0 of the graph just loaded, from an input of zeros. */
  function zeroOutput(): Uint8Array {
    const context = guest.init(guest.readU32(AT.graph));
    expect(guest.plainCall('compute', context)).toBe(0);
    expect(guest.plainCall('get_output', context, 0, AT.output, 16, AT.written)).toBe(0);
    return guest.bytes(AT.output, 16).slice();
  }

  it('are not needed: a model with its data inside computes with it', () => {
    for (const encoding of ['onnx', 'autodetect'] as const) {
      expect(load(encoding, [innerDataModel()])).toEqual({ errno: 0, reason: '' });
      expect(zeroOutput()).toEqual(f32(1, 2, 3, 4));
    }
  });

  const locations: [string, () => string][] = [
    ['an absolute path', () => join(folder, 'secret')],
    ['a relative path', () => 'secret'],
    ['a path with ..', () => relative(join(folder, 'some', 'where'), join(folder, 'secret'))],
    ['an absolute path with ..', () => join(folder, 'x').concat('/../secret')],
    ['a file that is not there', () => join(folder, 'none')],
    ['a directory', () => folder],
    ['a device', () => '/dev/zero'],
  ];

  it.each(locations)('are not opened for ONNX external data: %s', (_name, location) => {
    const answers = EXTERNAL_PLACES.flatMap((place) =>
      (['onnx', 'autodetect'] as const).map((encoding) => {
        return load(encoding, [externalDataModel(place, { location: location(), offset: 0, length: 16 })]);
      }),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.errno).toBe(ERRNO.runtime_error);
    expect(answers[0]?.reason).not.toContain(folder);
  });

  it('are not opened for ONNX called OpenVINO, nor in any disguise', () => {
    for (const disguise of DISGUISES) {
      const model = externalDataModel('initializer', { location: join(folder, 'secret') }, disguise);
      expect(load('openvino', [model, new Uint8Array(0)]).errno).toBe(ERRNO.runtime_error);
      expect(load('onnx', [model]).errno).toBe(ERRNO.runtime_error);
    }
  });

  it('tell nothing of themselves: the answers for one that is there and one that is not are the same', () => {
    const [here, missing] = ['secret', 'none'].map((name) =>
      load('onnx', [externalDataModel('initializer', { location: join(folder, name) })]),
    );
    expect(here).toEqual(missing);
  });

  const twoOutputs = () => smallModel('two-outputs').map((bytes) => Buffer.from(bytes));

  it.each(['.bin', 'model.bin', 'two-outputs.bin'])('are no weights for an IR without any: %s beside it', (name) => {
    copyFileSync('secret', name);
    const [xml] = twoOutputs() as [Buffer];
    for (const builders of [[xml, new Uint8Array(0)], [xml]]) {
      const { errno } = load(builders.length === 1 ? 'autodetect' : 'openvino', builders);
      expect(errno).toBe(ERRNO.runtime_error);
    }
  });

  it('are not opened for a path of weights in an IR', () => {
    const [xml, weights] = twoOutputs() as [Buffer, Buffer];
    const path = `<rt_info><__weights_path value="${join(folder, 'secret')}"/></rt_info></net>`;
    const text = xml.toString().replace('</net>', path);
    const { errno, reason } = load('openvino', [Buffer.from(text), weights]);
    expect(errno).toBe(ERRNO.runtime_error);
    expect(reason).not.toContain(folder);
  });

  it('are not opened for attributes of an IR that name one', () => {
    const [xml, weights] = twoOutputs() as [Buffer, Buffer];
    const secret = join(folder, 'secret');
    const text = xml.toString().replaceAll('<data element_type', `<data path="${secret}" bin="${secret}" element_type`);
    expect(text).not.toBe(xml.toString());
    expect(load('openvino', [Buffer.from(text), weights])).toEqual({ errno: 0, reason: '' });
    const context = guest.init(guest.readU32(AT.graph));
    guest.setInput(context, 0, { data: f32(1, 1, 1, 1) });
    guest.plainCall('compute', context);
    expect(guest.getOutput(context, 16)).toEqual(f32(1, 2, 3, 4));
  });

  it('do not come into an IR by an entity', () => {
    const words = 'words-of-the-host';
    writeFileSync(join(folder, 'words'), words);
    const [xml, weights] = twoOutputs() as [Buffer, Buffer];
    const entity = `<!DOCTYPE net [<!ENTITY x SYSTEM "file://${join(folder, 'words')}">]>\n<net`;
    const text = xml.toString().replace('<net', entity).replaceAll('names="x"', 'names="&x;"');
    expect(text).toContain('names="&x;"');
    const { errno, reason } = load('openvino', [Buffer.from(text), weights]);
    expect(reason).not.toContain(words);
    if (errno !== 0) return;
    const graph = backend.load([Buffer.from(text), weights], { encoding: 'openvino', target: 'cpu' });
    expect(graph.inputs.map((input) => input.name).join()).not.toContain(words);
    graph.dispose();
  });
});

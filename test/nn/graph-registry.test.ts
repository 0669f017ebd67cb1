import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendError } from '../../src/errors.ts';
import type { Backend, LoadOptions } from '../../src/nn/backend.ts';
import { createGraphRegistry, parseNamedGraph } from '../../src/nn/graph-registry.ts';
import { fakeBackend } from '../support/fake-backend.ts';
import { smallModel } from './abi/guest.ts';
import { codeOf, MODELS } from './backend-contract.ts';

const DIGITS = fileURLToPath(new URL('../../fixtures/digits', import.meta.url));

/** A backend that notes what it was asked for, and gives small graphs for it. */
function recordingBackend(): Backend & {
  asked: { paths: readonly string[]; options: LoadOptions }[];
  live: () => number;
} {
  const fake = fakeBackend();
  const asked: { paths: readonly string[]; options: LoadOptions }[] = [];
  return {
    ...fake,
    asked,
    live: () => fake.live.graphs,
    loadFiles(paths, options) {
      if (paths.some((path) => path.includes('broken'))) throw new BackendError('ERR_NN_INVALID_MODEL', 'broken');
      asked.push({ paths, options });
      return fake.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' });
    },
  };
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'graph-registry-'));
  cpSync(join(MODELS, 'relu'), join(folder, 'broken'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the text of an option', () => {
  it.each([
    ['openvino::models/relu', { name: 'relu', encoding: 'openvino', directory: 'models/relu' }],
    ['openvino::/models/relu/', { name: 'relu', encoding: 'openvino', directory: '/models/relu/' }],
    ['mine=onnx::/a=b/c::d', { name: 'mine', encoding: 'onnx', directory: '/a=b/c::d' }],
    ['ONNX::relu', { name: 'relu', encoding: 'ONNX', directory: 'relu' }],
    ['dot=openvino::.', { name: 'dot', encoding: 'openvino', directory: '.' }],
    ['::relu', { name: 'relu', encoding: '', directory: 'relu' }],
  ])('%s', (text, expected) => {
    expect(parseNamedGraph(text)).toEqual(expected);
  });

  it.each(['', 'relu', 'openvino:relu', 'openvino::', 'openvino::.', 'openvino::a/..', '=openvino::relu'])(
    '%j is refused',
    (text) => {
      expect(codeOf(() => parseNamedGraph(text))).toBe('ERR_OPTION_INVALID');
    },
  );
});

describe('a registry', () => {
  const relu = { name: 'relu', encoding: 'openvino', directory: join(MODELS, 'relu') };

  it('compiles its graphs when they are registered, and gives them by name', () => {
    const backend = recordingBackend();
    const registry = createGraphRegistry({ backend: () => backend, graphs: [relu] });
    expect(backend.asked).toEqual([
      {
        paths: [join(MODELS, 'relu', 'model.xml'), join(MODELS, 'relu', 'model.bin')],
        options: { encoding: 'openvino', target: 'cpu', properties: {}, forHost: true },
      },
    ]);
    expect(registry.names).toEqual(['relu']);
    expect(registry.get('relu')).toBe(registry.get('relu'));
    expect(registry.get('add')).toBeUndefined();
    registry.dispose();
    expect(backend.live()).toBe(0);
    expect(registry.get('relu')).toBeUndefined();
  });

  it('compiles on demand where asked to, once', () => {
    const backend = recordingBackend();
    const registry = createGraphRegistry({ backend: () => backend, graphs: [relu], compile: 'on-demand' });
    expect(backend.asked).toHaveLength(0);
    registry.get('relu');
    registry.get('relu');
    expect(backend.asked).toHaveLength(1);
  });

  it.each([
    ['OpenVINO', 'openvino', ['model.xml', 'model.bin']],
    ['onnx', 'onnx', ['model.onnx']],
    ['tensorflow', 'tensorflow', ['model.pb']],
    ['TensorFlowLite', 'tensorflowlite', ['model.tflite']],
    ['autodetect', 'openvino', ['model.xml', 'model.bin']],
  ])('finds the files of %s', (encoding, found, files) => {
    const backend = recordingBackend();
    createGraphRegistry({ backend: () => backend, graphs: [{ name: 'digits', encoding, directory: DIGITS }] });
    expect(backend.asked[0]).toMatchObject({
      paths: files.map((file) => join(DIGITS, file)),
      options: { encoding: found },
    });
  });

  it('lets a later graph replace an earlier one of its name', () => {
    const backend = recordingBackend();
    const add = { ...relu, directory: join(MODELS, 'add') };
    createGraphRegistry({ backend: () => backend, graphs: [relu, add] });
    expect(backend.asked.map((one) => one.paths[0])).toEqual([join(MODELS, 'add', 'model.xml')]);
  });

  it('compiles again with other properties, for the caller to release', () => {
    const backend = recordingBackend();
    const properties = { INFERENCE_PRECISION_HINT: 'f32' };
    const registry = createGraphRegistry({ backend: () => backend, graphs: [relu], properties });
    const other = registry.compile?.('relu', { NUM_STREAMS: '1' });
    expect(backend.asked[1]?.options.properties).toEqual({ INFERENCE_PRECISION_HINT: 'f32', NUM_STREAMS: '1' });
    expect(backend.live()).toBe(2);
    other?.dispose();
    registry.dispose();
    expect(backend.live()).toBe(0);
    expect(registry.compile?.('relu', {})).toBeUndefined();
  });

  it.each([
    ['a missing directory', { directory: 'none' }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['a file for a directory', { directory: join(MODELS, 'relu', 'model.xml') }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['no directory', { directory: '' }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['a missing file', { encoding: 'onnx' }, 'ERR_NN_MODEL_NOT_FOUND'],
    ['an unknown encoding', { encoding: 'bogus' }, 'ERR_NN_UNSUPPORTED_ENCODING'],
    ['an encoding with the name of a method', { encoding: 'toString' }, 'ERR_NN_UNSUPPORTED_ENCODING'],
    ['an encoding that nobody reads', { encoding: 'pytorch' }, 'ERR_NN_UNSUPPORTED_ENCODING'],
  ])('refuses %s before anything is compiled', (_name, change, code) => {
    const backend = recordingBackend();
    const make = () => createGraphRegistry({ backend: () => backend, graphs: [relu, { ...relu, ...change }] });
    expect(codeOf(make)).toBe(code);
    expect(backend.asked).toHaveLength(0);
  });

  it('finds nothing to detect in an empty directory', () => {
    const graphs = [{ name: 'empty', encoding: 'autodetect', directory: join(folder, 'empty') }];
    expect(codeOf(() => createGraphRegistry({ backend: fakeBackend, graphs }))).toBe('ERR_NN_MODEL_NOT_FOUND');
  });

  it('releases what it has compiled when the next model is broken', () => {
    const backend = recordingBackend();
    const broken = { name: 'broken', encoding: 'openvino', directory: join(folder, 'broken') };
    expect(codeOf(() => createGraphRegistry({ backend: () => backend, graphs: [relu, broken] }))).toBe(
      'ERR_NN_INVALID_MODEL',
    );
    expect(backend.live()).toBe(0);
  });

  it('opens granted graphs when they are asked for: adopted where they are shared, else from their source', () => {
    const backend = recordingBackend();
    const adopted: number[] = [];
    const sharing: Backend = {
      ...backend,
      adopt: (sharedId) => {
        adopted.push(sharedId);
        return backend.load(smallModel('relu'), { encoding: 'openvino', target: 'cpu' });
      },
    };
    const model = { encoding: 'openvino', target: 'cpu', properties: { NUM_STREAMS: '2' } } as const;
    const paths = [join(MODELS, 'relu', 'model.xml'), join(MODELS, 'relu', 'model.bin')];
    const granted = [
      { ...model, name: 'shared', id: 1, sharedId: 7, source: { paths } },
      { ...model, name: 'files', id: 2, source: { paths } },
      { ...model, name: 'bytes', id: 3, source: { builders: smallModel('relu') } },
    ];
    const registry = createGraphRegistry({ backend: () => sharing, graphs: [], granted, properties: { OF: 'host' } });
    expect([registry.names, backend.live()]).toEqual([['shared', 'files', 'bytes'], 0]);
    for (const name of registry.names) expect(registry.get(name)).toBe(registry.get(name));
    expect(adopted).toEqual([7]);
    expect(backend.asked).toEqual([
      { paths, options: { encoding: 'openvino', target: 'cpu', properties: { NUM_STREAMS: '2' }, forHost: true } },
    ]);
    // Other properties are another model: the shared one does not do.
    registry.compile?.('shared', { NUM_STREAMS: '1' })?.dispose();
    expect(backend.asked[1]?.options.properties).toEqual({ NUM_STREAMS: '1' });
    registry.dispose();
    expect(backend.live()).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../../src/native/addon.ts';
import type { NativeCompiledModel, NativeInferRequest, NativeOpenVino } from '../../../src/native/openvino.ts';
import { testRuntimes } from '../../support/runtimes.ts';
import { compileIr, f32, openRoom, skip, smallModel, thrownBy } from './support.ts';

const ROW = [1, 4];

describe.skipIf(skip)('arguments of the addon', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();
  const model = skip ? ({} as NativeCompiledModel) : compileIr(room, 'relu');
  const request = skip ? ({} as NativeInferRequest) : model.createInferRequest();
  const [xml, weights] = smallModel('relu');
  /** Calls with arguments that TypeScript would not let pass. */
  const call = (object: object, method: string, ...args: unknown[]) =>
    thrownBy(() => (object as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args));

  it.each<[string, object, string, unknown[]]>([
    ['initialize without a function', loadAddon(), 'initialize', [{}]],
    ['exitNow without a number', loadAddon(), 'exitNow', ['0']],
    ['exitNow with a fraction', loadAddon(), 'exitNow', [0.5]],
    ['preload of a number', room, 'preload', [1]],
    ['open of nothing', room, 'open', []],
    ['open of a path with a NUL', room, 'open', ['lib\0']],
    ['a device that is no string', room, 'deviceProperty', [{}, 'X']],
    ['a property key that is no string', room, 'deviceProperty', ['CPU']],
    ['an encoding that is no string', room, 'compileModel', [1, [xml, weights], 'CPU', []]],
    ['builders that are no array', room, 'compileModel', ['ir', xml, 'CPU', []]],
    ['a builder that is a string', room, 'compileModel', ['ir', ['<net/>'], 'CPU', []]],
    ['a builder that is an ArrayBuffer', room, 'compileModel', ['ir', [new ArrayBuffer(4)], 'CPU', []]],
    ['a builder of another view', room, 'compileModel', ['ir', [new Int8Array(4)], 'CPU', []]],
    ['a builder of a DataView', room, 'compileModel', ['ir', [new DataView(new ArrayBuffer(4))], 'CPU', []]],
    ['a device that is null', room, 'compileModel', ['ir', [xml, weights], null, []]],
    ['a device with a NUL', room, 'compileModel', ['ir', [xml, weights], 'CPU\0', []]],
    ['properties that are an object', room, 'compileModel', ['ir', [xml, weights], 'CPU', {}]],
    ['a key without its value', room, 'compileModel', ['ir', [xml, weights], 'CPU', ['NUM_STREAMS']]],
    ['a property that is a number', room, 'compileModel', ['ir', [xml, weights], 'CPU', ['NUM_STREAMS', 1]]],
    ['the same, asynchronous', room, 'compileModelAsync', ['ir', xml, 'CPU', []]],
    ['paths that are bytes', room, 'compileModelFromFiles', ['ir', [xml], 'CPU', []]],
    ['a property of a model that is no string', model, 'property', [7]],
    ['an index that is a string', request, 'setInput', ['0', 'f32', ROW, f32(1, 2, 3, 4)]],
    ['a negative index', request, 'setInput', [-1, 'f32', ROW, f32(1, 2, 3, 4)]],
    ['an index with a fraction', request, 'setInput', [0.5, 'f32', ROW, f32(1, 2, 3, 4)]],
    ['an index that is not a number', request, 'setInput', [Number.NaN, 'f32', ROW, f32(1, 2, 3, 4)]],
    ['an index beyond exact numbers', request, 'setInput', [2 ** 53, 'f32', ROW, f32(1, 2, 3, 4)]],
    ['an element type that is a number', request, 'setInput', [0, 4, ROW, f32(1, 2, 3, 4)]],
    ['a shape that is a typed array', request, 'setInput', [0, 'f32', Int32Array.of(1, 4), f32(1, 2, 3, 4)]],
    ['a negative dimension', request, 'setInput', [0, 'f32', [-1, 4], f32(1, 2, 3, 4)]],
    ['a dimension that is a BigInt', request, 'setInput', [0, 'f32', [1n, 4n], f32(1, 2, 3, 4)]],
    ['a hole in the shape', request, 'setInput', [0, 'f32', new Array(2), f32(1, 2, 3, 4)]],
    ['more dimensions than anything has', request, 'setInput', [0, 'f32', new Array(1e6).fill(1), f32(1, 2, 3, 4)]],
    ['bytes that are an array', request, 'setInput', [0, 'f32', ROW, [1, 2, 3, 4]]],
    ['bytes that are a Float32Array', request, 'setInput', [0, 'f32', ROW, Float32Array.of(1, 2, 3, 4)]],
    ['an output index that is missing', request, 'outputInfo', []],
    ['a target that is missing', request, 'getOutput', [0]],
    ['a target that is a number', request, 'getOutput', [0, 16]],
  ])('%s is a TypeError', (_name, object, method, args) => {
    expect(call(object, method, ...args)).toBe('TypeError');
  });

  it.each<[string, object]>([
    ['a model', model],
    ['a request', request],
  ])('%s cannot be constructed', (_name, object) => {
    const Class = object.constructor as new (...args: unknown[]) => unknown;
    expect(thrownBy(() => new Class())).toBe('TypeError');
    expect(thrownBy(() => new Class(object))).toBe('TypeError');
    expect(thrownBy(() => Reflect.construct(Class, [], Array))).toBe('TypeError');
    expect(thrownBy(() => Class.call(object))).toBe('TypeError');
  });

  it.each([
    ['nothing', undefined],
    ['a number', 7],
    ['a plain object', {}],
    ['a proxy of the right object', new Proxy(request, {})],
    ['an heir of the right object', Object.create(request)],
    ['an object of the other class', model],
    ['the class', request.constructor],
  ])('methods of a request refuse %s as this', (_name, self) => {
    expect(thrownBy(() => Reflect.apply(request.infer, self, []))).toBe('TypeError');
    expect(thrownBy(() => Reflect.apply(request.setInput, self, [0, 'f32', ROW, f32(1, 2, 3, 4)]))).toBe('TypeError');
    expect(thrownBy(() => Reflect.apply(request.release, self, []))).toBe('TypeError');
  });

  it('getters of a model refuse another this', () => {
    const inputs = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(model), 'inputs')?.get;
    expect(inputs).toBeTypeOf('function');
    for (const self of [{}, request, Object.create(model)]) {
      expect(thrownBy(() => Reflect.apply(inputs as () => unknown, self, []))).toBe('TypeError');
    }
  });

  it('an argument that throws is thrown on', () => {
    const shape = [1, 4];
    Object.defineProperty(shape, 1, {
      get() {
        throw new RangeError('from the getter');
      },
    });
    expect(thrownBy(() => request.setInput(0, 'f32', shape, f32(1, 2, 3, 4)))).toBe('RangeError');
  });

  it('an argument that releases the object under the call finds it released', () => {
    const victim = model.createInferRequest();
    const shape = [1, 4];
    Object.defineProperty(shape, 1, {
      get() {
        victim.release();
        return 4;
      },
    });
    expect(thrownBy(() => victim.setInput(0, 'f32', shape, f32(1, 2, 3, 4)))).toBe('ERR_RELEASED');
  });

  it('an argument that takes the bytes away under the call leaves none to copy', () => {
    const bytes = f32(1, 2, 3, 4);
    const shape = [1, 4];
    Object.defineProperty(shape, 1, {
      get() {
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
        return 4;
      },
    });
    expect(thrownBy(() => model.createInferRequest().setInput(0, 'f32', shape, bytes))).toBe('ERR_NN_TENSOR_SIZE');
  });

  it('a released object answers every call with its code, and so does a second release', () => {
    const released = compileIr(room, 'relu');
    const releasedRequest = released.createInferRequest();
    released.release();
    expect(thrownBy(() => released.release())).toBe('ERR_RELEASED');
    expect(thrownBy(() => released.inputs)).toBe('ERR_RELEASED');
    expect(thrownBy(() => released.outputs)).toBe('ERR_RELEASED');
    expect(thrownBy(() => released.shared)).toBe('ERR_RELEASED');
    expect(thrownBy(() => released.property('NUM_STREAMS'))).toBe('ERR_RELEASED');
    expect(thrownBy(() => released.createInferRequest())).toBe('ERR_RELEASED');
    releasedRequest.setInput(0, 'f32', ROW, f32(-1, 2, -3, 4));
    releasedRequest.infer();
    releasedRequest.release();
    for (const use of [
      () => releasedRequest.release(),
      () => releasedRequest.setInput(0, 'f32', ROW, f32(1, 2, 3, 4)),
      () => releasedRequest.infer(),
      () => releasedRequest.inferAsync(),
      () => releasedRequest.cancel(),
      () => releasedRequest.outputInfo(0),
      () => releasedRequest.getOutput(0, new Uint8Array(16)),
    ]) {
      expect(thrownBy(use)).toBe('ERR_RELEASED');
    }
  });

  it.each<[string, string, unknown[]]>([
    ['ERR_NN_UNSUPPORTED_ENCODING', 'an encoding that nobody has', ['pytorch', [xml], 'CPU', []]],
    ['ERR_NN_INVALID_ARGUMENT', 'no builder', ['ir', [], 'CPU', []]],
    ['ERR_NN_INVALID_ARGUMENT', 'three builders', ['ir', [xml, weights, weights], 'CPU', []]],
    ['ERR_NN_INVALID_ARGUMENT', 'two builders of ONNX', ['onnx', [xml, weights], 'CPU', []]],
    ['ERR_NN_UNSUPPORTED_TARGET', 'a device without a name', ['ir', [xml, weights], '', []]],
    ['ERR_NN_UNSUPPORTED_TARGET', 'a device that nobody has', ['ir', [xml, weights], 'ABACUS', []]],
    ['ERR_NN_PROPERTY', 'a property that nobody has', ['ir', [xml, weights], 'CPU', ['NO_SUCH_PROPERTY', '1']]],
    ['ERR_NN_PROPERTY', 'a value that makes no sense', ['ir', [xml, weights], 'CPU', ['NUM_STREAMS', 'many']]],
    [
      'ERR_NN_PROPERTY',
      'a property that takes pointers',
      ['ir', [xml, weights], 'CPU', ['CACHE_ENCRYPTION_CALLBACKS', '']],
    ],
    [
      'ERR_NN_PROPERTY',
      'more properties than a call takes',
      ['ir', [xml, weights], 'CPU', new Array(34).fill('NUM_STREAMS')],
    ],
  ])('%s for %s', async (code, _name, args) => {
    expect(call(room, 'compileModel', ...args)).toBe(code);
  });

  it('a second runtime is a conflict, the same one by another spelling is not', () => {
    const libraryPath = testRuntimes()[0]?.libraryPath ?? '';
    expect(room.open(libraryPath).libraryPath).toBe(libraryPath);
    expect(room.open(libraryPath.replace(/\/([^/]*)$/, '/./$1')).libraryPath).toBe(libraryPath);
    expect(thrownBy(() => room.open('/nonexistent/libopenvino_c.so'))).toBe('ERR_NN_RUNTIME_CONFLICT');
    expect(thrownBy(() => room.preload('/nonexistent/libopenvino_c.so'))).toBe('nothing');
  });

  it('tells properties of devices and models, and refuses others', () => {
    expect(room.availableDevices()).toContain('CPU');
    expect(room.deviceProperty('CPU', 'FULL_DEVICE_NAME')).not.toBe('');
    expect(model.property('NUM_STREAMS')).toMatch(/^\d+$/);
    expect(thrownBy(() => room.deviceProperty('CPU', 'NO_SUCH_PROPERTY'))).toBe('ERR_NN_PROPERTY');
    expect(thrownBy(() => room.deviceProperty('ABACUS', 'FULL_DEVICE_NAME'))).toBe('ERR_NN_UNSUPPORTED_TARGET');
    expect(thrownBy(() => model.property('NO_SUCH_PROPERTY'))).toBe('ERR_NN_PROPERTY');
  });
});

/** What models tell without being compiled, and what operations took. */
import { describe, expect, it } from 'vitest';
import type { ModelEncoding, NativeOpenVino } from '../../../src/native/openvino.ts';
import { sumIr } from './ir-text.ts';
import { compileIr, digits, f32, openRoom, runtimes, scenarioValue, skip, smallModel, thrownBy } from './support.ts';

describe.skipIf(skip)('a model that is inspected', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();

  it.each(['relu', 'add', 'two-outputs', 'dynamic-batch', 'argmax', 'twice-f16'])(
    'tells of %s what it compiles to',
    (name) => {
      const { misses } = room.tableStats();
      const told = room.inspectModel('ir', smallModel(name));
      expect(room.tableStats().misses).toBe(misses);
      const model = compileIr(room, name);
      expect(told).toEqual({ inputs: model.inputs, outputs: model.outputs });
      model.release();
    },
  );

  it.each<ModelEncoding>(['ir', 'onnx', 'tensorflow', 'tensorflowlite'])(
    'is read in every encoding: %s',
    (encoding) => {
      const { inputs, outputs } = room.inspectModel(encoding, digits[encoding]());
      const model = room.compileModel(encoding, digits[encoding](), 'CPU', []);
      expect(inputs.map(({ shape }) => shape)).toEqual(model.inputs.map(({ shape }) => shape));
      expect(outputs.map(({ elementType }) => elementType)).toEqual(
        model.outputs.map(({ elementType }) => elementType),
      );
      model.release();
    },
  );

  it('is held to the same rules as one that is compiled', () => {
    const [xml, weights] = smallModel('two-outputs');
    const inspect = (encoding: string, ...builders: unknown[]) =>
      thrownBy(() => room.inspectModel(encoding as ModelEncoding, builders as Uint8Array[]));
    expect(inspect('ir', xml, weights.subarray(0, 4))).toBe('ERR_NN_INVALID_MODEL');
    expect(inspect('ir', Buffer.from('no model'))).toBe('ERR_NN_INVALID_MODEL');
    expect(inspect('onnx', Buffer.from('no model'))).toBe('ERR_NN_INVALID_MODEL');
    expect(inspect('ir', sumIr([1, 65536, 65536], [1, 1, 1], [1, 65536, 65536]))).toBe('ERR_NN_MODEL_LIMIT');
    expect(inspect('ir')).toBe('ERR_NN_INVALID_ARGUMENT');
    expect(inspect('pytorch', xml)).toBe('ERR_NN_UNSUPPORTED_ENCODING');
    expect(inspect('ir', 'text')).toBe('TypeError');
    expect(inspect('ir', new ArrayBuffer(8))).toBe('TypeError');
  });
});

describe.skipIf(skip)('times of operations', () => {
  const room = skip ? ({} as NativeOpenVino) : openRoom();

  it('are none for a model that was not compiled for it', () => {
    const model = compileIr(room, 'relu');
    const request = model.createInferRequest();
    request.infer();
    expect(request.profile()).toEqual([]);
    request.release();
    expect(thrownBy(() => request.profile())).toBe('ERR_RELEASED');
    model.release();
  });

  it('are of the computation, one for each operation that ran', () => {
    const model = room.compileModel('ir', smallModel('slow'), 'CPU', ['PERF_COUNT', 'YES']);
    const request = model.createInferRequest();
    request.setInput(0, 'f32', [1, 1], f32(0.5));
    const before = performance.now();
    request.infer();
    const tookMs = performance.now() - before;
    const times = request.profile();
    const sum = times.reduce((total, { wallMs }) => total + wallMs, 0);
    expect(times.length).toBeGreaterThan(0);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(tookMs);
    for (const time of times) {
      expect(time).toEqual({
        name: expect.stringMatching(/./),
        type: expect.stringMatching(/./),
        implementation: expect.stringMatching(/./),
        wallMs: expect.any(Number),
        cpuMs: expect.any(Number),
      });
    }
    request.release();
    model.release();
  });
});

describe.skipIf(skip).each(runtimes)('over OpenVINO $version', (runtime) => {
  it('times of operations are had without a change of any output byte, and for synchronous and asynchronous inferences', () => {
    const { same, counts, plain } = scenarioValue('profiling', runtime) as Record<string, unknown>;
    expect({ same, plain }).toEqual({ same: true, plain: [] });
    // OpenVINO does not call executed what took less than a microsecond, so that some are there in one of them only.
    for (const count of counts as number[]) expect(count).toBeGreaterThan(5);
  });
});

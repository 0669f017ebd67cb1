/**
 * The answers of this host beside wasmtime's, call by call, from the same guests. Where wasmtime ends the guest or itself,
 * the answer here has to be invalid_argument or runtime_error, and the guest goes on.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createWasiNn } from '../../../src/nn/abi/functions.ts';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import { NativeBackend } from '../../../src/nn/backends/openvino/backend.ts';
import { call, dump, runUnderHost, runUnderWasmtime, type Script, type Step } from '../../support/abi-script.ts';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { f32, smallModel, u32, utf8 } from './guest.ts';

const WASMTIME = process.env.WASI_NN_HOST_TEST_WASMTIME ?? '';
/** OpenVINO's libraries with the names that wasmtime looks for. */
const LIBRARIES = process.env.WASI_NN_HOST_TEST_WASMTIME_OPENVINO ?? '';
const peer = {
  met: existsSync(WASMTIME) && existsSync(LIBRARIES),
  reason: 'WASI_NN_HOST_TEST_WASMTIME and WASI_NN_HOST_TEST_WASMTIME_OPENVINO name no wasmtime and no OpenVINO for it',
};
const runtime = nativeRuntime();
const isSkipped = [peer, runtime].some((requirement) => skipUnless(requirement));

const BUILDERS = 64;
const TENSOR = 128;
const DIMENSIONS = 192;
const DATA = 256;
const OUTPUT = 512;
const NAME = 900;
const GRAPH = 1000;
const CONTEXT = 1004;
const WRITTEN = 1020;
const MODEL = 4096;
const HIGH = 0x7fff_fff0;
const END = 4 * 65536;

interface Tensor {
  dimensions?: readonly number[];
  type?: number;
  data?: Uint8Array;
  dimensionsAt?: number;
  dataAt?: number;
  at?: number;
}

/** A memory with a model and a tensor in it. */
function memoryWith(builders: readonly Uint8Array[], tensor: Tensor = {}): [number, Uint8Array][] {
  const { dimensions = [1, 4], type = 1, data = f32(-1, 2, -3, 4) } = tensor;
  const { dimensionsAt = DIMENSIONS, dataAt = DATA, at = TENSOR } = tensor;
  const pieces: [number, Uint8Array][] = [[at, u32(dimensionsAt, dimensions.length, type, dataAt, data.byteLength)]];
  if (dimensionsAt < END) pieces.push([dimensionsAt, u32(...dimensions)]);
  if (dataAt < END) pieces.push([dataAt, data]);
  const pairs: number[] = [];
  let model = MODEL;
  for (const bytes of builders) {
    pieces.push([model, bytes]);
    pairs.push(model, bytes.byteLength);
    model = (model + bytes.byteLength + 15) & ~15;
  }
  return [...pieces, [BUILDERS, u32(...pairs)], [NAME, utf8('name\xff')]];
}

const load = (count = 2, encoding = 0, target = 0, result = GRAPH) =>
  call('load', BUILDERS, count, encoding, target, result);
const init = (graph = 0, result = CONTEXT) => call('init_execution_context', graph, result);
const set = (context = 0, index = 0, at = TENSOR) => call('set_input', context, index, at);
const compute = (context = 0) => call('compute', context);
const get = (context = 0, index = 0, at = OUTPUT, byteLength = 64, result = WRITTEN) =>
  call('get_output', context, index, at, byteLength, result);
const ready = [load(), init()];
const computed = [...ready, set(), compute()];

const relu = smallModel('relu');
const [xml, weights] = smallModel('two-outputs') as [Uint8Array, Uint8Array];

/** Each: what memory holds, and the calls. Calls behind the one that ends wasmtime are not compared. */
const CASES: Record<string, [data: [number, Uint8Array][], steps: Step[]]> = {
  'all in order': [memoryWith(relu), [...computed, get(), dump(WRITTEN, 4), dump(OUTPUT, 20)]],
  'an input set twice': [memoryWith(relu), [...ready, set(), set(), compute(), get(), dump(OUTPUT, 16)]],
  'set again after computing': [memoryWith(relu), [...computed, set(), get(), dump(OUTPUT, 16)]],
  'an output before computing': [memoryWith(relu), [...ready, get(), dump(WRITTEN, 4)]],
  'computed without input': [memoryWith(relu), [...ready, compute(), get(), dump(WRITTEN, 4)]],
  'dimensions of the same size': [memoryWith(relu, { dimensions: [4, 1] }), [...ready, set(), compute(), get()]],
  'another rank': [memoryWith(relu, { dimensions: [4] }), [...ready, set()]],
  'another length': [memoryWith(relu, { dimensions: [1, 2], data: f32(1, 2) }), [...ready, set()]],
  'a scalar': [memoryWith(relu, { dimensions: [], data: f32(1) }), [...ready, set()]],
  'no elements': [memoryWith(relu, { dimensions: [1, 0], data: new Uint8Array(0) }), [...ready, set()]],
  'type i32 for f32': [memoryWith(relu, { type: 4 }), [...ready, set()]],
  'type f16 for f32': [memoryWith(relu, { type: 0, data: new Uint8Array(8) }), [...ready, set()]],
  'type f64 for f32': [memoryWith(relu, { type: 2, data: new Uint8Array(32) }), [...ready, set()]],
  'type i64 for f32': [memoryWith(relu, { type: 5, data: new Uint8Array(32) }), [...ready, set()]],
  'type 257 by its low byte': [memoryWith(relu, { type: 257 }), [...ready, set()]],
  'type 6': [memoryWith(relu, { type: 6 }), [...ready, set()]],
  'indices that are not there': [memoryWith(relu), [...ready, set(0, 1), set(0, -1), compute(), get(0, 1), get(0, -1)]],
  'bytes too few': [memoryWith(relu, { data: f32(1) }), [...ready, set()]],
  'bytes too few at an index not there': [memoryWith(relu, { data: f32(1) }), [...ready, set(0, 7)]],
  'bytes too many': [memoryWith(relu, { data: new Uint8Array(20) }), [...ready, set()]],
  'dimensions past 64 bits': [memoryWith(relu, { dimensions: [2 ** 31, 2 ** 31, 2 ** 31] }), [...ready, set()]],
  'dimensions that wrap to fit': [memoryWith(relu, { dimensions: [2 ** 31, 2 ** 31, 4, 4] }), [...ready, set()]],
  'an unknown context': [memoryWith(relu), [set(5), compute(5), get(5)]],
  'an unknown context, a tensor outside': [memoryWith(relu), [set(5, 0, HIGH)]],
  'an unknown context, a bad type': [memoryWith(relu, { type: 9 }), [set(5)]],
  'an unknown context, dimensions outside': [memoryWith(relu, { dimensionsAt: HIGH }), [set(5)]],
  'an unknown context, data outside': [memoryWith(relu, { dataAt: HIGH }), [set(5)]],
  'an unknown context, an output outside': [memoryWith(relu), [get(5, 0, HIGH, 16, HIGH)]],
  'dimensions outside': [memoryWith(relu, { dimensionsAt: HIGH }), [...ready, set()]],
  'data outside': [memoryWith(relu, { dataAt: HIGH }), [...ready, set()]],
  'a tensor off its alignment': [memoryWith(relu, { at: TENSOR + 1 }), [...ready, set(0, 0, TENSOR + 1)]],
  'dimensions off their alignment': [memoryWith(relu, { dimensionsAt: DIMENSIONS + 1 }), [...ready, set()]],
  'an output of exact size': [memoryWith(relu), [...computed, get(0, 0, OUTPUT, 16), dump(OUTPUT, 20)]],
  'an output too large': [
    memoryWith(relu),
    [...computed, get(0, 0, OUTPUT, 15), get(0, 0, OUTPUT, 0), dump(OUTPUT, 16)],
  ],
  'an output too large, its count outside': [memoryWith(relu), [...computed, get(0, 0, OUTPUT, 0, HIGH)]],
  'an output outside': [memoryWith(relu), [...computed, get(0, 0, HIGH, 16)]],
  'an output of nothing, outside': [memoryWith(relu), [...computed, get(0, 0, HIGH, 0)]],
  'an output of nothing at the end': [memoryWith(relu), [...computed, get(0, 0, END, 0)]],
  'an output outside at an index not there': [memoryWith(relu), [...computed, get(0, 7, HIGH, 16)]],
  'a count outside': [memoryWith(relu), [...computed, get(0, 0, OUTPUT, 16, HIGH)]],
  'a count off its alignment': [memoryWith(relu), [...computed, get(0, 0, OUTPUT, 16, WRITTEN + 1)]],
  'an unknown graph': [memoryWith(relu), [init(9), init(9, HIGH)]],
  'a context handle outside': [memoryWith(relu), [load(), init(0, HIGH)]],
  'a graph handle outside': [memoryWith(relu), [load(2, 0, 0, HIGH)]],
  'a graph handle outside for a load that fails': [memoryWith(relu), [load(1, 0, 0, HIGH)]],
  'no builders': [memoryWith(relu), [load(0), call('load', HIGH, 0, 0, 0, GRAPH)]],
  'one builder': [memoryWith(relu), [load(1)]],
  'three builders': [memoryWith([...relu, weights]), [load(3)]],
  'builders past the end': [memoryWith(relu), [load(0x2000_0000)]],
  'builders outside': [memoryWith(relu), [call('load', HIGH, 2, 0, 0, GRAPH)]],
  'the encoding PyTorch, builders outside': [memoryWith(relu), [call('load', HIGH, 2, 3, 0, GRAPH)]],
  'encoding 6': [memoryWith(relu), [load(2, 6)]],
  'encoding 99, target 99': [memoryWith(relu), [load(2, 99, 99)]],
  'encoding 256': [memoryWith(relu), [load(2, 256)]],
  'target 256': [memoryWith(relu), [load(2, 0, 256)]],
  'target gpu, a good and a bad model': [memoryWith(relu), [load(2, 0, 1), load(1, 0, 1)]],
  'target tpu': [memoryWith(relu), [load(2, 0, 2)]],
  'target tpu, one builder': [memoryWith(relu), [load(1, 0, 2)]],
  'an empty xml': [memoryWith([new Uint8Array(0), weights]), [load()]],
  'xml and weights exchanged': [memoryWith([weights, xml]), [load()]],
  'white space before the xml': [memoryWith([Buffer.concat([utf8(' \n\t'), xml]), weights]), [load()]],
  'a byte order mark before the xml': [
    memoryWith([Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), xml]), weights]),
    [load()],
  ],
  'weights longer than needed': [memoryWith([xml, Buffer.concat([weights, new Uint8Array(99)])]), [load()]],
  'weights missing': [memoryWith([xml, new Uint8Array(0)]), [load()]],
  'weights too short': [memoryWith([xml, weights.subarray(0, 20)]), [load()]],
  'names nobody registered': [
    memoryWith(relu),
    [call('load_by_name', NAME, 4, GRAPH), call('load_by_name', NAME, 0, HIGH)],
  ],
  'a name outside': [memoryWith(relu), [call('load_by_name', HIGH, 0, GRAPH)]],
  handles: [memoryWith(relu), [load(1), load(), load(), init(7), init(1), init(0), dump(GRAPH, 8)]],
  'two outputs': [memoryWith([xml, weights]), [...computed, get(0, 1), dump(OUTPUT, 4), dump(WRITTEN, 4)]],
  'rows of a dynamic batch': [
    memoryWith(smallModel('dynamic-batch')),
    [...computed, get(), dump(OUTPUT, 16), dump(WRITTEN, 4)],
  ],
  'no rows of a dynamic batch': [
    memoryWith(smallModel('dynamic-batch'), { dimensions: [0, 4], data: new Uint8Array(0) }),
    [...computed, get(), dump(WRITTEN, 4)],
  ],
  'a dynamic batch before and without input': [
    memoryWith(smallModel('dynamic-batch')),
    [...ready, get(), compute(), get(), dump(WRITTEN, 4)],
  ],
};

describe.skipIf(isSkipped)('the answers beside those of wasmtime', () => {
  const backend = new NativeBackend({ libraryPath: runtime.libraryPath });
  const wasmtime = { command: WASMTIME, env: { ...process.env, LD_LIBRARY_PATH: LIBRARIES } };

  it.concurrent.each(Object.keys(CASES))('%s', async (name) => {
    const [data, steps] = CASES[name] as (typeof CASES)[string];
    const script: Script = { data, steps };
    const ours = await runUnderHost(script, { create: createWasiNn, backend });
    const theirs = await runUnderWasmtime(script, wasmtime);
    const answered = theirs.answers.length;
    expect(ours.answers).toHaveLength(steps.length);
    expect(ours.answers.slice(0, answered)).toEqual(theirs.answers);
    if (answered === steps.length) return;
    const fatal = ours.answers[answered];
    expect(fatal, theirs.stderr).toBeOneOf([ERRNO.invalid_argument, ERRNO.runtime_error]);
    if (name !== 'target tpu') expect(fatal).toBe(ERRNO.invalid_argument);
  });
});

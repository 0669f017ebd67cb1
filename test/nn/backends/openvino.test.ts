/** What the native backend has beyond every backend's contract: loads that do not wait, sharing, times, inspection. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BackendGraph, LoadOptions } from '../../../src/nn/backend.ts';
import { NativeBackend } from '../../../src/nn/backends/openvino/backend.ts';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { f32, smallModel } from '../abi/guest.ts';
import { codeOf, MODELS, outputOf, row } from '../backend-contract.ts';

const runtime = nativeRuntime();
const IR: LoadOptions = { encoding: 'openvino', target: 'cpu' };

describe.skipIf(skipUnless(runtime))('the native backend', () => {
  const backend = new NativeBackend({ libraryPath: runtime.libraryPath });
  const graphs: BackendGraph[] = [];
  const held = (graph: BackendGraph) => {
    graphs.push(graph);
    return graph;
  };
  const relu = (graph: BackendGraph) => {
    const context = graph.initExecutionContext();
    context.setInput(0, row(f32(-1, 2, -3, 4)));
    context.compute();
    const output = outputOf(context, 0);
    context.dispose();
    return output;
  };

  afterEach(() => {
    for (const graph of graphs.splice(0)) graph.dispose();
  });

  it('loads without waiting, from bytes and from files, and tells whether it was there', async () => {
    const paths = [join(MODELS, 'relu', 'model.xml'), join(MODELS, 'relu', 'model.bin')];
    const first = held(await backend.loadAsync(smallModel('relu'), IR));
    const second = held(await backend.loadFilesAsync(paths, IR));
    const third = held(backend.load(smallModel('relu'), IR));
    expect([first.isHit, second.isHit, third.isHit]).toEqual([false, true, true]);
    expect([second.sharedId, third.sharedId]).toEqual([first.sharedId, first.sharedId]);
    expect(relu(second)).toEqual(f32(0, 2, 0, 4));
  });

  it('rejects what a load would throw', async () => {
    const rejection = (promise: Promise<unknown>) => promise.then(() => undefined, codeOfError);
    const codeOfError = (error: { code: string }) => error.code;
    expect(await rejection(backend.loadAsync([], IR))).toBe('ERR_NN_INVALID_ARGUMENT');
    expect(await rejection(backend.loadAsync(smallModel('relu'), { ...IR, target: 'tpu' }))).toBe(
      'ERR_NN_UNSUPPORTED_TARGET',
    );
    expect(await rejection(backend.loadFilesAsync(['/nonexistent', '/nonexistent'], IR))).toBe('ERR_NN_INVALID_MODEL');
    const noProperty = { ...IR, properties: { NO_SUCH_PROPERTY: '1' } };
    expect(await rejection(backend.loadAsync(smallModel('relu'), noProperty))).toBe('ERR_NN_PROPERTY');
  });

  it('adopts a graph as long as somebody holds it', () => {
    const graph = backend.load(smallModel('relu'), IR) as BackendGraph & { sharedId: number };
    const adopted = held(backend.adopt(graph.sharedId));
    graph.dispose();
    expect({ inputs: adopted.inputs, outputs: adopted.outputs }).toEqual({
      inputs: graph.inputs,
      outputs: graph.outputs,
    });
    expect(relu(adopted)).toEqual(f32(0, 2, 0, 4));
    adopted.dispose();
    expect(codeOf(() => backend.adopt(graph.sharedId))).toBe('ERR_NN_GRAPH_NOT_FOUND');
  });

  it('times operations where a graph was loaded for it, and only there', () => {
    const times = (options: LoadOptions) => {
      const context = held(backend.load(smallModel('two-outputs'), options)).initExecutionContext();
      context.compute();
      const operations = context.profile?.();
      context.dispose();
      return operations;
    };
    expect(times(IR)).toEqual([]);
    expect(times({ ...IR, profile: true })).toContainEqual({
      name: expect.stringMatching(/./),
      type: expect.stringMatching(/./),
      implementation: expect.stringMatching(/./),
      wallMs: expect.any(Number),
      cpuMs: expect.any(Number),
    });
    expect(times({ ...IR, profile: true, properties: { PERF_COUNT: 'NO' } })).toEqual([]);
  });

  it('tells inputs and outputs of a model that it does not compile', () => {
    const { inputs, outputs } = held(backend.load(smallModel('dynamic-batch'), IR));
    expect(backend.inspect(smallModel('dynamic-batch'), 'openvino')).toEqual({ inputs, outputs });
    expect(backend.inspect(smallModel('dynamic-batch'), 'autodetect')).toEqual({ inputs, outputs });
    expect(codeOf(() => backend.inspect([f32(1), f32(1)], 'openvino'))).toBe('ERR_NN_INVALID_MODEL');
  });
});

import { describe, expect, it } from 'vitest';
import { NativeBackend } from '../../../src/nn/backends/openvino/backend.ts';
import { streamProperties } from '../../../src/nn/backends/openvino/streams.ts';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { f32, smallModel } from '../abi/guest.ts';
import { outputOf, row } from '../backend-contract.ts';

describe('streams for callers at the same time', () => {
  it.each([
    [1, 1, undefined],
    [1, 64, undefined],
    [4, 1, undefined],
    [2, 2, '2'],
    [4, 2, '2'],
    [3, 8, '3'],
    [64, 16, '16'],
  ])('%s callers, %s processors: %s', (threads, cores, streams) => {
    expect(streamProperties(threads, cores)).toEqual(streams === undefined ? {} : { NUM_STREAMS: streams });
  });

  const runtime = nativeRuntime();
  it.skipIf(skipUnless(runtime))('are taken by the runtime, and change no byte of what it computes', () => {
    const backend = new NativeBackend({ libraryPath: runtime.libraryPath });
    const outputs = [1, 2, 4].map((threads) => {
      const properties = streamProperties(threads, 4);
      const graph = backend.load(smallModel('two-outputs'), { encoding: 'openvino', target: 'cpu', properties });
      const context = graph.initExecutionContext();
      context.setInput(0, row(f32(0.1, 0.2, 0.3, 0.4)));
      context.compute();
      const bytes = Buffer.concat([outputOf(context, 0), outputOf(context, 1)]).toString('hex');
      context.dispose();
      graph.dispose();
      return bytes;
    });
    expect(new Set(outputs).size).toBe(1);
  });
});

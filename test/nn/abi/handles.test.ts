import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/nn/abi/witx.ts';
import { AT, smallModel, TestGuest } from './guest.ts';

const { success, runtime_error, unsupported_operation, too_large } = ERRNO;

describe('the states of handles', () => {
  const operations: Record<string, (guest: TestGuest, context: number) => number> = {
    set_input: (guest, context) => guest.setInput(context),
    compute: (guest, context) => guest.call('compute', [context]),
    get_output: (guest, context) =>
      guest.call(
        'get_output',
        [context, 0, AT.output, 16, AT.written],
        [
          [AT.output, 16],
          [AT.written, 4],
        ],
      ),
    finalize_execution_context: (guest, context) => guest.call('finalize_execution_context', [context]),
  };
  const states: Record<string, (guest: TestGuest) => number> = {
    fresh: (guest) => guest.contextOf('relu'),
    'input set': (guest) => following(guest, ['set_input']),
    computed: (guest) => following(guest, ['set_input', 'compute']),
    'computed, input set again': (guest) => following(guest, ['set_input', 'compute', 'set_input']),
    'its graph unloaded': (guest) => {
      const context = guest.contextOf('relu');
      guest.call('unload', [0]);
      return context;
    },
  };
  function following(guest: TestGuest, names: string[]): number {
    const context = guest.contextOf('relu');
    for (const name of names) operations[name]?.(guest, context);
    return context;
  }

  for (const [state, prepare] of Object.entries(states)) {
    it.each(Object.keys(operations))(`a context ${state}: %s succeeds`, (name) => {
      const guest = new TestGuest();
      const context = prepare(guest);
      expect(operations[name]?.(guest, context)).toBe(success);
    });
  }

  it.each(Object.keys(operations))('a context that was released: %s is refused', (name) => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    guest.call('finalize_execution_context', [context]);
    expect(operations[name]?.(guest, context)).toBe(unsupported_operation);
    expect(guest.refusal().reason).toContain(`execution context ${context} was released`);
  });

  it.each(Object.keys(operations))('a context that never was: %s is refused', (name) => {
    const guest = new TestGuest();
    for (const context of [0, 7, -1]) {
      expect(operations[name]?.(guest, context)).toBe(unsupported_operation);
      expect(guest.refusal().reason).toContain(`execution context ${context >>> 0} was never given`);
    }
  });

  it.each(['unload', 'unload_graph'])('a graph after %s', (unload) => {
    const guest = new TestGuest();
    const graph = guest.load('relu');
    expect(guest.call(unload, [graph])).toBe(success);
    expect(guest.backend.live.graphs).toBe(0);
    expect(guest.call('init_execution_context', [graph, AT.context])).toBe(unsupported_operation);
    expect(guest.call(unload, [graph])).toBe(unsupported_operation);
  });

  it('all released when the guest ends, and nothing can be made after', () => {
    const guest = new TestGuest();
    guest.init(guest.load('relu'));
    guest.init(guest.load('add'));
    expect(guest.backend.live).toEqual({ graphs: 2, executionContexts: 2 });
    guest.nn.dispose();
    guest.nn.dispose();
    expect(guest.backend.live).toEqual({ graphs: 0, executionContexts: 0 });
    expect(guest.call('compute', [0])).toBe(unsupported_operation);
    guest.putBuilders(smallModel('relu'));
    expect(guest.plainCall('load', AT.builders, 2, 0, 0, AT.graph)).toBe(runtime_error);
  });
});

describe('limits', () => {
  it('bound graphs, contexts and the bytes of inputs', () => {
    const limits = { graphs: 2, executionContexts: 1, inputBytes: 40 };
    const guest = new TestGuest({ nn: { limits } });
    guest.load('relu');
    guest.load('relu');
    expect(guest.call('load', [AT.builders, 2, 0, 0, AT.graph])).toBe(too_large);
    expect(guest.refusal().reason).toBe('load: no further graph: the guest holds 2 already');
    const context = guest.init(0);
    expect(guest.call('init_execution_context', [0, AT.context])).toBe(too_large);
    guest.refusal();
    guest.call('unload', [0]);
    expect(guest.load('dynamic-batch')).toBe(2);
    expect(guest.call('finalize_execution_context', [context])).toBe(success);
    const rows = guest.init(2);
    const three = { dimensions: [3, 4], data: new Uint8Array(48) };
    expect(guest.setInput(rows, 0, { dimensions: [2, 4], data: new Uint8Array(32) })).toBe(success);
    expect(guest.setInput(rows, 0, three)).toBe(too_large);
    expect(guest.refusal().reason).toBe('set_input 0: all inputs would keep 48 bytes, at most 40 may');
    expect(guest.setInput(rows)).toBe(success);
  });

  it('count the inputs of released contexts no more', () => {
    const guest = new TestGuest({ nn: { limits: { inputBytes: 20 } } });
    guest.load('relu');
    for (let round = 0; round < 5; round++) {
      const context = guest.init(0);
      expect(guest.setInput(context)).toBe(success);
      guest.call('finalize_execution_context', [context]);
    }
  });

  it('bound the bytes of outputs, and count those of released contexts no more', () => {
    const guest = new TestGuest({ nn: { limits: { outputBytes: 40 } } });
    const graph = guest.load('relu');
    const [first] = [guest.init(graph), guest.init(graph)];
    expect(guest.call('init_execution_context', [graph, AT.context])).toBe(too_large);
    expect(guest.refusal().reason).toBe('init_execution_context: all outputs would take 48 bytes, at most 40 may');
    expect(guest.backend.live.executionContexts).toBe(2);
    expect(guest.call('finalize_execution_context', [first as number])).toBe(success);
    guest.init(graph);
  });

  it('count outputs of a size that is computed once they have it', () => {
    const guest = new TestGuest({ nn: { limits: { outputBytes: 40 } } });
    const context = guest.init(guest.load('dynamic-batch'));
    const rows = (count: number) => ({ dimensions: [count, 4], data: new Uint8Array(16 * count) });
    expect(guest.setInput(context, 0, rows(3))).toBe(success);
    expect(guest.call('compute', [context])).toBe(success);
    expect(guest.call('compute', [context])).toBe(too_large);
    expect(guest.refusal().reason).toBe('compute: all outputs would take 48 bytes, at most 40 may');
    expect(guest.call('finalize_execution_context', [context])).toBe(success);
    const next = guest.init(0);
    for (const count of [2, 1, 2]) {
      expect(guest.setInput(next, 0, rows(count))).toBe(success);
      expect(guest.call('compute', [next])).toBe(success);
    }
  });

  it('bound the size of a tensor that a model fixes, and release the model', () => {
    const guest = new TestGuest({ nn: { limits: { tensorBytes: 15 } } });
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 2, 0, 0, AT.graph])).toBe(too_large);
    expect(guest.refusal().reason).toBe("load: 'x' [1,4] f32 would take 16 bytes, at most 15 may");
    expect(guest.backend.live.graphs).toBe(0);
  });
});

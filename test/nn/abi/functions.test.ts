import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/errors.ts';
import { ENCODINGS, ERRNO, PARAMETER_COUNTS } from '../../../src/nn/abi/witx.ts';
import { AT, f32, smallModel, TestGuest } from './guest.ts';

const { success, runtime_error, unsupported_operation, too_large } = ERRNO;

describe('a guest that does everything right', () => {
  it('gets the outputs of its inputs', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.setInput(context)).toBe(success);
    expect(guest.call('compute', [context])).toBe(success);
    expect(guest.getOutput(context, 16)).toEqual(f32(0, 2, 0, 4));
    expect(guest.refusals).toEqual([]);
  });

  it('writes no byte behind an output in a buffer larger than it', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    guest.setInput(context);
    guest.call('compute', [context]);
    const writes = [
      [AT.output, 16],
      [AT.written, 4],
    ] as const;
    expect(guest.call('get_output', [context, 0, AT.output, 64, AT.written], writes)).toBe(success);
    expect(guest.readU32(AT.written)).toBe(16);
  });

  it('gets handles from 0 upward, which are never used twice', () => {
    const guest = new TestGuest();
    expect([guest.load('relu'), guest.load('add')]).toEqual([0, 1]);
    expect([guest.init(1), guest.init(0), guest.init(0)]).toEqual([0, 1, 2]);
    expect(guest.call('unload', [1])).toBe(success);
    expect(guest.call('finalize_execution_context', [2])).toBe(success);
    expect([guest.load('relu'), guest.init(0)]).toEqual([2, 3]);
  });

  it('uses a handle only for a call that succeeds', () => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 1, 0, 0, AT.graph])).toBe(runtime_error);
    expect(guest.call('init_execution_context', [0, AT.context])).toBe(unsupported_operation);
    expect([guest.load('relu'), guest.init(0)]).toEqual([0, 0]);
  });

  it('has several inputs, outputs, graphs and contexts apart', () => {
    const guest = new TestGuest();
    const add = guest.contextOf('add');
    const two = guest.contextOf('two-outputs');
    const other = guest.init(0);
    guest.setInput(add, 0, { data: f32(1, 2, 3, 4) });
    guest.setInput(add, 1, { data: f32(10, 20, 30, 40) });
    guest.setInput(two, 0, { data: f32(1, 1, 2, 2) });
    guest.setInput(other, 0, { data: f32(5, 5, 5, 5) });
    for (const context of [add, two, other]) expect(guest.call('compute', [context])).toBe(success);
    expect(guest.getOutput(add, 16)).toEqual(f32(11, 22, 33, 44));
    expect(guest.getOutput(two, 16, 0)).toEqual(f32(1, 2, 6, 8));
    expect(guest.getOutput(two, 4, 1)).toEqual(f32(6));
    expect(guest.getOutput(other, 16)).toEqual(f32(5, 5, 5, 5));
  });

  it('may use its buffer again right after set_input', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    guest.setInput(context);
    guest.bytes(AT.data, 16).fill(0);
    guest.call('compute', [context]);
    expect(guest.getOutput(context, 16)).toEqual(f32(0, 2, 0, 4));
  });

  it('computes with inputs of zero when it sets none, and reads zeros before it computes', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('relu');
    expect(guest.getOutput(context, 16)).toEqual(f32(0, 0, 0, 0));
    expect(guest.call('compute', [context])).toBe(success);
    expect(guest.getOutput(context, 16)).toEqual(f32(0, 0, 0, 0));
  });

  it('sets dynamic dimensions anew for each computation', () => {
    const guest = new TestGuest();
    const context = guest.contextOf('dynamic-batch');
    for (const rows of [1, 3, 0, 2]) {
      const data = f32(...Array.from({ length: rows * 4 }, (_, index) => index - 2));
      expect(guest.setInput(context, 0, { dimensions: [rows, 4], data })).toBe(success);
      expect(guest.call('compute', [context])).toBe(success);
      expect(guest.getOutput(context, 64)).toHaveLength(rows * 16);
    }
  });
});

describe('what a backend throws', () => {
  function guestOver(fault: unknown): TestGuest {
    const guest: TestGuest = new TestGuest({
      nn: {
        backend: () => {
          throw fault;
        },
      },
    });
    guest.putBuilders(smallModel('relu'));
    return guest;
  }

  it.each([
    [new BackendError('ERR_NN_RUNTIME_NOT_FOUND', 'no OpenVINO runtime was found'), runtime_error],
    [new BackendError('ERR_NN_OUT_OF_MEMORY', 'no memory is left'), too_large],
    [new TypeError('a fault of the host'), runtime_error],
    ['a text', runtime_error],
  ])('never reaches the guest, and is told with its reason: %s', (fault, errno) => {
    const guest = guestOver(fault);
    expect(guest.call('load', [AT.builders, 2, 0, 0, AT.graph])).toBe(errno);
    const message = fault instanceof Error ? fault.message : fault;
    expect(guest.refusal()).toMatchObject({ call: 'load', errno, reason: `load: ${message}`, cause: fault });
  });

  it('is asked for only when a guest loads a graph', () => {
    const guest = guestOver(new Error('asked'));
    guest.call('compute', [0]);
    guest.call('load', [AT.builders, 2, ENCODINGS.indexOf('pytorch'), 0, AT.graph]);
    expect(guest.refusals.map((refusal) => refusal.errno)).toEqual([unsupported_operation, unsupported_operation]);
  });
});

describe('targets', () => {
  it.each([1, 2])('target %i without a device is a runtime error, as under wasmtime', (target) => {
    const guest = new TestGuest();
    guest.putBuilders(smallModel('relu'));
    expect(guest.call('load', [AT.builders, 2, 0, target, AT.graph])).toBe(runtime_error);
  });
});

it('imports every function under its name, and no other', () => {
  expect(Object.keys(new TestGuest().nn.imports).sort()).toEqual(Object.keys(PARAMETER_COUNTS).sort());
});

it('passes the properties of the host to every graph', () => {
  const guest = new TestGuest({ nn: { properties: { INFERENCE_PRECISION_HINT: 'f32' } } });
  guest.load('relu');
  expect(guest.backend.loads).toEqual([
    { encoding: 'openvino', target: 'cpu', properties: { INFERENCE_PRECISION_HINT: 'f32' } },
  ]);
});

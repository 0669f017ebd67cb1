import { describe, expect, it } from 'vitest';
import { BackendError, ERROR_CODES, type ErrorCode, HostError } from '../../../src/errors.ts';
import { GuestFault } from '../../../src/guest/memory.ts';
import { CallRefused, ERRNO_OF_CODE, errnoOf } from '../../../src/nn/abi/errno.ts';
import { ELEMENT_BYTES, ENCODINGS, ERRNO, elementTypeOf, TARGETS, TENSOR_TYPES } from '../../../src/nn/abi/witx.ts';

describe('the errno of', () => {
  const codes = Object.keys(ERROR_CODES).filter((code) => code.startsWith('ERR_NN_')) as ErrorCode[];

  it.each(codes)('%s stands in the one table', (code) => {
    const name = ERRNO_OF_CODE[code];
    expect(name).toBeDefined();
    expect(errnoOf(new BackendError(code, 'a reason'))).toEqual({ errno: ERRNO[name ?? 'success'], errnoName: name });
    expect(ERRNO[name ?? 'success']).toBeGreaterThan(0);
  });

  it.each([
    ['a call refused by the ABI', new CallRefused('too_large', 'x'), 'too_large'],
    ['a pointer outside memory', new GuestFault('x'), 'invalid_argument'],
    ['another fault of ours', new HostError('ERR_RELEASED', 'x'), 'runtime_error'],
    ['an addon that is not there', new HostError('ERR_ADDON_UNAVAILABLE', 'x'), 'runtime_error'],
    ['a fault of the host', new RangeError('x'), 'runtime_error'],
    ['something thrown that is no error', undefined, 'runtime_error'],
  ])('%s', (_name, error, expected) => {
    expect(errnoOf(error).errnoName).toBe(expected);
  });
});

describe('the numbers of the specification', () => {
  it('count errnos, encodings and targets from 0', () => {
    expect(Object.values(ERRNO)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ENCODINGS).toEqual(['openvino', 'onnx', 'tensorflow', 'pytorch', 'tensorflowlite', 'autodetect']);
    expect(TARGETS).toEqual(['cpu', 'gpu', 'tpu']);
  });

  it.each([2019, 2022] as const)('tell every tensor type of the revision of %i by its bytes', (revision) => {
    TENSOR_TYPES[revision].forEach((elementType, number) => {
      for (const count of [1, 3, 602_112]) {
        expect(elementTypeOf(number, count, count * ELEMENT_BYTES[elementType])).toBe(elementType);
      }
    });
  });

  it('know no tensor type beyond both', () => {
    for (const number of [6, 7, 255]) expect(elementTypeOf(number, 1, 4)).toBeUndefined();
  });

  it('mean the newer revision where no length or both tell', () => {
    expect([2, 3].map((number) => elementTypeOf(number, 0, 0))).toEqual(['f64', 'u8']);
    expect([2, 3].map((number) => elementTypeOf(number, 4, 5))).toEqual(['f64', 'u8']);
  });
});

/** The one place where faults become numbers of the specification. */
import { type ErrorCode, HostError } from '../../errors.ts';
import { GuestFault } from '../../guest/memory.ts';
import { ERRNO, type ErrnoName } from './witx.ts';

/** A call refused by the ABI itself: what it was given cannot be understood. Never leaves `nn/abi/`. */
export class CallRefused extends Error {
  readonly errnoName: ErrnoName;

  constructor(errnoName: ErrnoName, reason: string) {
    super(reason);
    this.name = 'CallRefused';
    this.errnoName = errnoName;
  }
}

/**
 * What a guest is told for each fault of the backend. Where wasmtime answers, this is its answer; it ends the guest for
 * tensors whose bytes do not fit and for TPU, and knows nothing of the rest.
 */
export const ERRNO_OF_CODE: Readonly<Partial<Record<ErrorCode, ErrnoName>>> = {
  ERR_ADDON_UNAVAILABLE: 'runtime_error',
  ERR_NN_RUNTIME_NOT_FOUND: 'runtime_error',
  ERR_NN_RUNTIME_INVALID: 'runtime_error',
  ERR_NN_RUNTIME_CONFLICT: 'runtime_error',
  ERR_NN_RUNTIME_SETUP: 'runtime_error',
  ERR_NN_BACKEND_UNAVAILABLE: 'runtime_error',
  ERR_NN_INVALID_ARGUMENT: 'runtime_error',
  ERR_NN_UNSUPPORTED_ENCODING: 'unsupported_operation',
  ERR_NN_UNSUPPORTED_TARGET: 'runtime_error',
  ERR_NN_UNSUPPORTED_TYPE: 'unsupported_operation',
  ERR_NN_EXTERNAL_DATA: 'runtime_error',
  ERR_NN_INVALID_MODEL: 'runtime_error',
  ERR_NN_MODEL_LIMIT: 'too_large',
  ERR_NN_COMPILE: 'runtime_error',
  ERR_NN_INDEX: 'runtime_error',
  ERR_NN_TENSOR_SIZE: 'invalid_argument',
  ERR_NN_TENSOR_MISMATCH: 'runtime_error',
  ERR_NN_BUFFER_TOO_SMALL: 'too_large',
  ERR_NN_NO_OUTPUT: 'runtime_error',
  ERR_NN_INFER: 'runtime_error',
  ERR_NN_CANCELLED: 'runtime_error',
  ERR_NN_BUSY: 'busy',
  ERR_NN_COMPILE_LIMIT: 'busy',
  ERR_NN_OUT_OF_MEMORY: 'too_large',
  ERR_NN_GRAPH_NOT_FOUND: 'unsupported_operation',
  ERR_NN_MODEL_NOT_FOUND: 'runtime_error',
  ERR_NN_PROPERTY: 'runtime_error',
};

/** Name and number for whatever a call threw. A fault without a code is the host's own, never the guest's argument. */
export function errnoOf(error: unknown): { errno: number; errnoName: ErrnoName } {
  const errnoName = errnoNameOf(error);
  return { errno: ERRNO[errnoName], errnoName };
}

function errnoNameOf(error: unknown): ErrnoName {
  if (error instanceof CallRefused) return error.errnoName;
  if (error instanceof GuestFault) return 'invalid_argument';
  if (error instanceof HostError) return ERRNO_OF_CODE[error.code] ?? 'runtime_error';
  return 'runtime_error';
}

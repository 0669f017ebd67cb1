/**
 * Every error that this package throws on purpose.
 *
 * The guest never sees these: it gets an errno (see `nn/abi/errno.ts`, `wasi/errno.ts`). They are for the embedder, who
 * may tell them apart by `code`, a stable string; messages may change.
 */

import { getSystemErrorMap } from 'node:util';
import type { RunUsage } from './engine/run-report.ts';

/** Codes and what each means. The table is the reference: documentation and tests walk it. */
export const ERROR_CODES = {
  ERR_OPTION_INVALID: 'an option or argument of the API or the command line has the wrong type, range or form',
  ERR_RELEASED: 'the object was released before',
  ERR_ADDON_UNAVAILABLE: 'the native addon is not built for this machine, or cannot be loaded',

  ERR_MODULE_NOT_FOUND: 'the module file cannot be read',
  ERR_MODULE_COMPILE: 'the bytes are not a valid WebAssembly module',
  ERR_MODULE_LINK: 'the module imports something that nobody provides, or of another type',
  ERR_MODULE_EXPORT: 'the module lacks the export that was asked for, or its signature does not fit the arguments',
  ERR_MODULE_LIMIT: 'the module asks for more memory or table elements than it may have',

  ERR_GUEST_TRAP: 'the guest trapped',
  ERR_GUEST_EXCEPTION: 'the guest threw a WebAssembly exception that it did not catch',
  ERR_GUEST_TIMEOUT: 'the guest ran longer than it may',
  ERR_GUEST_ABORTED: 'the signal given for the run ended it',
  ERR_GUEST_OUTPUT_LIMIT: 'the guest wrote more to stdout and stderr than it may',
  ERR_GUEST_HEAP_LIMIT: 'objects of the guest on the heap of JavaScript took more than its thread may have',
  ERR_GUEST_CRASHED: 'the process or thread that the guest ran in died',

  ERR_POOL_QUEUE_FULL: 'as many runs wait for a worker as may wait',
  ERR_POOL_QUEUE_TIMEOUT: 'the run waited longer for a worker than it may',
  ERR_POOL_CLOSED: 'the pool is closed or was aborted and takes no more runs',

  ERR_STDIO: 'a standard stream cannot be opened, or a stream of the embedder failed while the guest used it',
  ERR_PREOPEN: 'a directory to be preopened cannot be opened, or a descriptor is no socket',

  ERR_NN_RUNTIME_NOT_FOUND: 'no OpenVINO runtime was found in any place of the search',
  ERR_NN_RUNTIME_INVALID: 'a library was found but cannot be opened, or lacks symbols that every supported version has',
  ERR_NN_RUNTIME_CONFLICT: 'this process has opened another OpenVINO runtime already',
  ERR_NN_RUNTIME_SETUP: 'the OpenVINO runtime could not be fetched or unpacked',
  ERR_NN_BACKEND_UNAVAILABLE: 'the inference backend that was asked for cannot be used here',
  ERR_NN_INVALID_ARGUMENT: 'a call with the wrong number of builders, an unknown encoding, or the like',
  ERR_NN_UNSUPPORTED_ENCODING: 'no backend here reads this encoding',
  ERR_NN_UNSUPPORTED_TARGET: 'no device here serves this execution target',
  ERR_NN_UNSUPPORTED_TYPE: 'the backend cannot take or give tensors of this element type',
  ERR_NN_EXTERNAL_DATA: 'the model names files outside its own bytes; it is never given to the runtime',
  ERR_NN_INVALID_MODEL: 'the bytes are not a model of this encoding, or are damaged',
  ERR_NN_MODEL_LIMIT: 'the inputs and outputs of the model take more memory than they may',
  ERR_NN_COMPILE: 'the runtime read the model but cannot compile it for the device',
  ERR_NN_INDEX: 'the model has no input or output of this index or name',
  ERR_NN_TENSOR_SIZE: 'the bytes of a tensor do not fit its dimensions and element type',
  ERR_NN_TENSOR_MISMATCH: 'the runtime refuses the tensor: another element type or shape than the model has',
  ERR_NN_BUFFER_TOO_SMALL: 'the output does not fit the buffer; nothing was written',
  ERR_NN_NO_OUTPUT: 'the output has no bytes yet: nothing was computed',
  ERR_NN_INFER: 'the runtime failed while computing',
  ERR_NN_CANCELLED: 'a compilation, an inference or another call was cut short, since its guest was ended',
  ERR_NN_BUSY: 'the execution context is computing',
  ERR_NN_COMPILE_LIMIT: 'as many models as may be are still compiling for guests that were ended',
  ERR_NN_OUT_OF_MEMORY: 'memory ran out while a model was loaded or computed',
  ERR_NN_GRAPH_NOT_FOUND: 'no graph is registered under this name',
  ERR_NN_MODEL_NOT_FOUND: 'a directory or file of a model is not there, or cannot be read',
  ERR_NN_PROPERTY: 'the runtime or the device does not know this property, or refuses its value',
} as const;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

const MAX_MESSAGE_CHARACTERS = 4_000;

/**
 * Text that may hold names of a guest's choice, as one line that a terminal shows and does not obey.
 * @param maxCharacters the rest is cut off
 */
export function printable(text: string, maxCharacters: number = MAX_MESSAGE_CHARACTERS): string {
  const line = text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters)}…`;
}

/** `No such file or directory (os error 2)`: the system's words for what a file call of Node threw. */
export function systemReason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  if (errno === undefined || words === undefined) return message;
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} (os error ${-errno})`;
}

/** The package is bundled into several files, each with classes of its own. */
const BRAND = Symbol.for('wasi-nn-host:HostError');

/** Base of all errors of this package. Messages are one printable line, whatever a module's names hold. */
export class HostError extends Error {
  static {
    Object.defineProperty(HostError.prototype, BRAND, { value: true });
  }

  /** Of its class, written out: a bundle may call the class otherwise. */
  override readonly name: string = 'HostError';
  /** Stable code, see {@link ERROR_CODES}. */
  readonly code: ErrorCode;

  /** @param message made one printable line */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(printable(message), options);
    this.code = code;
  }
}

/** Whether it is one, from whichever of the package's files. */
export function isHostError(error: unknown): error is HostError {
  return error instanceof Error && BRAND in error;
}

/** A wrong option or argument: the caller has to change the call. */
export class OptionError extends HostError {
  override readonly name: string = 'OptionError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_OPTION_INVALID', message, options);
  }
}

/** The module cannot be compiled, linked, or called in the way that was asked for. */
export class ModuleError extends HostError {
  override readonly name: string = 'ModuleError';
}

/** The guest ended in a trap, in an exception of its own, by a limit, or with the worker that it ran in. */
export class GuestTrapError extends HostError {
  override readonly name: string = 'GuestTrapError';
  /**
   * Wasm frames, innermost first, one line each: index, offset in the module, module name, function name. Empty where the
   * engine gave none.
   */
  readonly backtrace: readonly string[];
  /** What the guest had written until then, where that was to be captured. */
  readonly stdout: Buffer | undefined;
  /** The same of standard error. */
  readonly stderr: Buffer | undefined;
  /** What it used until then. Undefined for calls of an instance that stays. */
  readonly usage: RunUsage | undefined;

  constructor(code: ErrorCode, message: string, options: GuestTrapDetails = {}) {
    super(code, message, options);
    this.backtrace = options.backtrace ?? [];
    this.stdout = options.stdout;
    this.stderr = options.stderr;
    this.usage = options.usage;
  }
}

/** What is known of a guest that failed, see {@link GuestTrapError}. */
export interface GuestTrapDetails {
  /** What the engine or the host threw. */
  cause?: unknown;
  /** Default: none. */
  backtrace?: readonly string[] | undefined;
  /** What was captured. */
  stdout?: Buffer | undefined;
  /** What was captured. */
  stderr?: Buffer | undefined;
  /** What the guest used. */
  usage?: RunUsage | undefined;
}

/** A pool takes no run, or lost the worker of one. */
export class PoolError extends HostError {
  override readonly name: string = 'PoolError';
}

/** The inference runtime, a model, or a tensor: everything under wasi-nn. */
export class BackendError extends HostError {
  override readonly name: string = 'BackendError';
}

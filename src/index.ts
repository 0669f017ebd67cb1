/**
 * Runs unmodified WebAssembly guests that use wasi-nn, in V8, with OpenVINO in this process.
 *
 * @example
 * const host = new Host();
 * const module = await host.compile('classify.wasm');
 * const { exitCode, stdout } = await host.run(module, { preopens: [{ hostPath: 'digits', guestPath: 'fixture' }] });
 *
 * @packageDocumentation
 */

export type { NamedGraph } from './engine/nn-support.ts';
export {
  BackendError,
  ERROR_CODES,
  type ErrorCode,
  GuestTrapError,
  HostError,
  ModuleError,
  OptionError,
} from './errors.ts';
export { GuestModule, Host, type HostRunResult } from './host/host.ts';
export type {
  BackendChoice,
  HostOptions,
  HostPreopen,
  HostRunOptions,
  HostSink,
  HostSource,
} from './host/host-options.ts';
export type {
  Backend,
  BackendExecutionContext,
  BackendGraph,
  ElementType,
  Encoding,
  ExecutionTarget,
  LoadOptions,
  Tensor,
  TensorInfo,
} from './nn/backend.ts';
export type { Refusal } from './nn/index.ts';
export type { GraphRegistry } from './nn/registry.ts';
export { SymbolicLink } from './wasi/index.ts';

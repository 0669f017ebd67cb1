/**
 * Runs unmodified WebAssembly guests that use wasi-nn, in V8, with OpenVINO in this process.
 *
 * {@link Host} is where to begin; {@link Pool} runs many guests with workers of its own. Times are in milliseconds and sizes in
 * bytes, as their names say. What is thrown on purpose is a {@link HostError}, with a code out of {@link ERROR_CODES}.
 *
 * @example
 * const host = new Host();
 * const module = await host.compile('classify.wasm');
 * const { exitCode, stdout } = await host.run(module, { preopens: [{ hostPath: 'digits', guestPath: 'fixture' }] });
 *
 * @module wasi-nn-host
 */

export type {
  GuestUsage,
  LeftOut,
  LoadCounts,
  MemorySample,
  OperationTime,
  PhaseUsage,
  RefusedCall,
  RefusedCalls,
  RunMode,
  RunReport,
  RunSpan,
  RunUsage,
  SpanName,
} from './engine/run-report.ts';
export {
  BackendError,
  ERROR_CODES,
  type ErrorCode,
  type GuestTrapDetails,
  GuestTrapError,
  HostError,
  ModuleError,
  OptionError,
  PoolError,
} from './errors.ts';
export type { CallOptions, GuestCallResult, GuestInstance, InstanceMemory, WasmValue } from './host/guest-instance.ts';
export { GuestModule, type ModuleInput } from './host/guest-module.ts';
export { Host } from './host/host.ts';
export type { GraphInfo, GraphOptions, HostGraphs } from './host/host-graphs.ts';
export type { ModelStats } from './host/host-inference.ts';
export type {
  BackendChoice,
  CompileOptions,
  HostOptions,
  HostPreopen,
  HostRunOptions,
  HostSink,
  HostSource,
  PoolOptions,
  RunLimits,
} from './host/host-options.ts';
export type { HostInstanceOptions } from './host/instantiate.ts';
export type { ModuleStats } from './host/module-cache.ts';
export { Pool, type PoolRunOptions } from './host/pool.ts';
export type { CapturesStderr, CapturesStdout, HostRunResult } from './host/run-result.ts';
export type { ElementType, Encoding, ExecutionTarget, TensorInfo } from './nn/backend.ts';
export type { Refusal } from './nn/index.ts';
export type { Isolation, PoolStats, QueueKey, WorkerPoolOptions } from './pool/contract.ts';
export type { StdioOptions } from './stdio/contract.ts';
export type { ByteSink } from './stdio/stream-sink.ts';
export type { ByteStream } from './stdio/stream-source.ts';
export {
  CHANNELS,
  type ChannelName,
  type GraphReport,
  type PhaseReport,
  type RunStart,
} from './telemetry/channels.ts';
export { renderTimeline, type TimelineFormat, type TimelineSource } from './telemetry/timeline.ts';
export { SymbolicLink } from './wasi/index.ts';

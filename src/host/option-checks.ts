/** Checks of what an embedder asks of a host, a pool and a run. */
import { existsSync } from 'node:fs';
import { BACKEND_CHOICES } from '../engine/default-backends.ts';
import {
  BOOLEAN,
  BYTES,
  checkNames,
  checkTextArray,
  checkTexts,
  DURATION,
  invalidOption,
  isBoolean,
  isCount,
  isDescriptor,
  isDuration,
  isFunction,
  isObject,
  isPlace,
  isText,
  isTime,
  MILLISECONDS,
  oneOf,
  optional,
} from '../options.ts';
import { ISOLATIONS } from '../pool/contract.ts';
import { isByteSink } from '../stdio/stream-sink.ts';
import { isByteStream } from '../stdio/stream-source.ts';
import type { Preopen } from '../wasi/index.ts';
import {
  type CompileOptions,
  type HostOptions,
  type HostPreopen,
  type HostRunOptions,
  type HostSink,
  type HostSource,
  MODES,
  type PoolOptions,
  type RunLimits,
} from './host-options.ts';

const HOST_OPTIONS = [
  'backend',
  'openvinoDir',
  'properties',
  'allowedGuestProperties',
  'onRefused',
  'maxModuleBytes',
  'maxModelBytes',
  'pool',
] as const satisfies readonly (keyof HostOptions)[];

const POOL_OPTIONS = [
  'threads',
  'maxQueue',
  'isolation',
  'maxHeapBytes',
  'maxRunsPerProcess',
  'defaults',
] as const satisfies readonly (keyof PoolOptions)[];

const LIMITS = [
  'maxMemoryBytes',
  'maxTableElements',
  'maxMemoryFileBytes',
  'maxOutputBytes',
  'maxCaptureBytes',
  'timeoutMs',
  'maxQueueMs',
] as const satisfies readonly (keyof RunLimits)[];

const RUN_OPTIONS = [
  'args',
  'argv0',
  'env',
  'preopens',
  'stdin',
  'stdout',
  'stderr',
  'invoke',
  'wasiNn',
  'graphs',
  'signal',
  'mode',
  'tenant',
  'priority',
  'timeline',
  ...LIMITS,
] as const satisfies readonly (keyof HostRunOptions)[];

/** @throws OptionError */
export function checkHostOptions(options: HostOptions): void {
  checkNames('options', options, HOST_OPTIONS);
  const { openvinoDir, onRefused, pool } = options;
  oneOf('backend', options.backend, BACKEND_CHOICES);
  optional('openvinoDir', openvinoDir, isText, 'a path');
  optional('openvinoDir', openvinoDir, existsSync, 'the path of a directory or library that is there');
  checkTexts('properties', options.properties);
  checkTextArray('allowedGuestProperties', options.allowedGuestProperties);
  optional('onRefused', onRefused, isFunction, 'a function');
  optional('maxModuleBytes', options.maxModuleBytes, isCount, BYTES);
  optional('maxModelBytes', options.maxModelBytes, isCount, BYTES);
  if (pool !== undefined) checkPoolOptions('pool', pool);
}

/** @throws OptionError */
export function checkCompileOptions(options: CompileOptions): void {
  checkNames('options', options, ['name', 'maxMemoryBytes', 'maxTableElements']);
  const { name, maxMemoryBytes, maxTableElements } = options;
  optional('name', name, isText, 'text');
  checkLimits('', { maxMemoryBytes, maxTableElements });
}

/** @param what `pool` where it is an option itself @throws OptionError */
export function checkPoolOptions(what: string, options: PoolOptions): void {
  checkNames(what, options, POOL_OPTIONS);
  const name = (key: keyof PoolOptions) => (what === 'options' ? key : `${what}.${key}`);
  const isNumberOfThreads = (value: unknown) => isCount(value) && value > 0 && value <= MOST_THREADS;
  optional(name('threads'), options.threads, isNumberOfThreads, `a whole number from 1 to ${MOST_THREADS}`);
  optional(name('maxQueue'), options.maxQueue, isCount, 'a whole number');
  oneOf(name('isolation'), options.isolation, ISOLATIONS);
  optional(name('maxHeapBytes'), options.maxHeapBytes, isCount, BYTES);
  checkRunsPerProcess(name('maxRunsPerProcess'), options);
  if (options.defaults === undefined) return;
  checkNames(name('defaults'), options.defaults, LIMITS);
  checkLimits(`${name('defaults')}.`, options.defaults);
}

const MOST_THREADS = 1024;

function checkRunsPerProcess(what: string, { maxRunsPerProcess, isolation }: PoolOptions): void {
  optional(what, maxRunsPerProcess, (value) => isCount(value) && value > 0, 'a whole number from 1');
  if (maxRunsPerProcess === undefined || isolation === 'process') return;
  throw invalidOption(what, "none: only a pool with isolation 'process' has processes", maxRunsPerProcess);
}

/** @throws OptionError */
export function checkRunOptions(options: HostRunOptions): void {
  checkNames('options', options, RUN_OPTIONS);
  checkTextArray('args', options.args);
  optional('argv0', options.argv0, isText, 'text');
  checkEnvironment(options.env);
  optional('preopens', options.preopens, Array.isArray, 'an array of directories and sockets');
  optional('wasiNn', options.wasiNn, isBoolean, BOOLEAN);
  checkGrants(options.graphs);
  checkLimits('', options);
  optional('signal', options.signal, (value) => value instanceof AbortSignal, 'an AbortSignal');
  oneOf('mode', options.mode, MODES);
  optional('tenant', options.tenant, isText, 'text');
  optional('priority', options.priority, Number.isFinite, 'a number');
  optional('timeline', options.timeline, isBoolean, BOOLEAN);
  if (options.invoke !== undefined) checkInvoke(options.invoke);
  for (const key of ['stdout', 'stderr'] as const) if (options[key] !== undefined) checkSink(key, options[key]);
  if (options.stdin !== undefined) checkSource(options.stdin);
}

/** A guest could not tell such names from values, or would read half of them. */
function checkEnvironment(env: HostRunOptions['env']): void {
  checkTexts('env', env);
  const wrong = Object.keys(env ?? {}).find((name) => name === '' || /[=\0]/.test(name));
  if (wrong !== undefined) throw invalidOption('env', "names that are not empty, without '=' and NUL", wrong);
}

/** @param before what stands before the name of each */
function checkLimits(before: string, limits: RunLimits): void {
  const bytes = ['maxMemoryBytes', 'maxMemoryFileBytes', 'maxOutputBytes', 'maxCaptureBytes'] as const;
  for (const key of bytes) optional(`${before}${key}`, limits[key], isCount, BYTES);
  optional(`${before}maxTableElements`, limits.maxTableElements, isCount, 'a whole number');
  optional(`${before}timeoutMs`, limits.timeoutMs, isDuration, DURATION);
  optional(`${before}maxQueueMs`, limits.maxQueueMs, isTime, MILLISECONDS);
}

function checkGrants(graphs: HostRunOptions['graphs']): void {
  if (Array.isArray(graphs)) checkTextArray('graphs', graphs);
  else if (isObject(graphs)) checkTexts('graphs', graphs as Readonly<Record<string, string>>);
  else optional('graphs', graphs, () => false, 'an array of names, or an object of names by the names of the guest');
}

/** @throws OptionError */
export function toPreopen(preopen: HostPreopen, index: number): Preopen {
  const name = `preopens[${index}]`;
  if (!isObject(preopen)) throw invalidOption(name, PREOPEN_FORMS, preopen);
  if ('socketFd' in preopen) {
    checkNames(name, preopen, ['socketFd']);
    const { socketFd } = preopen;
    if (!isDescriptor(socketFd)) throw invalidOption(`${name}.socketFd`, 'the number of a descriptor', socketFd);
    return { kind: 'socket', fd: socketFd };
  }
  // An option that was meant to take something away must not be passed over.
  checkNames(name, preopen, ['fd' in preopen ? 'fd' : 'hostPath', 'guestPath', 'readOnly']);
  optional(`${name}.readOnly`, preopen.readOnly, isBoolean, BOOLEAN);
  optional(`${name}.guestPath`, preopen.guestPath, isText, 'text');
  if ('fd' in preopen && isText(preopen.guestPath)) return { kind: 'shim', ...preopen };
  if ('hostPath' in preopen && isText(preopen.hostPath)) {
    const { hostPath, guestPath = hostPath, readOnly = false } = preopen;
    return { kind: 'host', hostPath, guestPath, readOnly };
  }
  throw invalidOption(name, PREOPEN_FORMS, preopen);
}

const PREOPEN_FORMS = '{ hostPath, guestPath }, { guestPath, fd } or { socketFd }';

function checkInvoke(invoke: NonNullable<HostRunOptions['invoke']>): void {
  checkNames('invoke', invoke, ['name', 'args']);
  if (!isText(invoke.name)) throw invalidOption('invoke.name', 'text', invoke.name);
  checkTextArray('invoke.args', invoke.args);
}

const SINK_FORMS = "'capture', 'inherit', 'null', a function, { file }, { fd } or a stream";
const SOURCE_FORMS = "'inherit', 'null', bytes, { text }, { file }, { fd } or a stream";

function checkSink(name: 'stdout' | 'stderr', sink: HostSink): void {
  if (typeof sink === 'function' || ['capture', 'inherit', 'null'].includes(sink as string)) return;
  if (!isObject(sink)) throw invalidOption(name, SINK_FORMS, sink);
  if (isByteSink(sink)) return;
  if ('file' in sink) {
    checkNames(name, sink, ['file', 'append']);
    optional(`${name}.append`, sink.append, isBoolean, BOOLEAN);
  }
  checkFileOrFd(name, sink, SINK_FORMS);
}

function checkSource(source: HostSource): void {
  if (source === 'inherit' || source === 'null') return;
  if (!isObject(source)) throw invalidOption('stdin', SOURCE_FORMS, source);
  if (source instanceof Uint8Array || isByteStream(source)) return;
  if ('text' in source) {
    checkNames('stdin', source, ['text']);
    if (!isText(source.text)) throw invalidOption('stdin.text', 'text', source.text);
    return;
  }
  if ('file' in source) checkNames('stdin', source, ['file']);
  checkFileOrFd('stdin', source, SOURCE_FORMS);
}

function checkFileOrFd(name: string, value: object, forms: string): void {
  const { file, fd } = value as { file?: unknown; fd?: unknown };
  if ('file' in value) {
    if (!isPlace(file)) throw invalidOption(`${name}.file`, 'a path or a file: URL', file);
    return;
  }
  if (!('fd' in value)) throw invalidOption(name, forms, value);
  checkNames(name, value, ['fd']);
  if (!isDescriptor(fd) && !isObject(fd)) throw invalidOption(`${name}.fd`, 'the number of a descriptor or an Fd', fd);
}

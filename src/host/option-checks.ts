/** Checks of what an embedder asks: a misspelt limit that nobody misses would be no limit. */

import { BACKEND_CHOICES } from '../engine/default-backends.ts';
import { invalidOption } from '../options.ts';
import { isByteSink } from '../stdio/stream-sink.ts';
import { isByteStream } from '../stdio/stream-source.ts';
import type { Preopen } from '../wasi/index.ts';
import type { HostOptions, HostPreopen, HostRunOptions, HostSink, HostSource } from './host-options.ts';

const HOST_OPTIONS = [
  'backend',
  'openvinoDir',
  'graphs',
  'properties',
  'allowedGuestProperties',
  'onRefused',
] as const satisfies readonly (keyof HostOptions)[];

const RUN_OPTIONS = [
  'args',
  'argv0',
  'env',
  'preopens',
  'stdin',
  'stdout',
  'stderr',
  'maxCaptureBytes',
  'invoke',
  'wasiNn',
  'maxMemoryBytes',
  'maxTableElements',
  'maxMemoryFileBytes',
  'timeoutMs',
  'signal',
] as const satisfies readonly (keyof HostRunOptions)[];

const BYTES = 'a whole number of bytes';
const BOOLEAN = 'true or false';

/** @throws OptionError */
export function checkHostOptions(options: HostOptions): void {
  checkNames('options', options, HOST_OPTIONS);
  const { backend, openvinoDir, graphs, onRefused } = options;
  if (backend !== undefined && !BACKEND_CHOICES.includes(backend)) {
    throw invalidOption('backend', `one of ${BACKEND_CHOICES.join(', ')}`, backend);
  }
  optional('openvinoDir', openvinoDir, isText, 'a path');
  optional('graphs', graphs, Array.isArray, 'an array of graphs');
  for (const [index, graph] of (graphs ?? []).entries()) {
    const name = `graphs[${index}]`;
    checkNames(name, graph, ['name', 'encoding', 'directory', 'target']);
    for (const key of ['name', 'encoding', 'directory'] as const) {
      if (!isText(graph[key])) throw invalidOption(`${name}.${key}`, 'text', graph[key]);
    }
  }
  checkTexts('properties', options.properties);
  checkTextArray('allowedGuestProperties', options.allowedGuestProperties);
  optional('onRefused', onRefused, (value) => typeof value === 'function', 'a function');
}

/** @throws OptionError */
export function checkRunOptions(options: HostRunOptions): void {
  checkNames('options', options, RUN_OPTIONS);
  checkTextArray('args', options.args);
  optional('argv0', options.argv0, isText, 'text');
  checkTexts('env', options.env);
  optional('preopens', options.preopens, Array.isArray, 'an array of directories and sockets');
  optional('wasiNn', options.wasiNn, isBoolean, BOOLEAN);
  optional('maxCaptureBytes', options.maxCaptureBytes, isCount, BYTES);
  optional('maxMemoryBytes', options.maxMemoryBytes, isCount, BYTES);
  optional('maxMemoryFileBytes', options.maxMemoryFileBytes, isCount, BYTES);
  optional('maxTableElements', options.maxTableElements, isCount, 'a whole number');
  optional('timeoutMs', options.timeoutMs, (value) => typeof value === 'number' && value >= 0, 'milliseconds from 0');
  optional('signal', options.signal, (value) => value instanceof AbortSignal, 'an AbortSignal');
  if (options.invoke !== undefined) checkInvoke(options.invoke);
  for (const key of ['stdout', 'stderr'] as const) if (options[key] !== undefined) checkSink(key, options[key]);
  if (options.stdin !== undefined) checkSource(options.stdin);
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
    const isPath = isText(file) || (file instanceof URL && file.protocol === 'file:');
    if (!isPath) throw invalidOption(`${name}.file`, 'a path or a file: URL', file);
    return;
  }
  if (!('fd' in value)) throw invalidOption(name, forms, value);
  checkNames(name, value, ['fd']);
  if (!isDescriptor(fd) && !isObject(fd)) throw invalidOption(`${name}.fd`, 'the number of a descriptor or an Fd', fd);
}

/** @param what its name, or `options` for the whole */
function checkNames(what: string, options: object, names: readonly string[]): void {
  if (!isObject(options) || Array.isArray(options))
    throw invalidOption(what, `an object of ${names.join(', ')}`, options);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalidOption(what, `names out of ${names.join(', ')}`, unknown);
}

function checkTextArray(name: string, texts: readonly string[] | undefined): void {
  optional(name, texts, Array.isArray, 'an array of text');
  for (const [index, text] of (texts ?? []).entries()) {
    if (!isText(text)) throw invalidOption(`${name}[${index}]`, 'text', text);
  }
}

function checkTexts(name: string, texts: Readonly<Record<string, string>> | undefined): void {
  optional(name, texts, isObject, 'an object of text');
  for (const [key, text] of Object.entries(texts ?? {})) {
    if (!isText(text)) throw invalidOption(`${name}.${key}`, 'text', text);
  }
}

function optional<Value>(
  name: string,
  value: Value | undefined,
  is: (value: Value) => boolean,
  expected: string,
): void {
  if (value !== undefined && !is(value)) throw invalidOption(name, expected, value);
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;
const isText = (value: unknown) => typeof value === 'string';
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isDescriptor = (value: unknown) => isCount(value) && (value as number) < 2 ** 31;

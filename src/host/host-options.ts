/** What an embedder may ask of a host and of one run, and the checks of it. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import { OptionError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import { invalidOption } from '../options.ts';
import type { Preopen } from '../wasi/index.ts';
import { BACKEND_CHOICES, type BackendChoice } from './default-backends.ts';
import type { NamedGraph } from './nn-support.ts';

export type { BackendChoice };

export interface HostOptions {
  /**
   * What computes: `native` is the addon over OpenVINO's C library, `openvino-node` the package of that name, `auto` the
   * first of them that is there. Default: `auto`.
   */
  backend?: BackendChoice;
  /** The directory or library file of the OpenVINO to use, in place of the search. */
  openvinoDir?: string;
  /** Graphs that guests find by name. They are compiled at the first run. */
  graphs?: readonly NamedGraph[];
  /** Properties of the runtime for every graph (`INFERENCE_PRECISION_HINT`, `NUM_STREAMS`, …). */
  properties?: Readonly<Record<string, string>>;
  /** Properties that guests may set themselves, by name. Default: none. */
  allowedGuestProperties?: readonly string[];
  /** Told of every wasi-nn call that was refused: the guest gets an errno only. */
  onRefused?: (refusal: Refusal) => void;
}

/**
 * A directory for the guest: one of the host, or an `Fd` of `@bjorn3/browser_wasi_shim`.
 *
 * A `PreopenDirectory` is a tree in memory: the guest's changes are in its `File`s and `Directory`s at once, and links that
 * the guest makes are `SymbolicLink`s. Any other class is called as it is; what it throws, or answers against its
 * interface, is the guest's `io`.
 */
export type HostPreopen =
  | { hostPath: string; guestPath?: string; readOnly?: boolean }
  | { guestPath: string; fd: ShimFd; readOnly?: boolean };

/** `inherit`: the process's own descriptor. A function gets each write, in order, before it returns to the guest. */
export type HostSink = 'capture' | 'inherit' | 'null' | ((bytes: Uint8Array) => void);

export interface HostRunOptions {
  /** Without argv[0]. Default: none. */
  args?: readonly string[];
  /** Default: the module's name. */
  argv0?: string;
  /** Default: none; nothing is inherited. */
  env?: Readonly<Record<string, string>>;
  preopens?: readonly HostPreopen[];
  /** Text is given as UTF-8. Default: `null`, which is at its end at once. */
  stdin?: 'inherit' | 'null' | Uint8Array | { text: string };
  /** Default: `capture`. */
  stdout?: HostSink;
  /** Default: `capture`. */
  stderr?: HostSink;
  /** Of each captured stream; more is dropped, and `truncated` says so. Default: 64 MiB. */
  maxCaptureBytes?: number;
  /** An export to call in place of the program's start, with arguments as text (`-1`, `0.5`, `nan`). */
  invoke?: { name: string; args?: readonly string[] };
  /** Default: true. */
  wasiNn?: boolean;
  /** What a linear memory may have, in bytes. Default: what the module declares. */
  maxMemoryBytes?: number;
  /** What a table may have. Default: what the module declares. */
  maxTableElements?: number;
  /**
   * Ends the guest after this many milliseconds, counted from its beginning. The guest runs in a worker thread then, and
   * elsewhere on the calling one, which it blocks. Default: none.
   */
  timeoutMs?: number;
}

export const DEFAULT_CAPTURE_BYTES = 64 * 2 ** 20;

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
  'timeoutMs',
] as const satisfies readonly (keyof HostRunOptions)[];

/** A misspelt limit that nobody misses would be no limit. @throws OptionError */
function checkNames(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new OptionError(`${unknown}: no such option; there are ${names.join(', ')}`);
}

/** @throws OptionError */
export function checkHostOptions(options: HostOptions): void {
  checkNames(options, HOST_OPTIONS);
  const { backend, openvinoDir, graphs, onRefused } = options;
  if (backend !== undefined && !BACKEND_CHOICES.includes(backend)) {
    throw invalidOption('backend', `one of ${BACKEND_CHOICES.join(', ')}`, backend);
  }
  optional('openvinoDir', openvinoDir, isText, 'a path');
  optional('graphs', graphs, Array.isArray, 'an array of graphs');
  for (const [index, graph] of (graphs ?? []).entries()) {
    for (const key of ['name', 'encoding', 'directory'] as const) {
      if (!isText(graph?.[key])) throw invalidOption(`graphs[${index}].${key}`, 'text', graph?.[key]);
    }
  }
  optional('onRefused', onRefused, (value) => typeof value === 'function', 'a function');
}

/** @throws OptionError */
export function checkRunOptions(options: HostRunOptions): void {
  checkNames(options, RUN_OPTIONS);
  optional('args', options.args, isTexts, 'an array of text');
  optional('argv0', options.argv0, isText, 'text');
  optional('env', options.env, (env) => isTexts(Object.values(env)), 'an object of text');
  optional('preopens', options.preopens, Array.isArray, 'an array of directories');
  optional('maxCaptureBytes', options.maxCaptureBytes, isCount, 'a whole number of bytes');
  optional('maxMemoryBytes', options.maxMemoryBytes, isCount, 'a whole number of bytes');
  optional('maxTableElements', options.maxTableElements, isCount, 'a whole number');
  optional('timeoutMs', options.timeoutMs, (value) => typeof value === 'number' && value >= 0, 'milliseconds from 0');
  optional('invoke.name', options.invoke?.name, isText, 'text');
  optional('invoke.args', options.invoke?.args, isTexts, 'an array of text');
  for (const key of ['stdout', 'stderr'] as const) {
    optional(key, options[key], isSink, "'capture', 'inherit', 'null' or a function");
  }
  optional('stdin', options.stdin, isSource, "'inherit', 'null', bytes or { text }");
}

function optional<Value>(
  name: string,
  value: Value | undefined,
  is: (value: Value) => boolean,
  expected: string,
): void {
  if (value !== undefined && (value === null || !is(value))) throw invalidOption(name, expected, value);
}

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSink = (value: HostSink) => typeof value === 'function' || ['capture', 'inherit', 'null'].includes(value);

function isSource(value: NonNullable<HostRunOptions['stdin']>): boolean {
  if (typeof value === 'string') return value === 'inherit' || value === 'null';
  return value instanceof Uint8Array || isText(value.text);
}

/** @throws OptionError */
export function toPreopen(preopen: HostPreopen, index: number): Preopen {
  if (preopen !== null && typeof preopen === 'object') {
    if ('fd' in preopen && isText(preopen.guestPath)) return { kind: 'shim', ...preopen };
    if ('hostPath' in preopen && isText(preopen.hostPath)) {
      const { hostPath, guestPath = hostPath, readOnly = false } = preopen;
      if (isText(guestPath)) return { kind: 'host', hostPath, guestPath, readOnly };
    }
  }
  throw new OptionError(`preopens[${index}]: expected { hostPath, guestPath } or { guestPath, fd }`);
}

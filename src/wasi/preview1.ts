import { HostError } from '../errors.ts';
import { loadAddon } from '../native/addon.ts';
import type { NativeFs } from '../native/fs.ts';
import { invalidOption } from '../options.ts';
import type { Context } from './context.ts';
import type { HostCall, InputSource, OutputSink, Preview1, Preview1Options } from './contract.ts';
import { DescriptorTable } from './descriptor-table.ts';
import { takeDirectCalls } from './direct.ts';
import type { Descriptor } from './fd/descriptor.ts';
import { MemoryBudget } from './fd/memory-budget.ts';
import { createNodeFs } from './fd/node-fs.ts';
import { fromShim } from './fd/shim.ts';
import { BytesInput, CallbackOutput, HostInput, HostOutput, NullInput, NullOutput } from './fd/stdio.ts';
import { FunctionTable } from './function-table.ts';
import { guarded } from './guard.ts';
import { KeptListings } from './kept-listings.ts';
import { SNAPSHOT, UNSTABLE } from './layout.ts';
import { OutputLimit } from './output-limit.ts';
import { openPreopen } from './preopen.ts';
import { type Waits, whenAnswered } from './suspending.ts';

/** How many descriptors a guest may have open at once, standard ones and preopens included. */
export const DEFAULT_MAX_OPEN_FILES = 1024;

/** How many bytes a guest may add to trees in memory. */
export const DEFAULT_MAX_MEMORY_FILE_BYTES = 2 ** 30;

/**
 * Makes preview1 for one guest: its arguments, environment, clocks, and everything it may open.
 *
 * @throws OptionError ERR_OPTION_INVALID for an argument, a variable or a preopen's name with a NUL in it, or a limit out of
 *   range
 * @throws HostError ERR_PREOPEN for a directory that cannot be opened, and what is no socket; nothing stays open then
 * @throws HostError ERR_ADDON_UNAVAILABLE where the addon is missing and Node's own file calls cannot stand in
 */
export function createPreview1(options: Preview1Options): Preview1 {
  const maxOpenFiles = options.maxOpenFiles ?? DEFAULT_MAX_OPEN_FILES;
  if (!Number.isInteger(maxOpenFiles) || maxOpenFiles < 3) {
    throw invalidOption('maxOpenFiles', 'an integer of at least 3', maxOpenFiles);
  }
  const maxMemoryFileBytes = options.maxMemoryFileBytes ?? DEFAULT_MAX_MEMORY_FILE_BYTES;
  if (!Number.isSafeInteger(maxMemoryFileBytes) || maxMemoryFileBytes < 0) {
    throw invalidOption('maxMemoryFileBytes', 'a number of bytes', maxMemoryFileBytes);
  }
  const { maxOutputBytes } = options;
  if (maxOutputBytes !== undefined && (!Number.isSafeInteger(maxOutputBytes) || maxOutputBytes < 0)) {
    throw invalidOption('maxOutputBytes', 'a number of bytes', maxOutputBytes);
  }
  for (const [index, preopen] of options.preopens.entries()) {
    if (preopen.kind !== 'socket') toBytes(`preopens[${index}].guestPath`, preopen.guestPath);
  }
  const fs = options.fs ?? availableFs();
  const budget = new MemoryBudget(maxMemoryFileBytes);
  let direct = takeDirectCalls(fs);
  const descriptors = new DescriptorTable(maxOpenFiles, direct?.table);
  const context: Context = {
    memory: options.memory,
    exit: options.exit,
    fs,
    descriptors,
    listings: new KeptListings(),
    layout: SNAPSHOT,
    traffic: { bytesRead: 0, bytesWritten: 0 },
    args: options.args.map((arg, index) => toBytes(`args[${index}]`, arg)),
    env: options.env.map(([name, value]) => toBytes(`env ${name}`, `${name}=${value}`)),
    monotonicStart: fs.clockTime(false),
    waits: options.waits,
  };
  try {
    openAll(context, options, budget);
  } catch (error) {
    descriptors.closeAll();
    direct?.release();
    throw error;
  }
  const finish = (name: string, call: HostCall) => finished(name, call, options);
  const snapshot = new FunctionTable(context, finish);
  return {
    snapshotPreview1: direct?.serve(snapshot, context) ?? snapshot,
    unstable: new FunctionTable({ ...context, layout: UNSTABLE }, finish, LATER_THAN_UNSTABLE),
    traffic: () => {
      const { bytesRead = 0, bytesWritten = 0 } = direct?.traffic() ?? {};
      return {
        bytesRead: context.traffic.bytesRead + bytesRead,
        bytesWritten: context.traffic.bytesWritten + bytesWritten,
      };
    },
    dispose: (isOver = false) => {
      descriptors.closeAll((error) => options.report?.('fd_close', error));
      direct?.giveUp();
      if (!isOver) return;
      options.memory.watch(() => {});
      descriptors.detach();
      direct?.release();
      direct = undefined;
    },
  };
}

/** `sock_accept` came after `wasi_unstable`. */
const LATER_THAN_UNSTABLE = ['sock_accept'];

/** The standard streams, then the preopens. */
function openAll({ fs, exit, descriptors }: Context, options: Preview1Options, budget: MemoryBudget): void {
  const { waits, maxOutputBytes } = options;
  const outputLimit = maxOutputBytes === undefined ? undefined : new OutputLimit(maxOutputBytes, exit);
  waits?.attach(fs);
  const add = (descriptor: Descriptor) => {
    descriptors.add(descriptor);
    for (const name of descriptor.waitingCalls) waits?.calls.add(name);
  };
  const addOutput = (name: string, sink: OutputSink) => {
    const output = openOutput(fs, name, sink, budget, waits);
    output.outputLimit = outputLimit;
    add(output);
  };
  add(openInput(fs, options.stdin, budget, waits));
  addOutput('stdout', options.stdout);
  addOutput('stderr', options.stderr);
  for (const preopen of options.preopens) add(openPreopen(fs, preopen, budget, waits));
}

/** A function with everything around it that all have. */
function finished(name: string, call: HostCall, { exit, report, around, waits }: Preview1Options): HostCall {
  const safe = guarded(name, call, exit, report);
  const all = around?.(name, safe) ?? safe;
  return waits?.calls.has(name) ? whenAnswered(all, waits) : all;
}

/** The addon's file calls, or Node's where the addon is missing: enough to run guests, slower and less exact. */
function availableFs(): NativeFs {
  try {
    const { fs } = loadAddon();
    if (fs !== undefined) return fs;
    throw new HostError('ERR_ADDON_UNAVAILABLE', `the addon has no file system calls on ${process.platform}`);
  } catch (error) {
    if (process.platform === 'linux') return createNodeFs();
    throw error;
  }
}

const encoder = new TextEncoder();

/** A NUL ends a string in the guest: what came after it would be lost, or be taken for the next one. */
function toBytes(name: string, text: string): Uint8Array {
  if (text.includes('\0')) throw invalidOption(name, 'text without a NUL', text);
  return encoder.encode(text);
}

function openInput(fs: NativeFs, source: InputSource, budget: MemoryBudget, waits: Waits | undefined): Descriptor {
  switch (source.kind) {
    case 'fd':
      return new HostInput(fs, source.fd, waits);
    case 'null':
      return new NullInput();
    case 'bytes':
      return new BytesInput(source.bytes);
    case 'shim':
      return fromShim(source.fd, budget, { code: 'ERR_STDIO', name: 'stdin' });
    case 'descriptor':
      return source.descriptor;
  }
}

function openOutput(
  fs: NativeFs,
  name: string,
  sink: OutputSink,
  budget: MemoryBudget,
  waits: Waits | undefined,
): Descriptor {
  switch (sink.kind) {
    case 'fd':
      return new HostOutput(fs, sink.fd, waits);
    case 'null':
      return new NullOutput();
    case 'write':
      return new CallbackOutput(sink.write);
    case 'shim':
      return fromShim(sink.fd, budget, { code: 'ERR_STDIO', name });
    case 'descriptor':
      return sink.descriptor;
  }
}

import { MOVED, OPENED } from '../native/direct-calls.ts';
import type { NativeFs } from '../native/fs.ts';
import type { Context } from './context.ts';
import type { HostCall, HostFunctions, Traffic } from './contract.ts';
import type { Descriptor } from './fd/descriptor.ts';
import { HostDirectory } from './fd/host-directory.ts';
import { HostFile } from './fd/host-file.ts';

/** What a direct call has opened, for JavaScript; its position stays. */
function adopt(fs: NativeFs, positions: Float64Array, fd: number, what: number): Descriptor {
  const readOnly = (what & OPENED.readOnly) !== 0;
  if ((what & OPENED.directory) !== 0) return new HostDirectory(fs, fd, readOnly);
  const position = positions[fd] ?? 0;
  const readable = (what & OPENED.readable) !== 0;
  const writable = (what & OPENED.writable) !== 0;
  const file = new HostFile(fs, fd, { readable, writable, flags: 0, readOnly });
  positions[fd] = position;
  return file;
}

export interface WithDirectCalls {
  functions: HostFunctions;
  /** What direct calls moved; what others moved is not in it. */
  traffic(): Traffic;
}

/**
 * Puts the addon's direct calls in place of the functions that it has them for: a program that makes such a call by the ten
 * thousand then never waits for JavaScript, which is slow until V8 has compiled it. They ask the functions given here
 * whenever something is out of the ordinary, so that there is one place that says what is right.
 *
 * @param functions of `wasi_snapshot_preview1`, with their guard
 */
export function withDirectCalls(functions: HostFunctions, context: Context): WithDirectCalls {
  const { fs, descriptors, memory, monotonicStart } = context;
  const none = { functions, traffic: () => ({ bytesRead: 0, bytesWritten: 0 }) };
  if (fs.directCalls === undefined || fs.kinds === undefined || fs.positions === undefined) return none;
  const { kinds, positions } = fs;
  const moved = new Float64Array(2);
  const calls = fs.directCalls({
    ...descriptors.direct,
    kinds,
    positions,
    moved,
    monotonicStart,
    functions: Object.fromEntries(functions.names.map((name) => [name, functions.get(name) as HostCall])),
  });
  if (typeof calls === 'number') return none;
  const { attach, ...direct } = calls;
  const directly = new Map(Object.entries(direct as Record<string, HostCall>));
  memory.watch(attach);
  descriptors.adopt = (fd, what) => adopt(fs, positions, fd, what);
  return {
    functions: { names: functions.names, get: (name) => directly.get(name) ?? functions.get(name) },
    traffic: () => ({ bytesRead: moved[MOVED.read] ?? 0, bytesWritten: moved[MOVED.written] ?? 0 }),
  };
}

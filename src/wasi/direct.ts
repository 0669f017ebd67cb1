import { DIRECT_CALLS, type DirectTable, MOVED, type NativeDirectCalls, OPENED } from '../native/direct-calls.ts';
import type { NativeFs } from '../native/fs.ts';
import type { Context } from './context.ts';
import type { HostCall, HostFunctions, Traffic } from './contract.ts';
import { newDirectTable } from './descriptor-table.ts';
import { ERRNO } from './errno.ts';
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

/**
 * The addon's direct calls for one guest after another: making them takes longer than many a guest runs. They ask the functions
 * of the guest that has them whenever something is out of the ordinary, so that there is one place that says what is right.
 */
export class DirectCallSet {
  readonly table: DirectTable = newDirectTable();
  readonly #fs: FsWithDirectCalls;
  readonly #calls = new Map<string, HostCall>();
  readonly #attach: (memory: Uint8Array) => undefined;
  readonly #moved = new Float64Array(2);
  readonly #monotonicStart = new BigInt64Array(1);
  /** Of the guest that has it, by name, as they are asked for. */
  readonly #asked = new Map<string, HostCall>();
  #functions: HostFunctions | undefined;

  /** @throws TypeError where the addon does not take what it is given, which is a fault of ours */
  constructor(fs: FsWithDirectCalls) {
    this.#fs = fs;
    const calls = fs.directCalls({
      ...this.table,
      kinds: fs.kinds,
      positions: fs.positions,
      moved: this.#moved,
      monotonicStart: this.#monotonicStart,
      functions: Object.fromEntries(DIRECT_CALLS.map((name) => [name, (...args) => this.#answer(name, args)])),
    });
    if (typeof calls === 'number') throw new TypeError(`directCalls: errno ${-calls}`);
    this.#attach = calls.attach;
    for (const name of DIRECT_CALLS) this.#calls.set(name, calls[name] as HostCall);
  }

  /**
   * Gives it to a guest: its calls take the place of the functions that it has them for. A program that makes such a call by
   * the ten thousand then never waits for JavaScript, which is slow until V8 has compiled it.
   *
   * @param functions of `wasi_snapshot_preview1`, with their guard
   */
  serve(functions: HostFunctions, { descriptors, memory, monotonicStart }: Context): HostFunctions {
    this.#functions = functions;
    this.#monotonicStart[0] = monotonicStart;
    memory.watch(this.#attach);
    descriptors.adopt = (fd, what) => adopt(this.#fs, this.#fs.positions, fd, what);
    return { names: functions.names, get: (name) => this.#calls.get(name) ?? functions.get(name) };
  }

  /** What direct calls moved for this guest; what others moved is not in it. */
  traffic(): Traffic {
    return { bytesRead: this.#moved[MOVED.read] ?? 0, bytesWritten: this.#moved[MOVED.written] ?? 0 };
  }

  /** Takes it from a guest that will call nothing any more, and has nothing open. */
  release(): void {
    this.#functions = undefined;
    this.#asked.clear();
    this.#moved.fill(0);
    this.#attach(NO_MEMORY);
    const spare = spares.get(this.#fs) ?? [];
    if (spare.length < MOST_SPARES) spare.push(this);
    spares.set(this.#fs, spare);
  }

  #answer(name: string, args: never[]): number {
    let call = this.#asked.get(name);
    if (call === undefined) {
      call = this.#functions?.get(name);
      if (call === undefined) return ERRNO.badf;
      this.#asked.set(name, call);
    }
    return call(...args);
  }
}

type FsWithDirectCalls = NativeFs & Required<NativeDirectCalls>;

const NO_MEMORY = new Uint8Array(0);

/** As many guests as may be on one thread by turns; each takes 14 KB. */
const MOST_SPARES = 64;

/** Sets that no guest has. Files of one are never those of another: each thread has its own addon. */
const spares = new WeakMap<NativeFs, DirectCallSet[]>();

/** One that no guest has, or undefined where there are no direct calls. */
export function takeDirectCalls(fs: NativeFs): DirectCallSet | undefined {
  const { directCalls, kinds, positions } = fs;
  if (directCalls === undefined || kinds === undefined || positions === undefined) return undefined;
  return spares.get(fs)?.pop() ?? new DirectCallSet(fs as FsWithDirectCalls);
}

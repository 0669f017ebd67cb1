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
  #isTaken = false;

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

  /** The guest that has it makes few calls any more, if any: it counts no longer among those that have one. */
  giveUp(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    shelfOf(this.#fs).taken -= 1;
  }

  take(): this {
    this.#isTaken = true;
    shelfOf(this.#fs).taken += 1;
    return this;
  }

  /** Takes it from a guest that will call nothing any more, and has nothing open. */
  release(): void {
    this.giveUp();
    this.#functions = undefined;
    this.#asked.clear();
    this.#moved.fill(0);
    this.#attach(NO_MEMORY);
    const { spares } = shelfOf(this.#fs);
    if (spares.length < MOST_SETS) spares.push(this);
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

/**
 * On one thread, whose guests run by turns: each takes 14 KB and longer to make than many a guest runs. Of hundreds that are
 * suspended at once the others do with calls that JavaScript answers.
 */
const MOST_SETS = 64;

/** The sets of a thread. Files of one are never those of another: each thread has its own addon. */
interface Shelf {
  /** How many guests have one. */
  taken: number;
  /** Those that no guest has. */
  readonly spares: DirectCallSet[];
}

const shelves = new WeakMap<NativeFs, Shelf>();

function shelfOf(fs: NativeFs): Shelf {
  const shelf = shelves.get(fs) ?? { taken: 0, spares: [] };
  shelves.set(fs, shelf);
  return shelf;
}

/** One that no guest has, or undefined where there are no direct calls, or many guests have them already. */
export function takeDirectCalls(fs: NativeFs): DirectCallSet | undefined {
  const { directCalls, kinds, positions } = fs;
  if (directCalls === undefined || kinds === undefined || positions === undefined) return undefined;
  const { taken, spares } = shelfOf(fs);
  if (taken >= MOST_SETS) return undefined;
  return (spares.pop() ?? new DirectCallSet(fs as FsWithDirectCalls)).take();
}

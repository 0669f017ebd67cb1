/**
 * Hostile numbers for every function of both versions: no exception leaves the host, nothing is written but what a call may
 * write, no descriptor is left open, nothing outside the guest's directory changes. `FUZZ_CALLS` says how many calls, a
 * million where absent; a failure tells the seed, and `FUZZ_SEED` brings it back.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Directory, File, type Inode, PreopenDirectory } from '@bjorn3/browser_wasi_shim';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/native/addon.ts';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import type { Preopen } from '../../src/wasi/index.ts';
import { type Layout, SNAPSHOT, UNSTABLE } from '../../src/wasi/layout.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import {
  AREAS,
  CALLS,
  drawCall,
  Entropy,
  type FuzzCall,
  MEMORY_BYTES,
  PATH_LENGTH,
  PATH2_LENGTH,
  type Range,
} from './fuzz-calls.ts';

const CALLS_IN_ALL = Number(process.env.FUZZ_CALLS ?? 1_000_000);
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
/** A guest that has closed its preopen finds little more. */
const CALLS_A_GUEST = 100;
const WORDS_A_CALL = 16;
const MOST_ERRNO = Math.max(...Object.values(ERRNO));
const SECRET = 'outside of everything that was given';
const MASK = '?'.charCodeAt(0);

const NAMES = Object.keys(CALLS);
const UNSTABLE_NAMES = NAMES.filter((name) => name !== 'sock_accept');

// In memory where the system has a file system there: a disk that is told to sync would be all that this measures.
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'wasi-nn-host-fuzz-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** A guest with a copy of its memory as it should be. */
class FuzzedGuest {
  readonly #guest: Preview1Guest;
  readonly #isUnstable: boolean;
  readonly #layout: Layout;
  readonly #shadow = Buffer.alloc(MEMORY_BYTES, MASK);
  readonly #shadowView = new DataView(this.#shadow.buffer, this.#shadow.byteOffset, MEMORY_BYTES);
  readonly #bytes: Uint8Array;

  constructor(preopen: Preopen, isUnstable: boolean, fs: NativeFs | undefined) {
    this.#guest = preview1Guest({
      args: ['guest', 'x'],
      env: [['A', 'b']],
      preopens: [preopen],
      maxOpenFiles: 32,
      ...(fs && { fs }),
    });
    this.#isUnstable = isUnstable;
    this.#layout = isUnstable ? UNSTABLE : SNAPSHOT;
    this.#bytes = this.#guest.bytes();
  }

  get names(): readonly string[] {
    return this.#isUnstable ? UNSTABLE_NAMES : NAMES;
  }

  run(call: FuzzCall): void {
    this.#prepare(call);
    const args = call.args.map((arg) => {
      if (arg === PATH_LENGTH) return call.path?.byteLength ?? 0;
      return arg === PATH2_LENGTH ? (call.path2?.byteLength ?? 0) : arg;
    });
    const words = args.map((arg) => (typeof arg === 'number' ? arg >>> 0 : 0));
    // What may be written is read from the memory as it was before the call.
    const granted = CALLS[call.name]?.writes(words, this.#shadowView, this.#layout) ?? [];
    const errno = this.#call(call.name, args);
    const told = `${call.name}(${args.join()}) answered ${errno}`;
    if (!Number.isInteger(errno) || errno < 0 || errno > MOST_ERRNO) throw new Error(told);
    const stray = this.#strayWrite(granted);
    if (stray >= 0) throw new Error(`${told} and wrote at ${stray}`);
    if (this.#guest.reports.length > 0) throw new Error(`${told}: ${String(this.#guest.reports[0])}`);
  }

  /** The one function that does not return. */
  end(code: number): void {
    expect(() => this.#call('proc_exit', [code])).toThrow();
    expect(this.#guest.exit.exitCode).toBe(code >>> 0);
    expect(this.#strayWrite([])).toBe(-1);
  }

  dispose(): void {
    this.#guest.preview1.dispose();
  }

  /** As wasm passes them: numbers of 32 bits, signed. */
  #call(name: string, args: readonly (number | bigint)[]): number {
    const signed = args.map((arg) => (typeof arg === 'number' ? arg | 0 : arg));
    return this.#isUnstable ? this.#guest.callUnstable(name, ...signed) : this.#guest.call(name, ...signed);
  }

  /** Puts what the call's pointers may find. */
  #prepare({ vectors, subscriptions, path, path2 }: FuzzCall): void {
    const view = this.#shadowView;
    vectors.forEach(([pointer, byteLength], index) => {
      view.setUint32(AREAS.vectors + index * 8, pointer >>> 0, true);
      view.setUint32(AREAS.vectors + index * 8 + 4, byteLength >>> 0, true);
    });
    const layout = this.#layout.subscription;
    subscriptions.forEach(({ tag, fd, timeout, flags }, index) => {
      const at = AREAS.subscriptions + index * layout.byteLength;
      view.setUint8(at + 8, tag);
      view.setUint32(at + (tag === 0 ? layout.clockId : 16), tag === 0 ? fd & 1 : fd >>> 0, true);
      view.setBigUint64(at + layout.clockTimeout, timeout, true);
      view.setUint16(at + layout.clockFlags, flags, true);
    });
    if (path !== undefined) this.#shadow.set(path, AREAS.path);
    if (path2 !== undefined) this.#shadow.set(path2, AREAS.path2);
    const areas = this.#shadow.subarray(AREAS.vectors, AREAS.path2 + 0x800);
    this.#bytes.set(areas, AREAS.vectors);
  }

  /** The first byte that changed and that none of the ranges holds; -1 where there is none. */
  #strayWrite(ranges: readonly Range[]): number {
    for (const [start, byteLength] of ranges) {
      if (start < MEMORY_BYTES && byteLength > 0)
        this.#shadow.set(this.#bytes.subarray(start, start + byteLength), start);
    }
    if (Buffer.compare(this.#shadow, this.#bytes) === 0) return -1;
    return this.#shadow.findIndex((byte, index) => byte !== this.#bytes[index]);
  }
}

/** A directory for guests of the fuzzer, with something beside it that is none of theirs. */
class HostTree {
  readonly #outer = mkdtempSync(join(scratch, 'outer-'));
  readonly #root = join(this.#outer, 'given');

  constructor() {
    mkdirSync(this.#root);
    writeFileSync(join(this.#outer, 'secret'), SECRET);
    execFileSync('mkfifo', [join(this.#root, 'fifo')]);
  }

  /** What earlier guests removed is put back. */
  preopen(): Preopen {
    const at = (name: string) => join(this.#root, name);
    const links = { link: 'f', up: '../..', abs: join(this.#outer, 'secret'), loop: 'loop', dangling: '../dropped' };
    for (const make of [
      () => mkdirSync(at('sub')),
      () => writeFileSync(at('f'), 'hello', { flag: 'wx' }),
      ...Object.entries(links).map(
        ([name, target]) =>
          () =>
            symlinkSync(target, at(name)),
      ),
    ]) {
      try {
        make();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    return { kind: 'host', hostPath: this.#root, guestPath: '/' };
  }

  check(): void {
    expect(readdirSync(this.#outer).sort()).toEqual(['given', 'secret']);
    expect(readFileSync(join(this.#outer, 'secret'), 'utf8')).toBe(SECRET);
  }

  remove(): void {
    rmSync(this.#outer, { recursive: true });
  }
}

function memoryTree(): Preopen {
  const sub = new Directory(new Map());
  const contents = new Map<string, Inode>([
    ['f', new File(new TextEncoder().encode('hello'))],
    ['sub', sub],
  ]);
  return { kind: 'shim', guestPath: '/', fd: new PreopenDirectory('/', contents) };
}

/** The failing call is in the message; the words behind it would bury it. */
function reportCall(details: fc.RunDetails<[number[]]>): void {
  if (details.failed)
    throw new Error(`FUZZ_SEED=${details.seed}, guest ${details.numRuns}: ${String(details.errorInstance)}`);
}

const words = fc.noBias(
  fc.array(fc.integer(), { minLength: CALLS_A_GUEST * WORDS_A_CALL, maxLength: CALLS_A_GUEST * WORDS_A_CALL }),
);

function fuzz(calls: number, preopen: () => Preopen, after: () => void, fs?: NativeFs): void {
  let done = 0;
  fc.assert(
    fc.property(words, (list) => {
      const entropy = new Entropy(list);
      const guest = new FuzzedGuest(preopen(), entropy.below(3) === 0, fs);
      try {
        for (let count = 1; count < CALLS_A_GUEST; count++) guest.run(drawCall(entropy, guest.names));
        guest.end(entropy.next());
      } finally {
        guest.dispose();
      }
      done += CALLS_A_GUEST;
      after();
    }),
    {
      numRuns: Math.ceil(calls / CALLS_A_GUEST),
      endOnFailure: true,
      reporter: reportCall,
      ...(SEED !== undefined && { seed: SEED }),
    },
  );
  expect(done).toBeGreaterThanOrEqual(calls);
}

/** Trees grow as guests fill them. */
const GUESTS_A_TREE = 50;

function fuzzHost(calls: number, fs?: NativeFs): void {
  const before = openDescriptors();
  let tree = new HostTree();
  let guests = 0;
  const check = () => {
    tree.check();
    if (++guests % GUESTS_A_TREE !== 0) return;
    tree.remove();
    tree = new HostTree();
  };
  fuzz(calls, () => tree.preopen(), check, fs);
  expect(openDescriptors()).toBe(before);
}

describe('hostile numbers', () => {
  it('do no harm in a directory of the host', () => {
    expect(MEMORY_BYTES).toBe(preview1Guest().bytes().byteLength);
    fuzzHost((CALLS_IN_ALL * 4) / 10);
  }, 600_000);

  it('do no harm where paths are walked component by component', () => {
    const { fs } = loadAddon();
    fs?.setResolver(true);
    try {
      fuzzHost(CALLS_IN_ALL / 10);
    } finally {
      fs?.setResolver(false);
    }
  }, 600_000);

  it('do no harm without the addon', () => fuzzHost(CALLS_IN_ALL / 10, createNodeFs()), 600_000);

  it('do no harm in a tree in memory', () => {
    const before = openDescriptors();
    fuzz((CALLS_IN_ALL * 4) / 10, memoryTree, () => {});
    expect(openDescriptors()).toBe(before);
  }, 600_000);
});

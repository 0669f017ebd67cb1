/**
 * Hostile numbers for every function: no exception leaves the host, nothing is written but what a call may write, no
 * descriptor is left open, nothing outside the guest's directory changes. `FUZZ_CALLS` says how many calls; 200,000 where
 * absent.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Directory, File, type Inode, PreopenDirectory } from '@bjorn3/browser_wasi_shim';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NativeFs } from '../../src/native/fs.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { createNodeFs } from '../../src/wasi/fd/node-fs.ts';
import type { Preopen } from '../../src/wasi/index.ts';
import { type Preview1Guest, preview1Guest } from '../support/preview1-guest.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import {
  AREAS,
  CALLS,
  type FuzzCall,
  fuzzCall,
  MEMORY_BYTES,
  PATH_LENGTH,
  PATH2_LENGTH,
  type Range,
} from './fuzz-calls.ts';

const CALLS_IN_ALL = Number(process.env.FUZZ_CALLS ?? 200_000);
const CALLS_A_RUN = 100;
const MOST_ERRNO = Math.max(...Object.values(ERRNO));
const SECRET = 'outside of everything that was given';

const newDirectory = temporaryDirectories();

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Puts what a call's pointers may find, and answers the arguments with the lengths of the paths in them. */
function prepare(guest: Preview1Guest, call: FuzzCall): (number | bigint)[] {
  guest.mask();
  const view = new DataView(guest.wasmMemory.buffer);
  call.vectors.forEach(([pointer, byteLength], index) => {
    view.setUint32(AREAS.vectors + index * 8, pointer >>> 0, true);
    view.setUint32(AREAS.vectors + index * 8 + 4, byteLength >>> 0, true);
  });
  call.subscriptions.forEach(({ tag, fd, timeout, flags }, index) => {
    const at = AREAS.subscriptions + index * 48;
    view.setUint8(at + 8, tag);
    view.setUint32(at + 16, tag === 0 ? fd & 1 : fd >>> 0, true);
    view.setBigUint64(at + 24, timeout, true);
    view.setUint16(at + 40, flags, true);
  });
  guest.put(AREAS.path, call.path);
  guest.put(AREAS.path2, call.path2);
  return call.args.map((arg) => {
    if (arg === PATH_LENGTH) return call.path.byteLength;
    return arg === PATH2_LENGTH ? call.path2.byteLength : arg;
  });
}

/** The first byte that changed and that none of the ranges holds; -1 where there is none. Changes `before`. */
function strayWrite(before: Uint8Array, after: Uint8Array, ranges: readonly Range[]): number {
  for (const [start, byteLength] of ranges)
    before.set(after.subarray(start, start + byteLength), Math.min(start, before.byteLength));
  if (Buffer.compare(before, after) === 0) return -1;
  return before.findIndex((byte, index) => byte !== after[index]);
}

function run(guest: Preview1Guest, call: FuzzCall): void {
  const args = prepare(guest, call);
  const before = guest.bytes().slice();
  const words = args.map((arg) => (typeof arg === 'number' ? arg >>> 0 : 0));
  const granted = CALLS[call.name]?.writes(words, new DataView(before.buffer)) ?? [];
  // As wasm passes them: numbers of 32 bits, signed.
  const errno = guest.call(call.name, ...args.map((arg) => (typeof arg === 'number' ? arg | 0 : arg)));
  if (!Number.isInteger(errno) || errno < 0 || errno > MOST_ERRNO) throw new Error(`${call.name} answered ${errno}`);
  const stray = strayWrite(before, guest.bytes(), granted);
  if (stray >= 0) throw new Error(`${call.name}(${args.join()}) (errno ${errno}) wrote at ${stray}`);
  if (guest.reports.length > 0) throw new Error(`${call.name}(${args.join()}): ${String(guest.reports[0])}`);
}

function hostTree(): { outer: string; preopen: Preopen } {
  const outer = newDirectory();
  const root = join(outer, 'given');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(outer, 'secret'), SECRET);
  writeFileSync(join(root, 'f'), 'hello');
  symlinkSync('f', join(root, 'link'));
  symlinkSync('../..', join(root, 'up'));
  symlinkSync(join(outer, 'secret'), join(root, 'abs'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('../dropped', join(root, 'dangling'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  return { outer, preopen: { kind: 'host', hostPath: root, guestPath: '/' } };
}

function memoryTree(): Preopen {
  const sub = new Directory(new Map());
  const contents = new Map<string, Inode>([
    ['f', new File(new TextEncoder().encode('hello'))],
    ['sub', sub],
  ]);
  return { kind: 'shim', guestPath: '/', fd: new PreopenDirectory('/', contents) };
}

/** The failing call is in the message; a hundred calls before it would bury it. The seed brings them back. */
function reportCall(details: fc.RunDetails<[FuzzCall[]]>): void {
  if (details.failed) throw new Error(`seed ${details.seed}: ${String(details.errorInstance)}`);
}

function fuzz(calls: number, preopen: () => Preopen, after: () => void, fs?: NativeFs): void {
  fc.assert(
    fc.property(fc.array(fuzzCall, { minLength: CALLS_A_RUN, maxLength: CALLS_A_RUN }), (list) => {
      const guest = preview1Guest({
        args: ['guest', 'x'],
        env: [['A', 'b']],
        preopens: [preopen()],
        maxOpenFiles: 32,
        ...(fs && { fs }),
      });
      try {
        for (const call of list) run(guest, call);
      } finally {
        guest.preview1.dispose();
      }
      after();
    }),
    { numRuns: Math.ceil(calls / CALLS_A_RUN), endOnFailure: true, reporter: reportCall },
  );
}

describe('hostile numbers', () => {
  it.each([
    ['', CALLS_IN_ALL / 2, undefined],
    [' without the addon', CALLS_IN_ALL / 10, createNodeFs()],
  ] as const)(
    'do no harm in a directory of the host%s',
    (_, calls, fs) => {
      expect(MEMORY_BYTES).toBe(preview1Guest().bytes().byteLength);
      const before = openDescriptors();
      let outer = '';
      const newTree = () => {
        const tree = hostTree();
        outer = tree.outer;
        return tree.preopen;
      };
      const check = () => {
        expect(readdirSync(outer).sort()).toEqual(['given', 'secret']);
        expect(readFileSync(join(outer, 'secret'), 'utf8')).toBe(SECRET);
        rmSync(outer, { recursive: true });
      };
      fuzz(calls, newTree, check, fs);
      expect(openDescriptors()).toBe(before);
    },
    600_000,
  );

  it('do no harm in a tree in memory', () => {
    const before = openDescriptors();
    fuzz(CALLS_IN_ALL / 2, memoryTree, () => {});
    expect(openDescriptors()).toBe(before);
  }, 600_000);
});

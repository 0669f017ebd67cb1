import type { GuestExit } from '../guest/exit.ts';
import type { GuestMemory } from '../guest/memory.ts';
import type { NativeFs } from '../native/fs.ts';
import type { Traffic } from './contract.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { ERRNO, type Errno } from './errno.ts';
import { type Descriptor, Directory } from './fd/descriptor.ts';
import type { KeptListings } from './kept-listings.ts';
import type { Layout } from './layout.ts';
import type { Waits } from './suspending.ts';

/** What every host function of one guest works on. */
export interface Context {
  readonly memory: GuestMemory;
  readonly exit: GuestExit;
  readonly fs: NativeFs;
  readonly descriptors: DescriptorTable;
  /** Of the directories among them, whichever version of preview1 they are listed by. */
  readonly listings: KeptListings;
  readonly layout: Layout;
  /** Counted by every function that moves bytes; direct calls count their own. */
  readonly traffic: Traffic;
  /** Strings without their NUL. */
  readonly args: readonly Uint8Array[];
  /** `NAME=VALUE` without the NUL. */
  readonly env: readonly Uint8Array[];
  /** What the monotonic clock showed when the guest was made: its time counts from there. */
  readonly monotonicStart: bigint;
  /** Of a guest that can be suspended: what its calls wait for, which do not block then. */
  readonly waits: Waits | undefined;
}

/** The host functions of one family: errnos in, errnos out. */
export type Functions = Record<string, (...args: never[]) => Errno>;

/** The directory behind a descriptor of the guest; `badf` where there is none. */
export function directoryOf(context: Context, fd: number): Directory | Errno {
  const descriptor = context.descriptors.get(fd);
  return descriptor instanceof Directory ? descriptor : ERRNO.badf;
}

/** Runs one method of the descriptor, or answers `badf`. */
export function withDescriptor(context: Context, fd: number, call: (descriptor: Descriptor) => Errno): Errno {
  const descriptor = context.descriptors.get(fd);
  return descriptor === undefined ? ERRNO.badf : call(descriptor);
}

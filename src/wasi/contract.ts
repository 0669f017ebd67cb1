/** Contract of `wasi/`: preview1 for one guest. Implemented by one file per family of functions beside this one. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { GuestExit } from '../guest/exit.ts';
import type { GuestMemory } from '../guest/memory.ts';
import type { NativeFs } from '../native/fs.ts';
import type { Descriptor } from './fd/descriptor.ts';
import type { Waits } from './suspending.ts';

/** Where a guest's standard input comes from. */
export type InputSource =
  | { kind: 'fd'; fd: number }
  | { kind: 'null' }
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'shim'; fd: ShimFd }
  | { kind: 'descriptor'; descriptor: Descriptor };

/** Where a guest's standard output or error goes. */
export type OutputSink =
  | { kind: 'fd'; fd: number }
  | { kind: 'null' }
  /** Called with a copy that the callee owns, in order, before the guest's write returns. */
  | {
      kind: 'write';
      write: (bytes: Uint8Array) => void;
      /** Nobody looks before the guest has ended: of one in another thread it may be called then. Default: false. */
      isForTheEnd?: boolean;
    }
  | { kind: 'shim'; fd: ShimFd }
  | { kind: 'descriptor'; descriptor: Descriptor };

/** A directory or a socket given to the guest. */
export type Preopen =
  /** `readOnly`: whatever would change something below it is `rofs`. */
  | { kind: 'host'; hostPath: string; guestPath: string; readOnly?: boolean }
  /** An in-memory tree (`PreopenDirectory`) or any other `Fd` of @bjorn3/browser_wasi_shim. */
  | { kind: 'shim'; guestPath: string; fd: ShimFd; readOnly?: boolean | undefined }
  | { kind: 'descriptor'; guestPath: string; descriptor: Descriptor }
  /** A listening or connected socket of the host by its number; it stays the embedder's to close. */
  | { kind: 'socket'; fd: number };

export interface Preview1Options {
  memory: GuestMemory;
  exit: GuestExit;
  /** argv, argv[0] first. */
  args: readonly string[];
  /** Environment in order, `NAME`, `VALUE`. */
  env: readonly (readonly [string, string])[];
  preopens: readonly Preopen[];
  stdin: InputSource;
  stdout: OutputSink;
  stderr: OutputSink;
  /** How many descriptors the guest may have open at once; one more is `mfile`. Default 1024. */
  maxOpenFiles?: number;
  /** How many bytes the guest may add to trees in memory; one more is `nospc`. Default 1 GiB. */
  maxMemoryFileBytes?: number;
  /**
   * What the guest may write to standard output and error together; more ends it with ERR_GUEST_OUTPUT_LIMIT, after the
   * bytes up to the limit were written. Default: no limit.
   */
  maxOutputBytes?: number;
  /** Told why a call was answered with `io`: an exception in code of the embedder, or a fault of ours. */
  report?: ((functionName: string, reason: unknown) => void) | undefined;
  /** Put around every function that runs in JavaScript, and asked for each by its name. */
  around?: ((functionName: string, call: HostCall) => HostCall) | undefined;
  /**
   * For a guest that can be suspended: calls that would block answer a promise of their errno. They are named there, for
   * the guest to import them as such that may.
   */
  waits?: Waits | undefined;
  /** The system's file calls. Default: the addon's, or Node's own where the addon is missing (Linux). */
  fs?: NativeFs;
}

/** A function of the host as a guest imports it: numbers in, an errno out. */
export type HostCall = (...args: never[]) => number;

/** Functions for an import object, each made when it is first asked for. */
export interface HostFunctions {
  readonly names: readonly string[];
  /** Undefined for a name that it has not. */
  get(name: string): HostCall | undefined;
}

/** What a guest moved by its calls: files, streams and sockets. */
export interface Traffic {
  bytesRead: number;
  bytesWritten: number;
}

export interface Preview1 {
  /** `wasi_snapshot_preview1` and, where the layouts differ, `wasi_unstable`. */
  snapshotPreview1: HostFunctions;
  unstable: HostFunctions;
  /** Until now. */
  traffic(): Traffic;
  /**
   * Closes every descriptor that the guest opened, once.
   * @param isOver whether no instance can call any of the functions any more, one that is suspended say: what they work with
   *   may serve another guest then. Default: false.
   */
  dispose(isOver?: boolean): void;
}

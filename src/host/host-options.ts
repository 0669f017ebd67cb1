/** What an embedder may ask of a host and of one run. Checked in `option-checks.ts`. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { BackendChoice } from '../engine/default-backends.ts';
import type { RunMode } from '../engine/run-report.ts';
import type { Refusal } from '../nn/index.ts';
import type { QueueKey, WorkerPoolOptions } from '../pool/contract.ts';
import type { HostSink, HostSource, StdioOptions } from '../stdio/contract.ts';

export type { BackendChoice, HostSink, HostSource };

/** What a host computes with, and what it keeps. */
export interface HostOptions {
  /**
   * What computes: `native` is the addon over OpenVINO's C library, `openvino-node` the package of that name, `auto` the
   * first of them that is there. Default: `auto`.
   */
  backend?: BackendChoice | undefined;
  /** The directory or library file of the OpenVINO to use, in place of the search. */
  openvinoDir?: string | undefined;
  /** Properties of the runtime for every graph (`INFERENCE_PRECISION_HINT`, `NUM_STREAMS`, …). */
  properties?: Readonly<Record<string, string>> | undefined;
  /** Properties that guests may set themselves, by name. Default: none. */
  allowedGuestProperties?: readonly string[] | undefined;
  /**
   * Told of every wasi-nn call that was refused: the guest gets an errno only. It is called in the asynchronous context of the
   * guest's run, so that an `AsyncLocalStorage` tells whose it was.
   */
  onRefused?: ((refusal: Refusal) => void) | undefined;
  /**
   * What compiled modules may take that are kept for the next {@link Host.compile} and run, in bytes. Each counts as five
   * times its binary, an estimate: V8 does not tell. The one used last is kept in any case. Default: 256 MiB.
   */
  maxModuleBytes?: number | undefined;
  /**
   * What compiled models may take that are kept in this process, in bytes, for all hosts of it; those used longest ago are
   * given up first. Registered graphs and what running guests hold stay. Default: 1 GiB.
   */
  maxModelBytes?: number | undefined;
  /**
   * The pool of {@link Host.run}, made when a run first needs it. With this, or with a {@link Pool}, models that are compiled
   * from then on compute as many inferences at a time as the largest pool runs guests (`NUM_STREAMS`, at most one for each
   * processor), unless `properties` say something of that: up to several times the throughput, while one inference by itself
   * takes longer.
   */
  pool?: PoolOptions | undefined;
}

/** What a guest may take. Every limit is its own; a pool may have defaults for them. */
export interface RunLimits {
  /** What a linear memory may have, in bytes; `memory.grow` is -1 beyond. Default: what the module declares. */
  maxMemoryBytes?: number | undefined;
  /** What a table may have, in elements. Default: what the module declares. */
  maxTableElements?: number | undefined;
  /**
   * What the guest may add to trees in memory, in bytes; more is `nospc`. An entry counts as 1 KiB and two bytes for each
   * character of its name and of its link's target. Default: 1 GiB.
   */
  maxMemoryFileBytes?: number | undefined;
  /**
   * What the guest may write to standard output and error together, in bytes, wherever they go. More ends it with
   * ERR_GUEST_OUTPUT_LIMIT; what it wrote until then is delivered. Default: no limit.
   */
  maxOutputBytes?: number | undefined;
  /** What of each captured stream is kept, in bytes; more is dropped, and `truncated` says so. Default: 64 MiB. */
  maxCaptureBytes?: number | undefined;
  /**
   * Ends the guest after this many milliseconds with ERR_GUEST_TIMEOUT, counted from its beginning: how long it waited for a
   * worker before does not count, see `maxQueueMs`. It runs in a worker then. Default: no limit.
   */
  timeoutMs?: number | undefined;
  /** How long the run may wait for a worker, in milliseconds; it fails with ERR_POOL_QUEUE_TIMEOUT then. Default: no limit. */
  maxQueueMs?: number | undefined;
}

/** How a module is compiled. */
export interface CompileOptions extends Pick<RunLimits, 'maxMemoryBytes' | 'maxTableElements'> {
  /**
   * What it is called in messages, and argv[0]. Default: the path, or `module`.
   *
   * `maxMemoryBytes` and `maxTableElements` are written into the module that V8 compiles: with those of the runs to come, here,
   * the first of them need not wait for that. They bind no run.
   */
  name?: string | undefined;
}

/** Of a `Pool`, or of the workers that `Host.run` uses. */
export interface PoolOptions extends WorkerPoolOptions {
  /** Limits of every run that has none of its own. */
  defaults?: RunLimits | undefined;
}

/**
 * A directory for the guest, one of the host or an `Fd` of `@bjorn3/browser_wasi_shim`, or a socket. The guest finds them
 * as its descriptors 3, 4, … in this order.
 *
 * A `PreopenDirectory` is a tree in memory: the guest's changes are in its `File`s and `Directory`s at once, and links that
 * the guest makes are `SymbolicLink`s. Any other class is called as it is; what it throws, or answers against its
 * interface, is the guest's `io`.
 *
 * `socketFd` is the number of a descriptor of the process: a socket that listens (for `sock_accept`) or is connected. It
 * stays the embedder's to close, after the run; the connections that a guest accepts are closed with the guest. Whatever
 * else polls it, a `Server` of this process say, takes connections and bytes as well. One that listens becomes non-blocking
 * when a guest accepts from it, and stays so. Sockets belong after all directories: wasi-libc looks for directories from 3
 * on, and stops where there is none.
 */
export type HostPreopen =
  | {
      /** A directory of the host. */
      hostPath: string;
      /** Its name for the guest. Default: `hostPath`. */
      guestPath?: string | undefined;
      /** Whether the guest gets `rofs` for whatever would change something. Default: false. */
      readOnly?: boolean | undefined;
    }
  | {
      /** A tree in memory, or what an embedder made. */
      fd: ShimFd;
      /** Its name for the guest. */
      guestPath: string;
      /** As above. */
      readOnly?: boolean | undefined;
    }
  | {
      /** A descriptor of the process. */
      socketFd: number;
    };

/** What one guest is given, what it may take, and where it runs. Nothing is required. */
export interface HostRunOptions extends StdioOptions, RunLimits, QueueKey {
  /** Arguments of the guest, without argv[0]. Default: none. */
  args?: readonly string[] | undefined;
  /** The guest's name for itself. Default: the module's name. */
  argv0?: string | undefined;
  /** Environment variables. Default: none; nothing is inherited. */
  env?: Readonly<Record<string, string>> | undefined;
  /** Directories and sockets. Default: none. */
  preopens?: readonly HostPreopen[] | undefined;
  /** An export to call in place of the program's start, with arguments as text (`-1`, `0.5`, `nan`). */
  invoke?:
    | {
        /** Of the export. */
        name: string;
        /** One for each parameter. Default: none. */
        args?: readonly string[] | undefined;
      }
    | undefined;
  /** Whether wasi-nn is there to import. Default: true. */
  wasiNn?: boolean | undefined;
  /**
   * Registered graphs that the guest may load by name: their names, or for each name that the guest uses the name under
   * which it is registered. Default: none. A name that is not here is unknown to the guest.
   */
  graphs?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /**
   * Ends the guest when it is aborted, with ERR_GUEST_ABORTED. It runs in a worker then; with `mode: 'suspending'` it is ended
   * where it waits, and one that computes goes on.
   */
  signal?: AbortSignal | undefined;
  /**
   * Where the guest runs. `auto`, the default: `process` where the pool has such isolation; else on the calling thread,
   * suspended whenever it waits, where the engine can do that (JSPI: Node 24.21 and later) and there is no `timeoutMs` and
   * no `signal`, which need a worker; else in a worker thread. `calling-thread` blocks the caller until the guest has ended.
   * A module with objects of WebAssembly's garbage collection is run in a worker, too: there it is ended when it fills the
   * heap of JavaScript, where on the calling thread V8 would end the process.
   */
  mode?: 'auto' | RunMode | undefined;
  /** Records each phase and call, memory, and what OpenVINO's operations took, in `usage`. Default: false. */
  timeline?: boolean | undefined;
}

export const MODES = ['auto', 'calling-thread', 'suspending', 'thread', 'process'] as const satisfies readonly (
  | 'auto'
  | RunMode
)[];

/** What an embedder may ask of a host and of one run. Checked in `option-checks.ts`. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { BackendChoice } from '../engine/default-backends.ts';
import type { NamedGraph } from '../engine/nn-support.ts';
import type { Refusal } from '../nn/index.ts';

import type { HostSink, HostSource, StdioOptions } from '../stdio/contract.ts';

export type { BackendChoice, HostSink, HostSource };

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
  | { hostPath: string; guestPath?: string; readOnly?: boolean }
  | { guestPath: string; fd: ShimFd; readOnly?: boolean }
  | { socketFd: number };

export interface HostRunOptions extends StdioOptions {
  /** Without argv[0]. Default: none. */
  args?: readonly string[];
  /** Default: the module's name. */
  argv0?: string;
  /** Default: none; nothing is inherited. */
  env?: Readonly<Record<string, string>>;
  preopens?: readonly HostPreopen[];
  /** An export to call in place of the program's start, with arguments as text (`-1`, `0.5`, `nan`). */
  invoke?: { name: string; args?: readonly string[] };
  /** Default: true. */
  wasiNn?: boolean;
  /** What a linear memory may have, in bytes. Default: what the module declares. */
  maxMemoryBytes?: number;
  /** What a table may have. Default: what the module declares. */
  maxTableElements?: number;
  /**
   * What the guest may add to trees in memory, in bytes; more is `nospc`. An entry counts as 1 KiB and two bytes for each
   * character of its name and of its link's target. Default: 1 GiB.
   */
  maxMemoryFileBytes?: number;
  /**
   * Ends the guest after this many milliseconds, counted from its beginning. The guest runs in a worker thread then, and
   * elsewhere on the calling one, which it blocks. Default: none.
   */
  timeoutMs?: number;
  /** Ends the guest when it is aborted; `run` throws ERR_GUEST_ABORTED. The guest runs in a worker thread then, too. */
  signal?: AbortSignal;
}

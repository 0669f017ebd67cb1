/** What an embedder may give as standard streams. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import type { ByteSink } from './stream-sink.ts';
import type { ByteStream } from './stream-source.ts';

/**
 * Where standard input comes from.
 * - `'null'`: nothing; `'inherit'`: descriptor 0 of the process, waited for where it is a pipe or a terminal.
 * - bytes, which must not change meanwhile, or text, given as UTF-8.
 * - a file, opened for the run, or `fd`: a descriptor of the process, which stays open, or an `Fd` of the shim.
 * - a stream: Node's or the Web's, or any async iterable of bytes or text. The guest waits for each chunk, suspended or in a
 *   thread of its own. Nothing is read from the stream before the guest reads, and never more than one chunk
 *   ahead. It is let go when the guest has ended, not destroyed; an iterator is returned. When it fails, the guest's read is
 *   `io`, and `run` throws ERR_STDIO after the guest.
 */
export type HostSource =
  | 'inherit'
  | 'null'
  | Uint8Array
  | { text: string }
  | { file: string | URL }
  | { fd: number | ShimFd }
  | ByteStream;

/**
 * Where standard output or error goes.
 * - `'capture'`: into the result, up to `maxCaptureBytes`; `'null'`: nowhere; `'inherit'`: descriptor 1 or 2 of the process.
 * - a function, which gets each write, in order, before it returns to the guest; or, where the guest runs in a worker, soon
 *   after, in pieces of at most a mebibyte. What it throws is the guest's `io`, and `run` throws it after the guest. `run`
 *   waits for a promise that it returns, as a guest that is suspended or in a worker does before the next piece; a
 *   rejection is as if it threw.
 * - a file, opened for the run and cut to nothing, or appended to; one that is named for both outputs is opened once. Or
 *   `fd`: a descriptor of the process, which stays open, or an `Fd` of the shim.
 * - a stream, Node's or the Web's. The guest waits, suspended or in a thread of its own, while the stream wants no more: at
 *   most a mebibyte is underway, beside what the stream buffers itself. It is not ended. `run` waits until it has written
 *   everything. When it fails, the guest's writes are `io`, or `pipe` where it is closed, and `run` throws ERR_STDIO.
 */
export type HostSink =
  | 'capture'
  | 'inherit'
  | 'null'
  | ((bytes: Uint8Array) => void)
  | { file: string | URL; append?: boolean | undefined }
  | { fd: number | ShimFd }
  | ByteSink;

/** The standard streams of one run. */
export interface StdioOptions {
  /** Default: `null`, which is at its end at once. */
  stdin?: HostSource | undefined;
  /** Default: `capture`. */
  stdout?: HostSink | undefined;
  /** Default: `capture`. */
  stderr?: HostSink | undefined;
  /** Of each captured stream; more is dropped, and `truncated` says so. Default: 64 MiB. */
  maxCaptureBytes?: number | undefined;
}

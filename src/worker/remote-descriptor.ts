/** Descriptors of a guest that live on the thread beside it: trees in memory and classes of the embedder. */
import type { Offset, Status } from '../native/fs.ts';
import { ERRNO, type Errno } from '../wasi/errno.ts';
import { Descriptor, Directory, type Entry, type OpenRequest, type Readiness } from '../wasi/fd/descriptor.ts';
import type { Fdstat } from '../wasi/layout.ts';
import type { ThreadCaller } from './thread-call.ts';

/** A descriptor of the other thread, by number. */
export interface RemoteHandle {
  target: number;
  kind: 'directory' | 'file' | 'other';
}

/** One read or write moves no more: the guest sees a short count. */
export const MOST_REMOTE_BYTES = 16 * 2 ** 20;

/** What `status` answers. */
export type RemoteStatus = { errno: Errno; words: BigUint64Array };
/** What `read` answers: bytes, or a negated errno. */
export type RemoteBytes = Uint8Array | number;

export function remoteDescriptor(caller: ThreadCaller, handle: RemoteHandle): Descriptor {
  if (handle.kind === 'directory') return new RemoteDirectory(caller, handle.target);
  return new RemoteFile(caller, handle.target, handle.kind === 'file');
}

function remoteStatus(caller: ThreadCaller, target: number, out: Status, ...path: [] | [string, boolean]): Errno {
  const { errno, words } = caller.call(target, path.length === 0 ? 'status' : 'pathStatus', ...path) as RemoteStatus;
  if (errno === ERRNO.success) out.words.set(words);
  return errno;
}

class RemoteFile extends Descriptor {
  override readonly isFile: boolean;
  readonly #caller: ThreadCaller;
  readonly #target: number;

  constructor(caller: ThreadCaller, target: number, isFile: boolean) {
    super();
    this.#caller = caller;
    this.#target = target;
    this.isFile = isFile;
  }

  #call<Answer>(method: keyof Descriptor, ...args: readonly unknown[]): Answer {
    return this.#caller.call(this.#target, method, ...args) as Answer;
  }

  override fdstat(): Fdstat | Errno {
    return this.#call('fdstat');
  }
  override status(out: Status): Errno {
    return remoteStatus(this.#caller, this.#target, out);
  }

  override read(memory: Uint8Array, start: number, byteLength: number): number {
    return this.#take(memory, start, this.#call('read', Math.min(byteLength, MOST_REMOTE_BYTES)));
  }
  override readAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    return this.#take(memory, start, this.#call('readAt', Math.min(byteLength, MOST_REMOTE_BYTES), offset));
  }
  #take(memory: Uint8Array, start: number, bytes: RemoteBytes): number {
    if (typeof bytes === 'number') return bytes;
    memory.set(bytes, start);
    return bytes.byteLength;
  }

  override write(memory: Uint8Array, start: number, byteLength: number): number {
    return this.#call('write', copyOf(memory, start, byteLength));
  }
  override writeAt(memory: Uint8Array, start: number, byteLength: number, offset: Offset): number {
    return this.#call('writeAt', copyOf(memory, start, byteLength), offset);
  }

  override seek(offset: bigint, origin: number): bigint {
    return this.#call('seek', offset, origin);
  }
  override setFlags(flags: number): Errno {
    return this.#call('setFlags', flags);
  }
  override setRights(): Errno {
    return this.#call('setRights');
  }
  override setTimes(accessed: bigint, modified: bigint): Errno {
    return this.#call('setTimes', accessed, modified);
  }
  override truncate(byteLength: bigint): Errno {
    return this.#call('truncate', byteLength);
  }
  override allocate(offset: bigint, byteLength: bigint): Errno {
    return this.#call('allocate', offset, byteLength);
  }
  override advise(offset: bigint, byteLength: bigint, advice: number): Errno {
    return this.#call('advise', offset, byteLength, advice);
  }
  override sync(): Errno {
    return this.#call('sync');
  }
  override dataSync(): Errno {
    return this.#call('dataSync');
  }
  override readiness(direction: 'read' | 'write'): Readiness {
    return this.#call('readiness', direction);
  }
  override event(direction: 'read' | 'write'): { byteLength: bigint; hangup: boolean } {
    return this.#call('event', direction);
  }
  override close(): void {
    this.#call('close');
  }
}

/** Bytes of memory that may be shared, as the other thread may have them. */
function copyOf(memory: Uint8Array, start: number, byteLength: number): Uint8Array {
  const copy = new Uint8Array(Math.min(byteLength, MOST_REMOTE_BYTES));
  copy.set(memory.subarray(start, start + copy.byteLength));
  return copy;
}

class RemoteDirectory extends Directory {
  readonly #caller: ThreadCaller;
  readonly #target: number;

  constructor(caller: ThreadCaller, target: number) {
    super();
    this.#caller = caller;
    this.#target = target;
  }

  #call<Answer>(method: keyof Directory, ...args: readonly unknown[]): Answer {
    return this.#caller.call(this.#target, method, ...args) as Answer;
  }

  override fdstat(): Fdstat | Errno {
    return this.#call('fdstat');
  }
  override status(out: Status): Errno {
    return remoteStatus(this.#caller, this.#target, out);
  }
  override setTimes(accessed: bigint, modified: bigint): Errno {
    return this.#call('setTimes', accessed, modified);
  }
  override list(): Entry[] | Errno {
    return this.#call('list');
  }
  override open(path: string, request: OpenRequest): Descriptor | Errno {
    const opened = this.#call<RemoteHandle | Errno>('open', path, request);
    return typeof opened === 'number' ? opened : remoteDescriptor(this.#caller, opened);
  }
  override createDirectory(path: string): Errno {
    return this.#call('createDirectory', path);
  }
  override removeDirectory(path: string): Errno {
    return this.#call('removeDirectory', path);
  }
  override unlink(path: string): Errno {
    return this.#call('unlink', path);
  }
  override rename(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof RemoteDirectory)) return ERRNO.xdev;
    return this.#call('rename', path, target.#target, newPath);
  }
  override link(path: string, target: Directory, newPath: string): Errno {
    if (!(target instanceof RemoteDirectory)) return ERRNO.xdev;
    return this.#call('link', path, target.#target, newPath);
  }
  override symlink(target: string, path: string): Errno {
    return this.#call('symlink', target, path);
  }
  override readlink(path: string): Uint8Array | Errno {
    return this.#call('readlink', path);
  }
  override pathStatus(path: string, follow: boolean, out: Status): Errno {
    return remoteStatus(this.#caller, this.#target, out, path, follow);
  }
  override setPathTimes(path: string, follow: boolean, accessed: bigint, modified: bigint): Errno {
    return this.#call('setPathTimes', path, follow, accessed, modified);
  }
  override close(): void {
    this.#call('close');
  }
}

/** The thread beside a guest's: what the guest has open there, and the answers to its calls. */
import type { Fd as ShimFd } from '@bjorn3/browser_wasi_shim';
import { newStatus, type Offset } from '../native/fs.ts';
import { type Descriptor, Directory, type OpenRequest } from '../wasi/fd/descriptor.ts';
import { MemoryBudget } from '../wasi/fd/memory-budget.ts';
import { fromShim, type ShimUse } from '../wasi/fd/shim.ts';
import { DEFAULT_MAX_MEMORY_FILE_BYTES } from '../wasi/index.ts';
import { MOST_REMOTE_BYTES, type RemoteBytes, type RemoteHandle, type RemoteStatus } from './remote-descriptor.ts';
import type { ThreadCall } from './thread-call.ts';

/** Calls whose arguments and answers pass between threads as they are. */
const PLAIN_METHODS: ReadonlySet<string> = new Set([
  ...['fdstat', 'seek', 'setFlags', 'setRights', 'setTimes', 'truncate', 'allocate', 'advise', 'sync', 'dataSync'],
  ...['readiness', 'event', 'list', 'createDirectory', 'removeDirectory', 'unlink', 'symlink', 'readlink'],
  'setPathTimes',
]);

export class DescriptorServer {
  readonly #open = new Map<number, Descriptor>();
  readonly #budget: MemoryBudget;
  #next = 0;

  /** @param maxMemoryFileBytes what the guest may add to trees in memory */
  constructor(maxMemoryFileBytes: number = DEFAULT_MAX_MEMORY_FILE_BYTES) {
    this.#budget = new MemoryBudget(maxMemoryFileBytes);
  }

  /** Gives the guest's thread an `Fd` of the embedder. @throws HostError with the code of `use` */
  serve(fd: ShimFd, use: ShimUse, readOnly = false): RemoteHandle {
    const descriptor = fromShim(fd, this.#budget, use, readOnly);
    if (use.code === 'ERR_PREOPEN') descriptor.preopenName = new TextEncoder().encode(use.name);
    return this.#add(descriptor);
  }

  #add(descriptor: Descriptor): RemoteHandle {
    const target = this.#next++;
    this.#open.set(target, descriptor);
    const kind = descriptor instanceof Directory ? 'directory' : descriptor.isFile ? 'file' : 'other';
    return { target, kind };
  }

  /** @throws what code of the embedder throws; Error for what is no call */
  answer({ target, method, args }: ThreadCall): unknown {
    const descriptor = this.#open.get(target);
    if (descriptor === undefined) throw new Error('the descriptor is closed');
    if (PLAIN_METHODS.has(method)) {
      return (descriptor as unknown as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args);
    }
    if (method === 'close') return this.#close(target, descriptor);
    if (method === 'status') return statusOf((out) => descriptor.status(out));
    if (method === 'read' || method === 'readAt') return readFrom(descriptor, args as [number, Offset?]);
    if (method === 'write' || method === 'writeAt') return writeTo(descriptor, args as [Uint8Array, Offset?]);
    if (descriptor instanceof Directory) return this.#answerDirectory(descriptor, method, args);
    throw new Error(`no call ${method}`);
  }

  #answerDirectory(directory: Directory, method: string, args: readonly unknown[]): unknown {
    if (method === 'pathStatus') {
      const [path, follow] = args as [string, boolean];
      return statusOf((out) => directory.pathStatus(path, follow, out));
    }
    if (method === 'open') {
      const opened = directory.open(...(args as [string, OpenRequest]));
      return typeof opened === 'number' ? opened : this.#add(opened);
    }
    const [path, target, newPath] = args as [string, number, string];
    const other = this.#open.get(target);
    if ((method === 'rename' || method === 'link') && other instanceof Directory) {
      return directory[method](path, other, newPath);
    }
    throw new Error(`no call ${method}`);
  }

  #close(target: number, descriptor: Descriptor): void {
    this.#open.delete(target);
    descriptor.close();
  }

  /** Closes what the guest left open. */
  closeAll(): void {
    for (const [target, descriptor] of this.#open) {
      try {
        this.#close(target, descriptor);
      } catch {
        // Of the embedder's; the guest is gone, and the others are to be closed all the same.
      }
    }
  }
}

function statusOf(fill: (out: ReturnType<typeof newStatus>) => number): RemoteStatus {
  const out = newStatus();
  const errno = fill(out);
  return { errno, words: out.words };
}

function readFrom(descriptor: Descriptor, [byteLength, offset]: [number, Offset?]): RemoteBytes {
  const room = new Uint8Array(Math.min(byteLength, MOST_REMOTE_BYTES));
  const count =
    offset === undefined
      ? descriptor.read(room, 0, room.byteLength)
      : descriptor.readAt(room, 0, room.byteLength, offset);
  return count < 0 ? count : room.slice(0, count);
}

function writeTo(descriptor: Descriptor, [bytes, offset]: [Uint8Array, Offset?]): number {
  return offset === undefined
    ? descriptor.write(bytes, 0, bytes.byteLength)
    : descriptor.writeAt(bytes, 0, bytes.byteLength, offset);
}

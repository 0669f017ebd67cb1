import { constants as osConstants } from 'node:os';
import { HostError } from '../errors.ts';
import type { NativeFs } from '../native/fs.ts';
import type { Preopen } from './contract.ts';
import type { Descriptor } from './fd/descriptor.ts';
import { HostDirectory } from './fd/host-directory.ts';
import type { MemoryBudget } from './fd/memory-budget.ts';
import { fromShim } from './fd/shim.ts';
import { Socket } from './fd/socket.ts';
import type { Waits } from './suspending.ts';

const encoder = new TextEncoder();

/**
 * Opens what the embedder gives to the guest.
 * @throws HostError ERR_PREOPEN for a directory that cannot be opened and what is no socket; the message names it and the
 *   system's reason
 */
export function openPreopen(
  fs: NativeFs,
  preopen: Preopen,
  budget: MemoryBudget,
  waits: Waits | undefined,
): Descriptor {
  if (preopen.kind === 'socket') return openSocket(fs, preopen.fd, waits);
  const descriptor = describe(fs, preopen, budget);
  descriptor.preopenName = encoder.encode(preopen.guestPath);
  return descriptor;
}

function describe(fs: NativeFs, preopen: Exclude<Preopen, { kind: 'socket' }>, budget: MemoryBudget): Descriptor {
  if (preopen.kind === 'descriptor') return preopen.descriptor;
  if (preopen.kind === 'shim')
    return fromShim(preopen.fd, budget, { code: 'ERR_PREOPEN', name: preopen.guestPath }, preopen.readOnly);
  return openHostDirectory(fs, preopen);
}

function openHostDirectory(fs: NativeFs, preopen: { hostPath: string; readOnly?: boolean }): Descriptor {
  const fd = fs.openDirectory(preopen.hostPath);
  if (fd < 0) {
    throw new HostError('ERR_PREOPEN', `cannot open the directory '${preopen.hostPath}': ${systemReason(-fd)}`);
  }
  return new HostDirectory(fs, fd, preopen.readOnly ?? false);
}

function openSocket(fs: NativeFs, fd: number, waits: Waits | undefined): Descriptor {
  const result = fs.isDatagram(fd);
  if (result < 0) {
    throw new HostError('ERR_PREOPEN', `cannot use descriptor ${fd} as a socket: ${systemReason(-result)}`);
  }
  return new Socket(fs, fd, false, 0, waits);
}

/** The name of an errno of the system, for messages. */
function systemReason(errno: number): string {
  const entry = Object.entries(osConstants.errno).find(([, number]) => number === errno);
  const words: Record<string, string> = {
    ENOENT: 'no such directory',
    ENOTDIR: 'not a directory',
    EACCES: 'permission denied',
    EMFILE: 'too many open files',
    EBADF: 'no open descriptor',
    ENOTSOCK: 'no socket',
    ENOTSUP: 'the addon is missing',
  };
  const name = entry?.[0] ?? `errno ${errno}`;
  return words[name] === undefined ? name : `${words[name]} (${name})`;
}

import type { GuestMemory } from '../guest/memory.ts';
import { newStatus, STATUS } from '../native/fs.ts';
import { type Context, directoryOf, type Functions } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import type { Directory, Entry } from './fd/descriptor.ts';
import { FILE_TYPE } from './layout.ts';

const ENTRY_BYTES = 24;
const encoder = new TextEncoder();

/** Directories: what they hold, and preopens' names. */
export function fdDirectoryFunctions(context: Context): Functions {
  const { memory, descriptors, listings } = context;
  return {
    /**
     * Writes entries of a directory, as many as fit; the last one may be cut anywhere. A buffer that was not filled means
     * the end.
     *
     * ```
     *  0            8           16          20        21    24           24 + namlen
     *  | d_next u64 | d_ino u64 | namlen u32 | type u8 |  –  | name bytes | next entry …
     * ```
     * `.` and `..` come first. `d_next` is the cookie of the entry after this one. Cookies count in a listing that is taken
     * anew by every call with cookie 0, so that entries made or removed meanwhile shift none. (Of many large directories that
     * are read at once, the listings of those that were begun first may be taken anew.)
     *
     * @param cookie 0, or a `d_next`
     * @param used offset of a u32 for the bytes written
     * @returns `success`; `badf` for what is no directory; `ilseq` where a name is not UTF-8; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_readdir
     */
    fd_readdir(fd: number, buffer: number, byteLength: number, cookie: bigint, used: number): Errno {
      memory.check(used, 4);
      memory.check(buffer, byteLength);
      const directory = directoryOf(context, fd);
      if (typeof directory === 'number') return directory;
      const from = BigInt.asUintN(64, cookie);
      const kept = from === 0n ? undefined : listings.of(directory);
      const listing = kept ?? list(directory);
      if (typeof listing === 'number') return listing;
      if (kept === undefined) listings.keep(directory, listing);
      memory.writeU32(used, writeEntries(memory, listing, from, buffer >>> 0, byteLength >>> 0));
      return ERRNO.success;
    },

    /**
     * Writes how long the name of a preopened directory is.
     *
     * ```
     *  0       1   4                  8
     *  | tag u8 | – | name length u32 |
     * ```
     * @param stat offset of 8 bytes
     * @returns `success`; `badf` for what is no preopen: guests go through 3, 4, … until they see it; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_prestat_get
     */
    fd_prestat_get(fd: number, stat: number): Errno {
      memory.check(stat, 8);
      const name = descriptors.get(fd)?.preopenName;
      if (name === undefined) return ERRNO.badf;
      memory.writeU32(stat, 0);
      memory.writeU32((stat >>> 0) + 4, name.byteLength);
      return ERRNO.success;
    },

    /**
     * Writes the name of a preopened directory, without a NUL.
     *
     * @param path offset of the buffer
     * @param byteLength its length
     * @returns `success`; `nametoolong` where the buffer is too small; `notdir` for what is no preopen; `badf`; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_prestat_dir_name
     */
    fd_prestat_dir_name(fd: number, path: number, byteLength: number): Errno {
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const name = descriptor.preopenName;
      if (name === undefined) return ERRNO.notdir;
      if (name.byteLength > byteLength >>> 0) return ERRNO.nametoolong;
      memory.write(path, name);
      return ERRNO.success;
    },
  };
}

/** Both dots carry the number of the directory itself: what is above it is none of the guest's business. */
function list(directory: Directory): readonly Entry[] | Errno {
  const entries = directory.list();
  if (typeof entries === 'number') return entries;
  const status = newStatus();
  const errno = directory.status(status);
  if (errno !== ERRNO.success) return errno;
  const inode = status.words[STATUS.inode] ?? 0n;
  const dots = ['.', '..'].map((name) => ({ inode, fileType: FILE_TYPE.directory, name: encoder.encode(name) }));
  return [...dots, ...entries];
}

const head = new Uint8Array(ENTRY_BYTES);
const headView = new DataView(head.buffer);

/** Writes entries from number `from` on into `[start, start + room)`; answers how many bytes. */
function writeEntries(
  memory: GuestMemory,
  entries: readonly Entry[],
  from: bigint,
  start: number,
  room: number,
): number {
  const bytes = memory.bytes();
  const end = start + room;
  let at = start;
  const first = from > BigInt(entries.length) ? entries.length : Number(from);
  for (let index = first; index < entries.length && at < end; index++) {
    const { inode, fileType, name } = entries[index] as Entry;
    headView.setBigUint64(0, BigInt(index + 1), true);
    headView.setBigUint64(8, inode, true);
    headView.setUint32(16, name.byteLength, true);
    headView.setUint32(20, fileType, true);
    at = copy(bytes, at, end, head);
    at = copy(bytes, at, end, name);
  }
  return at - start;
}

function copy(target: Uint8Array, at: number, end: number, source: Uint8Array): number {
  const part = source.byteLength <= end - at ? source : source.subarray(0, end - at);
  target.set(part, at);
  return at + part.byteLength;
}

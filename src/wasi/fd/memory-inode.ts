import type { Directory as ShimDirectory, File as ShimFile, Inode as ShimInode } from '@bjorn3/browser_wasi_shim';
import { MODE, STATUS, type Status, setMode, TIME_OMIT } from '../../native/fs.ts';
import { FILE_TYPE } from '../layout.ts';

/** What the shim's inodes have no room for, kept beside them. */
interface Notes {
  accessed: bigint;
  modified: bigint;
  changed: bigint;
  links: bigint;
  /** A directory that was removed while somebody had it open. */
  isRemoved: boolean;
  /** How often a file is open, and what its bytes took of the guest's budget. */
  opens: number;
  charged: number;
}

const notes = new WeakMap<ShimInode, Notes>();

export function notesOf(inode: ShimInode): Notes {
  let found = notes.get(inode);
  if (found === undefined) {
    found = { accessed: 0n, modified: 0n, changed: 0n, links: 1n, isRemoved: false, opens: 0, charged: 0 };
    notes.set(inode, found);
  }
  return found;
}

/** Told by what it holds and not by its class: the embedder's copy of the shim may be another one than ours. */
export function isDirectory(inode: ShimInode): inode is ShimDirectory {
  return (inode as Partial<ShimDirectory>).contents instanceof Map;
}

export function isFile(inode: ShimInode): inode is ShimFile {
  return (inode as Partial<ShimFile>).data instanceof Uint8Array && inode.constructor.name === 'File';
}

const MODES: Readonly<Record<number, number>> = {
  [FILE_TYPE.blockDevice]: MODE.blockDevice,
  [FILE_TYPE.characterDevice]: MODE.characterDevice,
  [FILE_TYPE.directory]: MODE.directory,
  [FILE_TYPE.regularFile]: MODE.regular,
  [FILE_TYPE.socketDgram]: MODE.socket,
  [FILE_TYPE.socketStream]: MODE.socket,
  [FILE_TYPE.symbolicLink]: MODE.link,
};

/** The POSIX type bits of a preview1 file type. */
export function modeFromFileType(fileType: number): number {
  return MODES[fileType] ?? 0;
}

export function fileTypeOf(inode: ShimInode): number {
  if (isDirectory(inode)) return FILE_TYPE.directory;
  return isFile(inode) ? FILE_TYPE.regularFile : inode.stat().filetype;
}

export function writeInodeStatus(inode: ShimInode, out: Status): void {
  const { accessed, modified, changed, links } = notesOf(inode);
  const { words } = out;
  words.fill(0n);
  words[STATUS.inode] = inode.ino;
  setMode(out, modeFromFileType(fileTypeOf(inode)));
  words[STATUS.links] = links;
  words[STATUS.size] = isFile(inode) ? BigInt(inode.data.byteLength) : isDirectory(inode) ? 0n : inode.stat().size;
  words[STATUS.accessed] = accessed;
  words[STATUS.modified] = modified;
  words[STATUS.changed] = changed;
}

export function setInodeTimes(inode: ShimInode, accessed: bigint, modified: bigint): void {
  const own = notesOf(inode);
  if (accessed !== TIME_OMIT) own.accessed = accessed;
  if (modified !== TIME_OMIT) own.modified = modified;
  own.changed = nowNs();
}

/** Notes that the bytes of a file, or the entries of a directory, have changed. */
export function touch(inode: ShimInode): void {
  const own = notesOf(inode);
  own.modified = nowNs();
  own.changed = own.modified;
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

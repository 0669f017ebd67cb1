import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Directory, File, Inode, PreopenDirectory, wasi } from '@bjorn3/browser_wasi_shim';
import { SymbolicLink } from '../../src/wasi/index.ts';

/** Neither a file nor a directory: what a FIFO is, in a tree in memory, can only be said by a class of the embedder's. */
class Fifo extends Inode {
  override path_open() {
    return { ret: wasi.ERRNO_NOTSUP, fd_obj: null };
  }
  override stat() {
    return new wasi.Filestat(this.ino, wasi.FILETYPE_UNKNOWN, 0n);
  }
}

/** What a directory of the host holds, as a tree in memory; two names of one file stay one file. */
export function memoryTreeOf(hostPath: string): PreopenDirectory {
  const known = new Map<bigint, Inode>();
  const contents = (path: string): Map<string, Inode> =>
    new Map(readdirSync(path).map((name) => [name, inodeOf(join(path, name))]));
  const inodeOf = (path: string): Inode => {
    const status = lstatSync(path, { bigint: true });
    const inode = known.get(status.ino) ?? make(path, status);
    known.set(status.ino, inode);
    return inode;
  };
  const make = (path: string, status: ReturnType<typeof lstatSync>): Inode => {
    if (status?.isDirectory()) return new Directory(contents(path));
    if (status?.isSymbolicLink()) return new SymbolicLink(readlinkSync(path));
    return status?.isFile() ? new File(readFileSync(path)) : new Fifo();
  };
  return new PreopenDirectory('/', contents(hostPath));
}

import type { Fd as ShimFd, Inode as ShimInode } from '@bjorn3/browser_wasi_shim';
import { invalidOption, isText } from '../../options.ts';
import { ERRNO } from '../errno.ts';
import { FILE_TYPE } from '../layout.ts';

/** Far from the numbers that the shim gives to its own. */
let nextInode = 1n << 62n;

/**
 * A symbolic link of a tree in memory, which `@bjorn3/browser_wasi_shim` has no class for: an entry of a `Directory` beside
 * its `File`s. Guests' own links are of this class, too.
 */
export class SymbolicLink implements ShimInode {
  /** Its number for `fd_readdir` and status, unlike every other. */
  readonly ino: bigint = nextInode++;
  /** A path relative to the directory that the link is in. One that leads out of the tree is `perm` to the guest. */
  readonly target: string;

  /**
   * @param target see {@link SymbolicLink.target}
   * @throws OptionError ERR_OPTION_INVALID for what is no text
   */
  constructor(target: string) {
    if (!isText(target)) throw invalidOption('target', 'text', target);
    this.target = target;
  }

  /** For the shim: what is known of the link itself. */
  stat(): ReturnType<ShimInode['stat']> {
    const { ino, target } = this;
    const zero = 0n;
    const size = BigInt(Buffer.byteLength(target));
    const stat = {
      dev: zero,
      ino,
      filetype: FILE_TYPE.symbolicLink,
      nlink: 1n,
      size,
      atim: zero,
      mtim: zero,
      ctim: zero,
    };
    // The shim writes its own class to a guest's memory; to us it is data.
    return { ...stat, write_bytes: () => {} } as ReturnType<ShimInode['stat']>;
  }

  /** For the shim: a link is never opened itself, which is `loop`. */
  path_open(): { ret: number; fd_obj: ShimFd | null } {
    return { ret: ERRNO.loop, fd_obj: null };
  }
}

/** Told by what it holds, as the shim's own classes are. */
export function isLink(inode: ShimInode): inode is SymbolicLink {
  return typeof (inode as Partial<SymbolicLink>).target === 'string';
}

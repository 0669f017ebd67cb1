import { ERRNO, type Errno } from '../errno.ts';
import { ALL_RIGHTS, FDFLAGS, type Fdstat, RIGHTS } from '../layout.ts';
import { Descriptor, type Readiness } from './descriptor.ts';

export interface OpenedFileOptions {
  readable: boolean;
  writable: boolean;
  /** fdflags */
  flags: number;
  /** Opened below a read-only preopen: nothing about it may change. */
  readOnly: boolean;
}

const MOST_FLAGS = FDFLAGS.append | FDFLAGS.nonblock;

/** What files have in common, of the host and in memory: how they were opened, and what follows from that. */
export abstract class OpenedFile extends Descriptor {
  override readonly isFile = true;
  protected readonly options: OpenedFileOptions;
  #flags: number;

  constructor(options: OpenedFileOptions) {
    super();
    this.options = options;
    this.#flags = options.flags & MOST_FLAGS;
  }

  protected get appends(): boolean {
    return (this.#flags & FDFLAGS.append) !== 0;
  }

  protected fdstatOf(fileType: number): Fdstat {
    let rights = ALL_RIGHTS;
    if (!this.options.readable) rights &= ~(RIGHTS.fdRead | RIGHTS.fdReaddir);
    if (!this.options.writable) rights &= ~RIGHTS.fdWrite;
    return { fileType, flags: this.#flags, rights, inheriting: rights };
  }

  override setFlags(flags: number): Errno {
    if ((flags & ~MOST_FLAGS) !== 0) return ERRNO.inval;
    this.#flags = flags;
    return ERRNO.success;
  }

  override setRights(): Errno {
    return ERRNO.notsup;
  }

  override allocate(): Errno {
    return ERRNO.notsup;
  }

  override readiness(): Readiness {
    return 'ready';
  }
}

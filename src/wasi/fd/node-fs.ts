/**
 * The file calls of `native/fs.ts` over `node:fs`, for Linux without the addon. What Node cannot do is as near as it gets:
 * times lose what is below a microsecond, appending is not atomic, a read of a blocking stream blocks, waiting for a
 * descriptor looks again every few milliseconds, and there are no sockets.
 */
import { randomFillSync } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { constants as osConstants } from 'node:os';
import { isatty } from 'node:tty';
import { MODE, type NativeFs, type Offset, STATUS, TIME_NOW, TIME_OMIT } from '../../native/fs.ts';
import { atParent, attempt, childOf, errnoOf, O_PATH, openBeneath } from './node-walk.ts';
import { oneName } from './path-text.ts';

const { EBADF, EFAULT, EFBIG, EINVAL, ENOTSUP } = osConstants.errno;
const MOST_AT_ONCE = 0x7ffff000;
const MOST_SIGNED = (1n << 63n) - 1n;
/** How long a wait for a descriptor sleeps before it is tried again. */
const RETRY_MS = 5;

const constants = {
  ...nodeFs.constants,
  O_CLOEXEC: 0o2000000,
  POLLIN: 0x01,
  POLLOUT: 0x04,
  POLLERR: 0x08,
  POLLHUP: 0x10,
  POLLNVAL: 0x20,
};

/** 0, or the negative errno of what was thrown. */
function done(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

function fill(words: BigUint64Array, stats: nodeFs.BigIntStats): number {
  words[STATUS.device] = stats.dev;
  words[STATUS.inode] = stats.ino;
  words[STATUS.mode] = stats.mode;
  words[STATUS.links] = stats.nlink;
  words[STATUS.size] = stats.size;
  words[STATUS.accessed] = stats.atimeNs;
  words[STATUS.modified] = stats.mtimeNs;
  words[STATUS.changed] = stats.ctimeNs;
  return 0;
}

function bigint(path: string): nodeFs.BigIntStats {
  return nodeFs.lstatSync(path, { bigint: true });
}

function descriptorStatus(fd: number): nodeFs.BigIntStats {
  return nodeFs.fstatSync(fd, { bigint: true });
}

/** Uses a descriptor and closes it. */
function using(fd: number, call: (fd: number) => number): number {
  if (fd < 0) return fd;
  try {
    return call(fd);
  } catch (error) {
    return errnoOf(error);
  } finally {
    nodeFs.closeSync(fd);
  }
}

/** Seconds, as Node counts; what is to stay as it is comes from the status. */
function seconds(time: bigint, now: bigint): number {
  if (time === TIME_NOW) return Date.now() / 1000;
  return Number(time === TIME_OMIT ? now : time) / 1e9;
}

function inRange(memory: Uint8Array, start: number, byteLength: number): boolean {
  return start >= 0 && byteLength >= 0 && start + byteLength <= memory.byteLength;
}

type Transfer = (fd: number, memory: Uint8Array, start: number, byteLength: number, at: number | null) => number;

const read: Transfer = (...args) => nodeFs.readSync(...args);
const write: Transfer = (...args) => nodeFs.writeSync(...args);

/** Whether a descriptor was opened to be read, or to be written. */
function isOpenFor(fd: number, call: Transfer): boolean {
  const flags = /^flags:\s+([0-7]+)/m.exec(nodeFs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
  const mode = Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR);
  return mode !== (call === read ? constants.O_WRONLY : constants.O_RDONLY);
}

/** One read or write of at most what the system moves at once. */
function transfer(
  call: Transfer,
  fd: number,
  memory: Uint8Array,
  start: number,
  byteLength: number,
  offset: Offset | null,
): number {
  if (!inRange(memory, start, byteLength)) return -EFAULT;
  if (offset !== null && (offset < 0 || BigInt(offset) > MOST_SIGNED)) return -EINVAL;
  const overflows = offset !== null && BigInt(offset) > MOST_SIGNED - BigInt(byteLength);
  // Node asks the system for neither of the two.
  if ((byteLength === 0 || overflows) && !isOpenFor(fd, call)) return -EBADF;
  if (overflows) return -EINVAL;
  // Writes take no BigInt for a position; no file system here has files that need one.
  if (offset !== null && offset > Number.MAX_SAFE_INTEGER) return call === write ? -EFBIG : 0;
  const length = Math.min(byteLength, MOST_AT_ONCE);
  return attempt(() => call(fd, memory, start, length, offset === null ? null : Number(offset)));
}

const typeOf = (entry: nodeFs.Dirent<Buffer>): number => {
  if (entry.isFile()) return MODE.regular;
  if (entry.isDirectory()) return MODE.directory;
  if (entry.isSymbolicLink()) return MODE.link;
  if (entry.isFIFO()) return MODE.fifo;
  if (entry.isCharacterDevice()) return MODE.characterDevice;
  if (entry.isBlockDevice()) return MODE.blockDevice;
  return entry.isSocket() ? MODE.socket : 0;
};

function packEntry(directory: number, entry: nodeFs.Dirent<Buffer>): Buffer[] {
  const head = Buffer.alloc(16);
  // Node tells no inode with an entry, and takes names that are not UTF-8 only as bytes.
  const path = Buffer.concat([Buffer.from(childOf(directory, '')), entry.name]);
  const inode = attempt(() => nodeFs.lstatSync(path, { bigint: true }).ino);
  head.writeBigUInt64LE(typeof inode === 'bigint' ? inode : 0n, 0);
  head.writeUInt32LE(typeOf(entry), 8);
  head.writeUInt32LE(entry.name.byteLength, 12);
  return [head, entry.name];
}

function sleep(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Makes the file calls of a Linux without the addon. */
export function createNodeFs(): NativeFs {
  return {
    constants,

    openDirectory: (hostPath) => attempt(() => nodeFs.openSync(hostPath, constants.O_RDONLY | constants.O_DIRECTORY)),
    open: (directory, path, flags, mode) => openBeneath(directory, path, flags, mode),
    stat(directory, path, follow, words) {
      const name = follow && path.includes('/') ? undefined : oneName(path);
      if (name !== undefined && !path.includes('\0')) {
        const stats = attempt(() => bigint(childOf(directory, name)));
        if (typeof stats === 'number') return stats;
        if (!follow || !stats.isSymbolicLink()) return fill(words, stats);
      }
      const fd = openBeneath(directory, path, O_PATH | (follow ? 0 : constants.O_NOFOLLOW), 0);
      return using(fd, (opened) => fill(words, descriptorStatus(opened)));
    },
    makeDirectory: (directory, path, mode) =>
      atParent(directory, path, 'ignored', (child) => done(() => nodeFs.mkdirSync(child, mode))),
    removeDirectory: (directory, path) =>
      atParent(directory, path, 'enters', (child) => done(() => nodeFs.rmdirSync(child))),
    unlink: (directory, path) => atParent(directory, path, 'enters', (child) => done(() => nodeFs.unlinkSync(child))),
    rename: (directory, path, newDirectory, newPath) =>
      atParent(directory, path, 'kept', (child) =>
        atParent(newDirectory, newPath, 'kept', (newChild) => done(() => nodeFs.renameSync(child, newChild))),
      ),
    link: (directory, path, newDirectory, newPath) =>
      atParent(directory, path, 'enters', (child) =>
        atParent(newDirectory, newPath, 'enters', (newChild) => done(() => nodeFs.linkSync(child, newChild))),
      ),
    symbolicLink(target, directory, path) {
      return atParent(directory, path, 'enters', (child) => done(() => nodeFs.symlinkSync(target, child)));
    },
    readLink: (directory, path, target) =>
      atParent(directory, path, 'enters', (child) => nodeFs.readlinkSync(child, 'buffer').copy(target)),
    setTimes(directory, path, follow, accessed, modified) {
      if (!follow) {
        return atParent(directory, path, 'enters', (child) => {
          // As Linux does it: where there is nothing to set, the name is not looked at.
          if (accessed === TIME_OMIT && modified === TIME_OMIT) return 0;
          const now = bigint(child);
          return done(() => nodeFs.lutimesSync(child, seconds(accessed, now.atimeNs), seconds(modified, now.mtimeNs)));
        });
      }
      return using(openBeneath(directory, path, O_PATH, 0), (fd) => {
        const now = descriptorStatus(fd);
        // The descriptor is of no link: what it stands for is named by the number alone.
        const name = `/proc/self/fd/${fd}`;
        return done(() => nodeFs.utimesSync(name, seconds(accessed, now.atimeNs), seconds(modified, now.mtimeNs)));
      });
    },
    setResolver: () => 0,

    close: (fd) => done(() => nodeFs.closeSync(fd)),
    statDescriptor: (fd, words) => attempt(() => fill(words, descriptorStatus(fd))),
    setDescriptorTimes: (fd, accessed, modified) =>
      attempt(() => {
        const now = descriptorStatus(fd);
        return done(() => nodeFs.futimesSync(fd, seconds(accessed, now.atimeNs), seconds(modified, now.mtimeNs)));
      }),
    readAt: (fd, memory, start, byteLength, offset) => transfer(read, fd, memory, start, byteLength, offset),
    writeAt: (fd, memory, start, byteLength, offset) => transfer(write, fd, memory, start, byteLength, offset),
    append(fd, memory, start, byteLength) {
      const stats = attempt(() => descriptorStatus(fd));
      if (typeof stats === 'number') return stats;
      return transfer(write, fd, memory, start, byteLength, stats.size);
    },
    truncate(fd, byteLength) {
      if (byteLength < 0n || byteLength > MOST_SIGNED) return -EINVAL;
      if (byteLength > BigInt(Number.MAX_SAFE_INTEGER)) return -EFBIG;
      return done(() => nodeFs.ftruncateSync(fd, Number(byteLength)));
    },
    sync: (fd) => done(() => nodeFs.fsyncSync(fd)),
    dataSync: (fd) => done(() => nodeFs.fdatasyncSync(fd)),
    advise: (_fd, _offset, byteLength) => (byteLength < 0n ? -EINVAL : 0),
    isTerminal: (fd) => (isatty(fd) ? 1 : 0),
    listDirectory: (fd) =>
      attempt(() => {
        const entries = nodeFs.readdirSync(childOf(fd, '.'), { withFileTypes: true, encoding: 'buffer' });
        // A buffer of its own: small ones of Node share one.
        return new Uint8Array(Buffer.concat(entries.flatMap((entry) => packEntry(fd, entry))));
      }),

    readNow: (fd, memory, start, byteLength) => transfer(read, fd, memory, start, byteLength, null),
    writeNow: (fd, memory, start, byteLength) => transfer(write, fd, memory, start, byteLength, null),
    wait(triples, milliseconds) {
      sleep(triples.length === 0 ? milliseconds : Math.min(milliseconds, RETRY_MS));
      for (let at = 0; at < triples.length; at += 3) triples[at + 2] = triples[at + 1] ?? 0;
      return triples.length / 3;
    },
    available: () => -ENOTSUP,
    isDatagram: () => -ENOTSUP,
    accept: () => -ENOTSUP,
    receive: () => -ENOTSUP,
    send: () => -ENOTSUP,
    shutdown: () => -ENOTSUP,

    clockTime(realtime) {
      if (!realtime) return process.hrtime.bigint();
      return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    },
    random: (memory, start, byteLength) =>
      inRange(memory, start, byteLength) ? done(() => randomFillSync(memory, start, byteLength)) : -EFAULT,
  };
}

/** Checks of what objects of the embedder answer. An exception here is the guest's `io`, and its words are the operator's. */
import { STATUS, type Status, setMode } from '../../native/fs.ts';
import { ERRNO, type Errno, failed } from '../errno.ts';
import { modeFromFileType } from './memory-inode.ts';

/** What the shim answers for a call that an `Fd` does not know. */
export const UNKNOWN_CALL = ERRNO.notsup;

/** As long as a name may be that a directory of the embedder's lists. */
const MOST_NAME_BYTES = 4096;

/** @throws TypeError for what is no errno */
export function checkedErrno(ret: unknown): Errno {
  if (Number.isInteger(ret) && (ret as number) >= 0 && (ret as number) <= ERRNO.notcapable) return ret as Errno;
  throw new TypeError(`an errno was expected, got ${text(ret)}`);
}

/** The errno where there is no result, which must not be `success`. @throws TypeError */
export function failureOf(ret: unknown): Errno {
  const errno = checkedErrno(ret);
  if (errno === ERRNO.success) throw new TypeError('success without a result');
  return errno;
}

/** The errno of a call on bytes, negated: what an `Fd` does not know is `badf`, as with any other descriptor. */
export function failedIo(ret: unknown): number {
  const errno = checkedErrno(ret);
  return failed(errno === UNKNOWN_CALL ? ERRNO.badf : errno);
}

/** @throws TypeError for what is no Uint8Array, RangeError for more than was asked for */
export function checkedBytes(data: unknown, mostBytes: number): Uint8Array {
  if (!(data instanceof Uint8Array)) throw new TypeError(`bytes were expected, got ${text(data)}`);
  if (data.byteLength > mostBytes) throw new RangeError(`asked for ${mostBytes} bytes, got ${data.byteLength}`);
  return data;
}

export function checkedName(name: unknown): Uint8Array {
  return checkedBytes(name, MOST_NAME_BYTES).slice();
}

/** @throws RangeError for what is no number of bytes up to `most` */
export function checkedCount(count: unknown, most: number): number {
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) return count as number;
  throw new RangeError(`${text(count)} of ${most} bytes written`);
}

/** An unsigned 64-bit number. @throws TypeError for what is no bigint */
export function checkedWord(word: unknown): bigint {
  if (typeof word !== 'bigint') throw new TypeError(`a bigint was expected, got ${text(word)}`);
  return BigInt.asUintN(64, word);
}

/** @throws RangeError for what is no number of that many bits */
export function checkedNumber(number: unknown, bits: 8 | 16): number {
  if (Number.isInteger(number) && (number as number) >= 0 && (number as number) < 2 ** bits) return number as number;
  throw new RangeError(`a number of ${bits} bits was expected, got ${text(number)}`);
}

/** A status as the shim words it. */
interface ShimStatus {
  ino: bigint;
  filetype: number;
  nlink: bigint;
  size: bigint;
  atim: bigint;
  mtim: bigint;
  ctim: bigint;
}

/** The status of `ret` and `stat`, in our words. @throws TypeError, RangeError */
export function writeShimStatus(ret: unknown, stat: ShimStatus | null | undefined, out: Status): Errno {
  const errno = checkedErrno(ret);
  if (errno !== ERRNO.success) return errno;
  if (typeof stat !== 'object' || stat === null) throw new TypeError(`a status was expected, got ${text(stat)}`);
  const { words } = out;
  words.fill(0n);
  words[STATUS.inode] = checkedWord(stat.ino);
  setMode(out, modeFromFileType(checkedNumber(stat.filetype, 8)));
  words[STATUS.links] = checkedWord(stat.nlink);
  words[STATUS.size] = checkedWord(stat.size);
  words[STATUS.accessed] = checkedWord(stat.atim);
  words[STATUS.modified] = checkedWord(stat.mtim);
  words[STATUS.changed] = checkedWord(stat.ctim);
  return ERRNO.success;
}

/** What came, without asking it for anything: it may be an object that throws. */
function text(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || value === null) return String(value);
  return typeof value;
}

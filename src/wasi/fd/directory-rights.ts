/** What directories, real or in memory, say that one may do with them and with what is opened below. */
import { ALL_RIGHTS, type Fdstat, FILE_TYPE, RIGHTS } from '../layout.ts';

/** What a preopen says that one may do with it; guests' libraries read it to choose a preopen. */
const PREOPEN_RIGHTS =
  RIGHTS.pathCreateDirectory |
  RIGHTS.pathCreateFile |
  RIGHTS.pathLinkSource |
  RIGHTS.pathLinkTarget |
  RIGHTS.pathOpen |
  RIGHTS.fdReaddir |
  RIGHTS.pathReadlink |
  RIGHTS.pathRenameSource |
  RIGHTS.pathRenameTarget |
  RIGHTS.pathSymlink |
  RIGHTS.pathRemoveDirectory |
  RIGHTS.pathUnlinkFile |
  RIGHTS.pathFilestatGet |
  RIGHTS.pathFilestatSetTimes |
  RIGHTS.fdFilestatGet |
  RIGHTS.fdFilestatSetTimes;

const PREOPEN_INHERITING =
  PREOPEN_RIGHTS |
  RIGHTS.fdDatasync |
  RIGHTS.fdRead |
  RIGHTS.fdSeek |
  RIGHTS.fdFdstatSetFlags |
  RIGHTS.fdSync |
  RIGHTS.fdTell |
  RIGHTS.fdWrite |
  RIGHTS.fdAdvise |
  RIGHTS.fdAllocate |
  RIGHTS.fdFilestatSetSize |
  RIGHTS.pollFdReadwrite;

/** What a directory cannot do by its nature, and what one that was opened for listing lacks. */
const NOT_OF_DIRECTORIES = RIGHTS.fdSeek | RIGHTS.fdFilestatSetSize | RIGHTS.pathFilestatSetSize | RIGHTS.fdWrite;

/** What changes a file system. */
const CHANGING_RIGHTS =
  RIGHTS.fdWrite |
  RIGHTS.fdAllocate |
  RIGHTS.fdFilestatSetSize |
  RIGHTS.fdFilestatSetTimes |
  RIGHTS.pathCreateDirectory |
  RIGHTS.pathCreateFile |
  RIGHTS.pathLinkSource |
  RIGHTS.pathLinkTarget |
  RIGHTS.pathRenameSource |
  RIGHTS.pathRenameTarget |
  RIGHTS.pathFilestatSetSize |
  RIGHTS.pathFilestatSetTimes |
  RIGHTS.pathSymlink |
  RIGHTS.pathRemoveDirectory |
  RIGHTS.pathUnlinkFile;

/** The rights of a preopen, of a real directory or of a tree in memory. */
export function preopenFdstat(readOnly: boolean): Fdstat {
  const removed = readOnly ? CHANGING_RIGHTS : 0n;
  return {
    fileType: FILE_TYPE.directory,
    flags: 0,
    rights: PREOPEN_RIGHTS & ~removed,
    inheriting: PREOPEN_INHERITING & ~removed,
  };
}

/** The rights of a directory that the guest opened. */
export function directoryFdstat(flags: number, readOnly: boolean): Fdstat {
  const rights = ALL_RIGHTS & ~NOT_OF_DIRECTORIES & ~(readOnly ? CHANGING_RIGHTS : 0n);
  return { fileType: FILE_TYPE.directory, flags, rights, inheriting: rights };
}

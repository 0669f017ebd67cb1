import { writeSync } from 'node:fs';
import type { GuestStdio } from '../engine/guest-run.ts';

/** What a command of the command line may touch of its process, so that tests can run it in theirs. */
export interface CliIo {
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  env: NodeJS.ProcessEnv;
  /** Whether stderr is a terminal, where a line may be written over. Default: false. */
  stderrIsTty?: boolean;
  /** Has the process end with this, where a guest on this thread fills the heap of JavaScript. Default: as V8 ends it. */
  endOnFullHeap?: (stderr: string, exitCode: number) => void;
  /** Where the streams of a guest go. Default: the descriptors 0, 1 and 2. */
  guest?: GuestStdio;
}

const PAUSE_MS = 2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes text to a descriptor, all of it before it returns. A full pipe is waited for; a closed one takes nothing more.
 */
export function writeAll(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text, 'utf8');
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' && code !== 'EINTR') return;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
}

/** The command line in its process. */
import { isatty } from 'node:tty';
import { addonIfLoaded } from '../native/addon.ts';
import { type CliIo, writeAll } from './io.ts';
import { main } from './main.ts';

/** Descriptors are written directly: what was written is out when the call returns, so the process may end at any time. */
const io: CliIo = {
  stdout: (text) => writeAll(1, text),
  stderr: (text) => writeAll(2, text),
  env: process.env,
  get stderrIsTty() {
    return isatty(2);
  },
  endOnFullHeap: (stderr, exitCode) => void addonIfLoaded()?.thread.endProcessOnFullHeap(stderr, exitCode),
};

/**
 * Runs the command line of this process, and ends it.
 * @param beforeEnd called when everything is written
 */
export function start(beforeEnd: () => void): void {
  const end = (exitCode: number): never => {
    beforeEnd();
    // Without waiting for the runtime's threads and plugins, where it was opened.
    addonIfLoaded()?.exitNow(exitCode);
    return process.exit(exitCode);
  };
  main(process.argv.slice(2), io).then(end, (error: unknown) => {
    writeAll(2, `${error instanceof Error ? error.stack : String(error)}\n`);
    end(1);
  });
}

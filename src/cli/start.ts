/** The command line in its process: the entry of the bundle. */
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
};

main(process.argv.slice(2), io).then(end, (error: unknown) => {
  writeAll(2, `${error instanceof Error ? error.stack : String(error)}\n`);
  end(1);
});

/** Without waiting for the runtime's threads and plugins, where it was opened: nothing is left to be written. */
function end(exitCode: number): never {
  addonIfLoaded()?.exitNow(exitCode);
  return process.exit(exitCode);
}

/**
 * Puts the addon that was built here where the package ships it: `npm pack` calls it.
 *
 *   native/prebuilt/PLATFORM-ARCH/wasi_nn_host.node
 *
 * One Node-API binary serves every Node; glibc alone has to be as new as what it was linked with, which a test holds.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ADDON = 'wasi_nn_host.node';
const BUILT = ['build', 'gyp/build'].map((output) => join(ROOT, 'native', output, 'Release', ADDON));
const PREBUILT = join(ROOT, 'native', 'prebuilt', `${process.platform}-${process.arch}`, ADDON);

process.exitCode = main();

function main() {
  const install = spawnSync(process.execPath, [join(ROOT, 'native', 'install.mjs'), '--if-stale'], {
    stdio: 'inherit',
  });
  const built = BUILT.find((file) => existsSync(file));
  if (install.status !== 0 || built === undefined) {
    process.stderr.write('wasi-nn-host: there is no addon to ship\n');
    return 1;
  }
  mkdirSync(dirname(PREBUILT), { recursive: true });
  copyFileSync(built, PREBUILT);
  // Names of our own functions would be a quarter of it; where there is no strip, they stay.
  spawnSync('strip', ['--strip-unneeded', PREBUILT], { stdio: 'ignore' });
  return 0;
}

/** Which OpenVINO this host uses here, so that peers get the same. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUN = join(fileURLToPath(new URL('..', import.meta.url)), 'run.js');
const C_LIBRARY = /^libopenvino_c\.(?:so\.(\d{2})(\d)(\d+)|so|dylib)$/;

/**
 * @param {string | undefined} named A directory of libraries; else the host's own search decides.
 * @returns {{ libraries: string, version: string }}
 */
export function usedOpenVino(named) {
  const libraries = named ?? foundByHost();
  const files = readdirSync(libraries).filter((name) => C_LIBRARY.test(name));
  const file = files.find((name) => /\d$/.test(name)) ?? files[0];
  if (!file) throw new Error(`${libraries}: has no OpenVINO C library`);
  const [, year, minor, patch] = C_LIBRARY.exec(file) ?? [];
  return { libraries, version: year ? `20${year}.${minor}.${patch}` : file };
}

function foundByHost() {
  const report = execFileSync(process.execPath, [RUN, 'doctor', '--json'], { encoding: 'utf8' });
  /** @type {{ places: { chosen: boolean, libraryPath?: string }[] }} */
  const { places } = JSON.parse(report);
  const path = places.find((place) => place.chosen)?.libraryPath;
  if (!path) throw new Error('no OpenVINO was found; "node run.js doctor" says where it was looked for');
  return dirname(path);
}

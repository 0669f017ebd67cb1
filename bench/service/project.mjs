/** The example service in a project of its own, found by its package's name as with any user. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const FIXTURES = join(ROOT, 'fixtures');

/**
 * @param {string} folder An empty one.
 * @param {(config: any) => void} [change] Of the service's config.json, whose paths lead to the fixtures.
 */
export function makeProject(folder, change) {
  cpSync(join(ROOT, 'examples', 'service'), folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'wasi-nn-host'));
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies).filter((one) => one !== 'wasi-nn-host')) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const file = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8').replaceAll('../../fixtures', FIXTURES));
  change?.(config);
  writeFileSync(file, JSON.stringify(config));
}

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {number} pid
 * @property {() => Promise<number | null>} end By SIGTERM; the exit code.
 */

/**
 * Starts a server and waits until a line of its output says where it listens.
 * @param {string} node
 * @param {string} script
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Server>}
 */
export async function startServer(node, script, folder, env) {
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
  const child = spawn(node, [script], {
    cwd: folder,
    env: { ...inherited, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  /** @type {Promise<number | null>} */
  const exited = new Promise((resolve) => child.once('exit', resolve));
  /** @type {string} */
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, address] = /listening at ([^\s"]+)/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
    exited.then((code) => reject(new Error(`${script} ended with ${code}`)));
  });
  return {
    url,
    pid: child.pid ?? 0,
    end: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

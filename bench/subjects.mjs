/** What is measured: this host on one or several Nodes, and wasmtime, all with the same OpenVINO libraries. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUN = join(fileURLToPath(new URL('..', import.meta.url)), 'run.js');

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {string} program
 * @property {readonly string[]} args Before the options of a trial.
 * @property {NodeJS.ProcessEnv} env
 */

/**
 * @param {string} node Path of the Node to run on.
 * @param {string | undefined} openvino Libraries' directory, where it was named; else the host searches by itself.
 * @returns {Subject}
 */
export function thisHost(node, openvino) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const named = openvino === undefined ? {} : { OPENVINO_DIR: openvino };
  return { name: `wasi-nn-host, Node ${version.slice(1)}`, program: node, args: [RUN, 'run'], env: cleanEnv(named) };
}

/**
 * @param {string} program
 * @param {string} version
 * @param {string} libraries Directory that `linkOpenVino` made.
 * @param {string} [note]
 * @returns {Subject}
 */
export function wasmtime(program, version, libraries, note = '') {
  const name = `wasmtime ${version.split(' ')[0]}${note}`;
  return { name, program, args: ['run'], env: cleanEnv({ LD_LIBRARY_PATH: libraries }) };
}

/**
 * The caller's environment without what would burden one subject alone: Node parses the certificates that
 * NODE_EXTRA_CA_CERTS names at every start, which costs Node 20 more than all the rest of its start.
 * @param {NodeJS.ProcessEnv} additions
 * @returns {NodeJS.ProcessEnv}
 */
function cleanEnv(additions) {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...env } = process.env;
  return { ...env, ...additions };
}

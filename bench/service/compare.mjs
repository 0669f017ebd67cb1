/**
 * The example service under load, against a twin that spawns `wasmtime run` for each request: same guest, model, tensors
 * and OpenVINO, answers compared.
 *
 *     node bench/service/compare.mjs [--pairs N] [--connections N] [--requests N] [--node PATH] [--wasmtime PATH]
 *                                    [--openvino DIR]
 *
 * Rounds alternate between the two. The service gets ten times the twin's requests, so that both take seconds.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { usedOpenVino } from '../openvino.mjs';
import { findOrInstallWasmtime, linkOpenVino, wasmtimeVersion } from '../peer.mjs';
import { summarize } from '../statistics.mjs';
import { FIXTURES, makeProject, ROOT, startServer } from './project.mjs';

const TENSORS = Array.from({ length: 10 }, (_, digit) =>
  readFileSync(join(FIXTURES, 'digits', 'tensors', `${digit}.f32`)),
);

const { values: options } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    connections: { type: 'string', default: '4' },
    requests: { type: 'string', default: '200' },
    node: { type: 'string', default: process.execPath },
    wasmtime: { type: 'string' },
    openvino: { type: 'string' },
  },
});

/**
 * @typedef {object} Load
 * @property {number} perSecond
 * @property {number} p50
 * @property {number} p99
 * @property {readonly string[]} answers The five best of each tensor as text, by digit.
 */

/**
 * @param {string} url
 * @param {number} amount
 * @returns {Promise<Load>}
 * @throws {Error} When a request fails, or one tensor has two answers.
 */
async function load(url, amount) {
  /** @type {(string | undefined)[]} */
  const answers = TENSORS.map(() => undefined);
  /** @type {string[]} */
  const faults = [];
  const requests = TENSORS.map((body, digit) => ({
    method: /** @type {const} */ ('POST'),
    path: '/classify/digits',
    headers: { 'content-type': 'application/octet-stream' },
    body,
    onResponse: (/** @type {number} */ status, /** @type {string} */ text) => {
      const answer = status === 200 ? JSON.stringify(JSON.parse(text).top) : `status ${status}`;
      answers[digit] ??= answer;
      if (answer !== answers[digit] || status !== 200) faults.push(`${digit}: ${answer}`);
    },
  }));
  const result = await autocannon({ url, connections: Number(options.connections), amount, requests });
  if (faults.length > 0 || result.errors > 0) throw new Error(`${url}: ${result.errors} errors, ${faults.slice(0, 3)}`);
  const perSecond = result.requests.total / ((result.finish.getTime() - result.start.getTime()) / 1e3);
  return { perSecond, p50: result.latency.p50, p99: result.latency.p99, answers: answers.map(String) };
}

const scratch = mkdtempSync(join(tmpdir(), 'wasi-nn-host-bench-'));
try {
  const peer = options.wasmtime
    ? { program: options.wasmtime, version: wasmtimeVersion(options.wasmtime) }
    : findOrInstallWasmtime();
  const openvino = usedOpenVino(options.openvino);
  linkOpenVino(openvino.libraries, join(scratch, 'openvino'));
  const project = join(scratch, 'service');
  makeProject(project);
  const ours = await startServer(options.node, 'server.js', project, {
    ...(options.openvino && { OPENVINO_DIR: options.openvino }),
  });
  const twin = await startServer(options.node, join(ROOT, 'bench', 'service', 'twin.mjs'), ROOT, {
    WASMTIME: peer.program,
    LIBRARIES: join(scratch, 'openvino'),
    GUEST: join(project, 'guest', 'infer.wasm'),
    GRAPH: join(FIXTURES, 'digits'),
    CONCURRENCY: String(availableParallelism()),
  });
  /** @type {{ ours: Load, twin: Load }[]} */
  const pairs = [];
  for (let round = -1; round < Number(options.pairs); round++) {
    const amount = Number(options.requests);
    const inOrder = round % 2 === 0;
    const first = inOrder ? await load(ours.url, amount * 10) : await load(twin.url, amount);
    const second = inOrder ? await load(twin.url, amount) : await load(ours.url, amount * 10);
    const pair = inOrder ? { ours: first, twin: second } : { ours: second, twin: first };
    if (pair.ours.answers.join() !== pair.twin.answers.join()) {
      throw new Error(`answers differ\n${pair.ours.answers}\n${pair.twin.answers}`);
    }
    // One round fills caches.
    if (round >= 0) pairs.push(pair);
  }
  for (const server of [ours, twin]) await server.end();
  process.stdout.write(
    `example service against a twin over wasmtime ${peer.version}, OpenVINO ${openvino.version}, Node ${options.node}\n` +
      `${options.connections} connections, ${pairs.length} pairs, answers equal\n`,
  );
  for (const [value, label] of /** @type {const} */ ([
    ['perSecond', 'requests per second'],
    ['p50', 'p50, ms'],
    ['p99', 'p99, ms'],
  ])) {
    const ratio = summarize(pairs.map((pair) => pair.ours[value] / pair.twin[value]));
    const of = (/** @type {'ours' | 'twin'} */ who) =>
      summarize(pairs.map((pair) => pair[who][value])).median.toFixed(1);
    process.stdout.write(
      `  ${label.padEnd(20)} ratio ${ratio.median.toFixed(3)} (${ratio.minimum.toFixed(3)} to ${ratio.maximum.toFixed(3)}), ${of('ours')} against ${of('twin')}\n`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** How much faster is a guest run by a host that is warm than a process of wasmtime for each request? */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requireSameOutput, resultsOf, runOnce } from '../measure.mjs';

/**
 * @typedef {import('../models.mjs').Model} Model
 * @typedef {import('../subjects.mjs').Subject} Subject
 * @typedef {import('../measure.mjs').Settings} Settings
 */

/**
 * @typedef {object} WarmRequest
 * @property {string} module
 * @property {Record<string, unknown>} options Of `Host.run`.
 * @property {{ name: string, directory: string }} [graph] Registered before.
 */

const file = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const CLASSIFY = file('../../fixtures/classify.wasm');
const NAMED_GRAPH = file('../guests/named-graph.wasm');
const RUNNER = file('../warm-runner.mjs');

/** Runs before the first that counts: V8 compiles what is hot meanwhile. */
const WARM_UP = 200;

/**
 * Requests that each subject answers in a row, of which the mean is one value. One alone, after a process of wasmtime has had the
 * processor's caches to itself, takes two to three times as long as the next.
 */
const IN_A_ROW = 10;

/** @param {Model} model */
function casesOf(model) {
  const preopens = [{ hostPath: model.directory, guestPath: 'fixture', readOnly: true }];
  const dir = ['--dir', `${model.directory}::fixture`];
  const byFiles = {
    label: `${model.name}, model read from files`,
    command: ['-S', 'nn', ...dir, CLASSIFY, 'fixture', model.input],
    request: { module: CLASSIFY, options: { args: ['fixture', model.input], preopens } },
  };
  const name = model.directory.split('/').at(-1) ?? '';
  const args = [name, 'fixture', model.input, model.dimensions, String(model.outputBytes)];
  const byName = {
    label: `${model.name}, named graph`,
    command: ['-S', 'nn', '-S', `nn-graph=openvino::${model.directory}`, ...dir, NAMED_GRAPH, ...args],
    request: {
      module: NAMED_GRAPH,
      options: { args, preopens, graphs: [name] },
      graph: { name, directory: model.directory },
    },
  };
  return [byFiles, byName];
}

/** A child that keeps everything warm. */
class WarmHost {
  #child;
  #lines;

  /**
   * @param {Subject} subject
   * @param {WarmRequest} request
   */
  constructor(subject, request) {
    const stdio = /** @type {const} */ (['pipe', 'pipe', 'inherit']);
    this.#child = spawn(subject.program, [RUNNER, JSON.stringify(request)], { env: subject.env, stdio: [...stdio] });
    this.#lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (this.#child.stdout) })[
      Symbol.asyncIterator
    ]();
  }

  /** @returns {Promise<{ wallNs: number, stdout: string, stderr: string }>} */
  async run() {
    this.#child.stdin?.write('run\n');
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the warm host ended');
    const { failure, ...answer } = JSON.parse(value);
    if (failure) throw new Error(failure);
    return { ...answer, stderr: '' };
  }

  async end() {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}

/** @type {import('../measure.mjs').Question<Model>} */
export const warmRun = {
  name: 'warm-run',
  text: 'ten requests in a row, of each: host.run of a warm host, on the calling thread and wherever it runs by default, against a process of wasmtime',
  values: { wall: 'wall time, ms' },
  guestArgs: () => [],
  read: (run) => ({ wall: run.wallNs / 1e6 }),

  async measure(model, subjects, settings, onRound) {
    const results = [];
    for (const one of casesOf(model)) results.push(...(await measureCase(one, subjects, settings, onRound)));
    return results;
  },
};

/**
 * @param {ReturnType<typeof casesOf>[number]} asked
 * @param {readonly Subject[]} subjects
 * @param {Settings} settings
 * @param {(done: number) => void} onRound
 */
async function measureCase({ label, command, request }, subjects, settings, onRound) {
  const baseline = /** @type {Subject} */ (subjects.at(-1));
  const warm = subjects
    .filter(({ args }) => args.length > 1)
    .flatMap((subject) =>
      /** @type {const} */ (['calling-thread', 'auto']).map((mode) => ({
        subject: { ...subject, name: `${subject.name}, ${mode}` },
        host: new WarmHost(subject, { ...request, options: { ...request.options, mode } }),
      })),
    );
  try {
    for (const { host } of warm) for (let index = 0; index < WARM_UP; index++) await host.run();
    /** @type {Map<Subject, Record<string, number>[]>} */
    const samples = new Map([...warm.map(({ subject }) => subject), baseline].map((subject) => [subject, []]));
    /** @type {{ subject: Subject, stdout: string } | undefined} */
    let first;
    for (let round = -1; round < settings.pairs; round++) {
      const turns = [
        ...warm.map(({ subject, host }) => ({ subject, run: () => host.run() })),
        { subject: baseline, run: async () => runOnce(baseline, command) },
      ];
      for (const { subject, run } of round % 2 === 0 ? turns : turns.reverse()) {
        let totalNs = 0;
        for (let request = 0; request < IN_A_ROW; request++) {
          const { wallNs, stdout } = await run();
          totalNs += wallNs;
          first ??= { subject, stdout };
          requireSameOutput(first, { subject, stdout }, `warm-run, ${label}`);
        }
        if (round >= 0) samples.get(subject)?.push({ wall: totalNs / IN_A_ROW / 1e6 });
      }
      onRound(round + 1);
    }
    return resultsOf('warm-run', label, 'wall', samples);
  } finally {
    await Promise.all(warm.map(({ host }) => host.end()));
  }
}

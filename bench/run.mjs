/**
 * Compares this host with wasmtime: same guest, model, input and OpenVINO libraries, in turn.
 *
 *     npm run bench -- [--question NAME]... [--model NAME]... [--pairs N] [--turns N] [--node PATH]...
 *                      [--openvino DIR] [--wasmtime PATH] [--control] [--json FILE]
 *
 * Ends with 1 when a process fails or two subjects print different bytes. `--control` measures wasmtime against itself
 * as well: how far from 1 its ratio is tells how much of the others' is noise.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.mjs';
import { findModels } from './models.mjs';
import { usedOpenVino } from './openvino.mjs';
import { findOrInstallWasmtime, linkOpenVino, wasmtimeVersion } from './peer.mjs';
import { coldStart } from './questions/cold-start.mjs';
import { inGuestInference } from './questions/in-guest-inference.mjs';
import { resources } from './questions/resources.mjs';
import { describeMachine, machineText, resultText } from './report.mjs';
import { thisHost, wasmtime } from './subjects.mjs';

const QUESTIONS = [coldStart, inGuestInference, resources];

function parseOptions() {
  return parseArgs({
    options: {
      question: { type: 'string', multiple: true, default: [] },
      model: { type: 'string', multiple: true, default: [] },
      pairs: { type: 'string', default: '15' },
      turns: { type: 'string', default: '300' },
      node: { type: 'string', multiple: true, default: [] },
      openvino: { type: 'string' },
      wasmtime: { type: 'string' },
      control: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  }).values;
}

/**
 * @param {string} name
 * @param {string} text
 */
function positiveInteger(name, text) {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${name}: expected a positive integer, received ${text}`);
  return Number(text);
}

/** @param {readonly string[]} chosen Names; empty for all. */
function findQuestions(chosen) {
  const names = QUESTIONS.map((question) => question.name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`question ${unknown}: there are ${names.join(', ')}`);
  return QUESTIONS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
}

/** @param {string} scratch Directory of this run. */
function main(scratch) {
  const options = parseOptions();
  const settings = { pairs: positiveInteger('pairs', options.pairs), turns: positiveInteger('turns', options.turns) };
  const questions = findQuestions(options.question);
  const models = findModels(options.model);
  const openvino = usedOpenVino(options.openvino);
  const peer = options.wasmtime
    ? { program: options.wasmtime, version: wasmtimeVersion(options.wasmtime) }
    : findOrInstallWasmtime();
  linkOpenVino(openvino.libraries, scratch);

  const baseline = wasmtime(peer.program, peer.version, scratch);
  const subjects = [process.execPath, ...options.node].map((node) => thisHost(node, options.openvino));
  if (options.control) subjects.push(wasmtime(peer.program, peer.version, scratch, ' (control)'));
  subjects.push(baseline);

  const machine = describeMachine({
    OpenVINO: openvino.version,
    wasmtime: peer.version,
    threads: 'default',
    caches: 'as by default, filled by a round that is not counted',
  });
  process.stdout.write(machineText(machine));
  const results = questions.flatMap((question) => {
    const answers = models.flatMap((model) => {
      const progress = (/** @type {number} */ done) => showProgress(`${question.name}, ${model.name}`, done, settings);
      return measure(question, model, subjects, settings, progress);
    });
    process.stdout.write(resultText(question, answers, baseline.name));
    return answers;
  });
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, settings, results }, null, 2)}\n`);
}

/**
 * @param {string} what
 * @param {number} done
 * @param {{ pairs: number }} settings
 */
function showProgress(what, done, settings) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${done < settings.pairs ? `${what}: ${done} of ${settings.pairs}` : ''}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'wasi-nn-host-bench-'));
try {
  main(scratch);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/**
 * Compares this host with wasmtime: same guest, model, input and OpenVINO libraries, in turn.
 *
 *     npm run bench -- [QUESTION]... [--model NAME]... [--case NAME]... [--pairs N] [--turns N]
 *                      [--node PATH]... [--openvino DIR] [--wasmtime PATH] [--control] [--json FILE]
 *
 * Ends with 1 when a process fails or two subjects print different bytes. `--control` measures wasmtime against itself
 * as well: how far from 1 its ratio is tells how much of the others' is noise.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './measure.mjs';
import { findModels } from './models.mjs';
import { usedOpenVino } from './openvino.mjs';
import { findOrInstallWasmtime, linkOpenVino, wasmtimeVersion } from './peer.mjs';
import { coldStart } from './questions/cold-start.mjs';
import { fileSystem } from './questions/file-system.mjs';
import { inGuestInference } from './questions/in-guest-inference.mjs';
import { resources } from './questions/resources.mjs';
import { warmRun } from './questions/warm-run.mjs';
import { describeMachine, machineText, resultText } from './report.mjs';
import { thisHost, wasmtime } from './subjects.mjs';

/** @typedef {import('./measure.mjs').Question<any>} AnyQuestion */

/** @type {readonly AnyQuestion[]} */
const QUESTIONS = [coldStart, warmRun, inGuestInference, resources, fileSystem];

function parseOptions() {
  return parseArgs({
    options: {
      question: { type: 'string', multiple: true, default: [] },
      model: { type: 'string', multiple: true, default: [] },
      case: { type: 'string', multiple: true, default: [] },
      pairs: { type: 'string', default: '15' },
      turns: { type: 'string', default: '300' },
      node: { type: 'string', multiple: true, default: [] },
      openvino: { type: 'string' },
      wasmtime: { type: 'string' },
      control: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
    allowPositionals: true,
  });
}

/**
 * @param {string} name
 * @param {string} text
 */
function positiveInteger(name, text) {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${name}: expected a positive integer, received ${text}`);
  return Number(text);
}

/**
 * @param {string} what For the message.
 * @param {readonly string[]} chosen Names; empty for all.
 * @param {readonly { name: string }[]} list
 */
function requireKnown(what, chosen, list) {
  const names = list.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`${what} ${unknown}: there are ${names.join(', ')}`);
}

/** @param {string} scratch Directory of this run. */
async function main(scratch) {
  const { values: options, positionals } = parseOptions();
  const settings = { pairs: positiveInteger('pairs', options.pairs), turns: positiveInteger('turns', options.turns) };
  const chosen = [...options.question, ...positionals];
  requireKnown('question', chosen, QUESTIONS);
  const questions = QUESTIONS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const asksAboutModels = questions.some(({ prepare }) => prepare === undefined);
  const models = asksAboutModels ? findModels(options.model) : [];
  const openvino = asksAboutModels ? usedOpenVino(options.openvino) : undefined;
  const peer = options.wasmtime
    ? { program: options.wasmtime, version: wasmtimeVersion(options.wasmtime) }
    : findOrInstallWasmtime();
  if (openvino) linkOpenVino(openvino.libraries, join(scratch, 'openvino'));

  const baseline = wasmtime(peer.program, peer.version, join(scratch, 'openvino'));
  const subjects = [process.execPath, ...options.node].map((node) => thisHost(node, options.openvino));
  if (options.control) subjects.push(wasmtime(peer.program, peer.version, join(scratch, 'openvino'), ' (control)'));
  subjects.push(baseline);

  const machine = describeMachine({
    ...(openvino && { OpenVINO: openvino.version }),
    wasmtime: peer.version,
    threads: 'default',
    caches: 'as by default, filled by a round that is not counted',
  });
  process.stdout.write(machineText(machine));
  const results = [];
  for (const question of questions) {
    const asked = question.prepare ? casesOf(question, scratch, options.case) : models;
    const answers = [];
    for (const one of asked) {
      const progress = (/** @type {number} */ done) => showProgress(`${question.name}, ${one.name}`, done, settings);
      const measured = question.measure?.(one, subjects, settings, progress);
      answers.push(...((await measured) ?? measure(question, one, subjects, settings, progress)));
    }
    process.stdout.write(resultText(question, answers, baseline.name));
    results.push(...answers);
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, settings, results }, null, 2)}\n`);
}

/**
 * @param {AnyQuestion} question
 * @param {string} scratch
 * @param {readonly string[]} chosen Names; empty for all.
 */
function casesOf(question, scratch, chosen) {
  const directory = join(scratch, question.name);
  mkdirSync(directory);
  const cases = question.prepare?.(directory) ?? [];
  requireKnown('case', chosen, cases);
  return cases.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
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
  await main(scratch);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Runs subjects in turn, one process per measurement, and compares each with the baseline of the same round. */
import { spawnSync } from 'node:child_process';
import { summarize } from './statistics.mjs';

/**
 * @typedef {import('./subjects.mjs').Subject} Subject
 * @typedef {import('./models.mjs').Model} Model
 * @typedef {import('./statistics.mjs').Summary} Summary
 */

/**
 * @typedef {object} Settings
 * @property {number} pairs Rounds, each with one process of every subject.
 * @property {number} turns Inferences that a guest times in one process.
 */

/**
 * @typedef {object} Run
 * @property {number} wallNs
 * @property {string} stdout
 * @property {string} stderr
 * @property {{ peakKibibytes: number, processorSeconds: number }} [usage] Where the question watches resources.
 */

/**
 * What a question is asked about where that is no model.
 * @typedef {object} Case
 * @property {string} name
 * @property {string} label The name and how much of it, for tables.
 * @property {string[]} guestArgs
 * @property {string} [stdin] A file whose bytes come through a pipe.
 * @property {boolean} [countsStdout] Standard output goes through a pipe to a process that counts its bytes; the count is
 *   what subjects are compared by.
 */

/**
 * @template {{ name: string }} [Asked=Model]
 * @typedef {object} Question
 * @property {string} name
 * @property {string} text
 * @property {Readonly<Record<string, string>>} values What one process gives: key, and what it is with its unit.
 * @property {(directory: string) => Asked[]} [prepare] What it is asked about, if not models; may put files into the
 *   directory.
 * @property {(asked: Asked, settings: Settings) => string[]} guestArgs Options, module and its arguments, in the form of
 *   `wasmtime run`.
 * @property {boolean} [watchesResources]
 * @property {(run: Run, settings: Settings) => Record<string, number>} read A value that does not apply is left out.
 * @property {(asked: Asked, subjects: readonly Subject[], settings: Settings, onRound: (done: number) => void) =>
 *   Promise<Result[]>} [measure] Where it is no process per measurement: in place of {@link measure}.
 */

/**
 * @typedef {object} Result
 * @property {string} question
 * @property {string} asked Name of the model or the case.
 * @property {string} value
 * @property {string} subject
 * @property {Summary | null} ratio To the baseline, one sample for each round; null for the baseline itself.
 * @property {Summary} absolute
 */

/**
 * Asks one question about one model or case. Subjects run in turn, in one order and then in the other (A B B A), so that a slow
 * drift of the machine falls on all alike. One round before the first is not counted: it fills caches.
 * @template {{ name: string, label?: string, stdin?: string, countsStdout?: boolean }} Asked
 * @param {Question<Asked>} question
 * @param {Asked} asked
 * @param {readonly Subject[]} subjects The baseline stands last.
 * @param {Settings} settings
 * @param {(done: number) => void} onRound
 * @returns {Result[]}
 * @throws {Error} When a process fails or two print different bytes to standard output.
 */
export function measure(question, asked, subjects, settings, onRound) {
  /** @type {Map<Subject, Record<string, number>[]>} */
  const samples = new Map(subjects.map((subject) => [subject, []]));
  /** @type {{ subject: Subject, stdout: string } | undefined} */
  let first;
  for (let round = -1; round < settings.pairs; round++) {
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse()) {
      const run = runOnce(subject, question.guestArgs(asked, settings), { ...question, ...asked });
      first ??= { subject, stdout: run.stdout };
      requireSameOutput(first, { subject, stdout: run.stdout }, `${question.name}, ${asked.name}`);
      if (round >= 0) samples.get(subject)?.push(question.read(run, settings));
    }
    onRound(round + 1);
  }
  const given = Object.keys(samples.get(/** @type {Subject} */ (subjects.at(-1)))?.[0] ?? {});
  return Object.keys(question.values)
    .filter((value) => given.includes(value))
    .flatMap((value) => resultsOf(question.name, asked.label ?? asked.name, value, samples));
}

/**
 * @param {string} question
 * @param {string} asked
 * @param {string} value
 * @param {Map<Subject, Record<string, number>[]>} samples
 * @returns {Result[]}
 */
export function resultsOf(question, asked, value, samples) {
  const columns = [...samples].map(([subject, rounds]) => ({
    subject: subject.name,
    numbers: rounds.map((round) => round[value] ?? Number.NaN),
  }));
  const baseline = columns.at(-1);
  return columns.map((column) => ({
    question,
    asked,
    value,
    subject: column.subject,
    ratio:
      column === baseline
        ? null
        : summarize(column.numbers.map((number, round) => number / (baseline?.numbers[round] ?? Number.NaN))),
    absolute: summarize(column.numbers),
  }));
}

/** Runs `sys.argv[1:]` and writes what it used to descriptor 3; Node reports nothing of its children. */
const WATCH_RESOURCES = `
import json, os, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
status, usage = os.wait4(child, 0)[1:]
kibibytes = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
os.write(3, json.dumps({"peakKibibytes": kibibytes, "processorSeconds": usage.ru_utime + usage.ru_stime}).encode())
sys.exit(os.waitstatus_to_exitcode(status))
`;

/**
 * The command with pipes around it; Node itself would make socket pairs.
 * @param {readonly string[]} command
 * @param {{ stdin?: string, countsStdout?: boolean }} streams
 */
function piped(command, { stdin, countsStdout }) {
  if (stdin === undefined && !countsStdout) return command;
  const from = stdin === undefined ? '' : 'cat "$0" | ';
  return ['sh', '-c', `${from}"$@"${countsStdout ? ' | wc -c' : ''}`, stdin ?? 'sh', ...command];
}

/**
 * Starts the program, with no shell between unless there are pipes, and waits until it ended and closed its output.
 * @param {Subject} subject
 * @param {readonly string[]} args
 * @param {{ watchesResources?: boolean, stdin?: string, countsStdout?: boolean }} [how]
 * @returns {Run}
 */
export function runOnce(subject, args, how = {}) {
  const { watchesResources } = how;
  const command = piped([subject.program, ...subject.args, ...args], how);
  const [program = '', ...rest] = watchesResources ? ['python3', '-c', WATCH_RESOURCES, ...command] : command;
  const start = process.hrtime.bigint();
  const { error, status, signal, output } = spawnSync(program, rest, {
    env: subject.env,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe', watchesResources ? 'pipe' : 'ignore'],
  });
  const wallNs = Number(process.hrtime.bigint() - start);
  if (error) throw new Error(`${subject.name}: ${error.message}`);
  const [, stdout = '', stderr = '', usage = ''] = output.map((text) => text ?? '');
  if (status !== 0) throw new Error(`${subject.name} ended with ${status ?? signal}:\n${stderr.slice(-2000)}`);
  return { wallNs, stdout, stderr, ...(watchesResources ? { usage: JSON.parse(usage) } : {}) };
}

/**
 * A fast wrong answer is no result.
 * @param {{ subject: Subject, stdout: string }} expected
 * @param {{ subject: Subject, stdout: string }} actual
 * @param {string} where
 */
export function requireSameOutput(expected, actual, where) {
  if (expected.stdout === actual.stdout) return;
  throw new Error(
    `${where}: outputs differ\n--- ${expected.subject.name}\n${expected.stdout}\n--- ${actual.subject.name}\n${actual.stdout}`,
  );
}

/** What the measurements were made on, and how they are printed. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/**
 * @typedef {import('./measure.mjs').Result} Result
 * @typedef {import('./measure.mjs').Question} Question
 */

/**
 * @param {Record<string, string>} versions
 * @returns {Record<string, string>}
 */
export function describeMachine(versions) {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    commit: currentCommit(),
    processor: `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `${process.platform} ${release()} ${process.arch}`,
    load: loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
    ...versions,
  };
}

function currentCommit() {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
  });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}

/** @param {Record<string, string>} machine */
export function machineText(machine) {
  return `${Object.entries(machine)
    .map(([name, value]) => `${name.padEnd(10)} ${value}`)
    .join('\n')}\n`;
}

/**
 * One question's table: ratios to the baseline first, then what was measured.
 * @param {Pick<Question, 'name' | 'text' | 'values'>} question
 * @param {readonly Result[]} results Of this question.
 * @param {string} baseline
 */
export function resultText(question, results, baseline) {
  const rows = [
    ['asked about', 'value', 'subject', `ratio to ${baseline}`, 'quartiles', 'range', 'pairs', 'median', 'p95'],
  ];
  for (const { asked, value, subject, ratio, absolute } of results) {
    rows.push([
      asked,
      question.values[value] ?? value,
      subject,
      ratio ? ratio.median.toFixed(3) : '1',
      ratio ? `${ratio.lowerQuartile.toFixed(3)} to ${ratio.upperQuartile.toFixed(3)}` : '',
      ratio ? `${ratio.minimum.toFixed(3)} to ${ratio.maximum.toFixed(3)}` : '',
      String(absolute.count),
      absolute.median.toPrecision(4),
      absolute.p95.toPrecision(4),
    ]);
  }
  return `\n${question.name}: ${question.text}\n${table(rows)}`;
}

/** @param {readonly (readonly string[])[]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {readonly string[]} */ row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map((row) => `  ${line(row)}`).join('\n')}\n`;
}

/** What stands above and below the timeline: what was run, how it ended, and sums of what it used. */
import type { RunReport } from '../../engine/run-report.ts';
import { layOut } from '../timeline-layout.ts';
import { element, legendEntry } from './elements.ts';
import { bytes, count, duration, percent } from './format.ts';

export function header(report: RunReport, environment: Readonly<Record<string, string>>): HTMLElement {
  const outcome = outcomeText(report);
  const isFailed = report.outcome === 'failed';
  const about = [
    new Date(report.startMs).toISOString().replace('T', ' ').replace(/\..*/, ' UTC'),
    report.mode && MODES[report.mode],
    ...Object.values(environment),
  ];
  return element(
    'div',
    {},
    element(
      'header',
      {},
      element('h1', {}, report.module),
      element('span', { class: isFailed ? 'outcome failed' : 'outcome' }, outcome),
    ),
    element('p', { class: 'about' }, about.filter((part) => part !== undefined).join(' · ')),
  );
}

function outcomeText({ outcome, exitCode, code }: RunReport): string {
  if (outcome === 'failed') return code ?? 'failed';
  return outcome === 'exited' ? `exited with ${exitCode}` : 'returned';
}

const MODES: Readonly<Record<NonNullable<RunReport['mode']>, string>> = {
  'calling-thread': 'on the calling thread',
  suspending: 'suspended while it waited',
  thread: 'in a thread of its own',
  process: 'in a process of its own',
};

export function figures(report: RunReport): HTMLElement {
  const { usage } = report;
  const cards = [figure('Wall time', duration(report.endMs - report.startMs))];
  if (usage !== undefined) {
    const { compute, load } = usage.phases;
    const { hits, misses } = usage.loads ?? {};
    if (usage.cpuMs !== undefined) cards.push(figure('Processor time', duration(usage.cpuMs), 'of the guest’s thread'));
    if (compute) {
      cards.push(
        figure(
          'Compute',
          duration(compute.wallMs),
          `${count(compute.count)} × ${duration(compute.wallMs / compute.count)}`,
        ),
      );
    }
    if (load) {
      const found =
        hits === undefined || misses === undefined ? [] : [`${count(misses)} compiled, ${count(hits)} found so`];
      cards.push(figure('Load', duration(load.wallMs), ...found));
    }
    const byteCounts: [string, number | undefined][] = [
      ['Peak guest memory', usage.peakMemoryBytes],
      ['Read', usage.bytesRead],
      ['Written', usage.bytesWritten],
    ];
    for (const [label, value] of byteCounts) if (value !== undefined) cards.push(figure(label, bytes(value)));
  }
  return element('div', { class: 'figures' }, ...cards);
}

function figure(label: string, value: string, more?: string): HTMLElement {
  return element(
    'div',
    { class: 'figure' },
    element('div', { class: 'label' }, label),
    element('div', { class: 'value' }, value),
    more === undefined ? undefined : element('div', { class: 'more' }, more),
  );
}

/** Where the wall time went. What is left of the guest when its calls are taken off is its own code and WASI. */
export function phasesSection(report: RunReport): HTMLElement {
  const phases = report.usage?.phases ?? {};
  const of = (...names: (keyof typeof phases)[]) => names.reduce((sum, name) => sum + (phases[name]?.wallMs ?? 0), 0);
  const guest = layOut(report)
    .flatMap(({ slices }) => slices)
    .find(({ kind }) => kind === 'guest');
  const guestMs = guest === undefined ? 0 : guest.endMs - guest.startMs;
  const callsMs = of(
    'load',
    'load_by_name',
    'init_execution_context',
    'set_input',
    'compute',
    'get_output',
    'unload',
    'finalize_execution_context',
    'wait',
  );
  const phaseParts = [
    ['host', 'start, compile and instantiate', of('start', 'compile', 'instantiate')],
    ['line', 'queue', of('queue')],
    ['load', 'load', of('load', 'load_by_name')],
    ['compute', 'compute', of('compute')],
    [
      'call',
      'other calls',
      of('init_execution_context', 'set_input', 'get_output', 'unload', 'finalize_execution_context'),
    ],
    ['wait', 'waiting, suspended', of('wait')],
    ['guest', 'the guest’s own code and WASI', Math.max(0, guestMs - callsMs)],
  ] as const;
  const phasesMs = phaseParts.reduce((sum, [, , ms]) => sum + ms, 0);
  const restMs = report.endMs - report.startMs - phasesMs;
  const parts = [...phaseParts, ['soft', 'the host’s own: files, streams, the result', Math.max(0, restMs)] as const];
  const totalMs = phasesMs + Math.max(0, restMs) || 1;
  const shown = parts.filter(([, , ms]) => ms > 0);
  const stripes = shown.map(([colour, text, ms]) => {
    const stripe = element('div', { title: `${text}: ${duration(ms)}` });
    stripe.style.background = `var(--${colour})`;
    stripe.style.width = `${(ms / totalMs) * 100}%`;
    return stripe;
  });
  const entries = shown.map(([colour, text, ms]) =>
    legendEntry(colour, `${text} ${duration(ms)} (${percent(ms / totalMs)})`),
  );
  return element(
    'section',
    {},
    element('div', { class: 'head' }, element('h2', {}, 'Where the time went')),
    element('div', { class: 'phases' }, ...stripes),
    element('ul', { class: 'legend' }, ...entries),
  );
}

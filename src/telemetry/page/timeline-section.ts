/** The timeline itself, with what is around it: buttons, a tip for what the pointer is on, the legend. */
import type { RunReport, RunSpan } from '../../engine/run-report.ts';
import { layOut, type Slice } from '../timeline-layout.ts';
import { Chart, colourOf } from './chart.ts';
import { button, element, legendEntry } from './elements.ts';
import { bytes, count, duration } from './format.ts';
import { listen, ZOOM_STEP } from './gestures.ts';
import { aboutText } from './tables.ts';
import { View } from './view.ts';

export interface TimelineSection {
  section: HTMLElement;
  /** Brings a span into view. */
  show: (span: RunSpan) => void;
}

export function timelineSection(report: RunReport): TimelineSection {
  const lanes = layOut(report);
  const memory = (report.usage?.memory ?? []).map((sample) => ({ ...sample, atMs: sample.atMs - report.startMs }));
  const all = lanes.flatMap(({ slices }) => slices);
  const startMs = all.reduce((least, slice) => Math.min(least, slice.startMs), 0);
  const endMs = all.reduce(
    (most, slice) => Math.max(most, slice.endMs),
    Math.max(report.endMs - report.startMs, 0.001),
  );
  const canvas = element('canvas');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', 'Timeline of the run; the table of phases and calls below has the same in words');
  const tip = element('div', { class: 'tip' });
  let isAwaited = false;
  const draw = () => {
    if (isAwaited) return;
    isAwaited = true;
    requestAnimationFrame(() => {
      isAwaited = false;
      chart.draw();
    });
  };
  const view = new View({ startMs, endMs }, draw);
  const chart = new Chart(canvas, { lanes, memory }, view);
  listen(canvas, view, {
    onHover: (x, y) => {
      const slice = chart.sliceAt(x, y);
      const sample = slice === undefined ? chart.sampleAt(x, y) : undefined;
      if (slice !== undefined) showTip(tip, canvas, { x, y }, sliceLines(slice));
      else if (sample !== undefined) {
        const lines = [`guest ${bytes(sample.guestBytes)}`, `process ${bytes(sample.residentBytes)} resident`];
        showTip(tip, canvas, { x, y }, [duration(sample.atMs), ...lines]);
      } else hideTip(tip);
    },
    onLeave: () => hideTip(tip),
    onEnter: (x, y) => {
      const slice = chart.sliceAt(x, y);
      if (slice !== undefined) showSlice(view, slice);
    },
  });
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  const show = (span: RunSpan) => {
    showSlice(view, { startMs: span.startMs - report.startMs, endMs: span.endMs - report.startMs });
    section.scrollIntoView({ behavior: 'smooth', block: 'nearest' });
  };
  const section = element(
    'section',
    {},
    element('div', { class: 'head' }, element('h2', {}, 'Timeline'), zoomButtons(view)),
    canvas,
    legend(all, memory.length > 0),
    element(
      'p',
      { class: 'note' },
      'Drag to move; Ctrl and the wheel, two fingers, or + and − to zoom; double-click a slice to fill the width with it.',
    ),
    leftOutNote(report),
    tip,
  );
  return { section, show };
}

/** With some of its neighbourhood. */
function showSlice(view: View, { startMs, endMs }: Pick<Slice, 'startMs' | 'endMs'>): void {
  const margin = Math.max((endMs - startMs) * 0.08, 0.001);
  view.show(startMs - margin, endMs + margin);
}

function zoomButtons(view: View): HTMLElement {
  return element(
    'div',
    { class: 'buttons' },
    button('−', 'Zoom out', () => view.zoom(1 / ZOOM_STEP)),
    button('+', 'Zoom in', () => view.zoom(ZOOM_STEP)),
    button('whole run', 'Show the whole run', () => view.fit()),
  );
}

function sliceLines({ name, kind, startMs, endMs, detail }: Slice): string[] {
  if (kind !== 'operation') return [name, `${duration(endMs - startMs)}, from ${duration(startMs)}`, aboutText(detail)];
  const { type, implementation, wallMs, cpuMs } = detail;
  return [
    name,
    `${type}, ${implementation}`,
    `${duration(Number(wallMs))}, processor ${duration(Number(cpuMs))}`,
    'order inferred',
  ];
}

function showTip(
  tip: HTMLElement,
  canvas: HTMLCanvasElement,
  at: { x: number; y: number },
  lines: readonly string[],
): void {
  const [title = '', ...others] = lines.filter((line) => line !== '');
  tip.replaceChildren(element('strong', {}, title), ...others.map((line) => element('div', {}, line)));
  tip.style.display = 'block';
  const box = canvas.getBoundingClientRect();
  const left = Math.min(box.left + at.x + 14, window.innerWidth - tip.offsetWidth - 12);
  const below = box.top + at.y + 18;
  const isRoom = below + tip.offsetHeight < window.innerHeight - 8;
  tip.style.left = `${Math.max(left, 12)}px`;
  tip.style.top = `${isRoom ? below : box.top + at.y - tip.offsetHeight - 12}px`;
}

function hideTip(tip: HTMLElement): void {
  tip.style.display = 'none';
}

const LEGEND: readonly (readonly [colour: string, text: string])[] = [
  ['host', 'host'],
  ['guest', 'guest'],
  ['load', 'load'],
  ['compute', 'compute'],
  ['call', 'other calls'],
  ['wait', 'suspended'],
  ['operation', 'operations of the runtime, order inferred'],
  ['bad', 'refused calls'],
];

/** Of what there is. */
function legend(slices: readonly Slice[], hasMemory: boolean): HTMLElement {
  const colours = new Set(slices.map(colourOf));
  const entries = LEGEND.filter(([colour]) => colours.has(colour));
  const ofMemory = hasMemory ? [['resident', 'resident memory of the process'] as const] : [];
  return element(
    'ul',
    { class: 'legend' },
    ...[...entries, ...ofMemory].map(([colour, text]) => legendEntry(colour, text)),
  );
}

function leftOutNote(report: RunReport): HTMLElement | undefined {
  const leftOut = report.usage?.leftOut;
  if (leftOut === undefined) return undefined;
  const parts = [
    leftOut.spans > 0 ? `${count(leftOut.spans)} calls` : undefined,
    leftOut.operations > 0 ? `${count(leftOut.operations)} operations` : undefined,
  ].filter((part) => part !== undefined);
  return element(
    'p',
    { class: 'note' },
    `The guest did more than is kept: ${parts.join(' and ')} are not shown; the sums have them.`,
  );
}

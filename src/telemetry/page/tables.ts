/** The tables of the page: what the runtime spent its time in, and every call of the guest. */
import type { RunReport, RunSpan } from '../../engine/run-report.ts';
import { button, choice, element } from './elements.ts';
import { bytes, count, duration, percent } from './format.ts';

const ROWS_AT_ONCE = 200;

interface OperationSum {
  title: string;
  type: string;
  implementation: string;
  count: number;
  wallMs: number;
}

/** The sums of operations over all computations, the longest first. */
export function sumOperations(spans: readonly RunSpan[], by: 'operation' | 'type'): OperationSum[] {
  const sums = new Map<string, OperationSum>();
  for (const { name, type, implementation, wallMs } of spans.flatMap(({ operations = [] }) => operations)) {
    if (wallMs <= 0) continue;
    const title = by === 'type' ? type : name;
    const key = by === 'type' ? type : JSON.stringify([name, type, implementation]);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { title, type, implementation, count: 1, wallMs });
    else {
      sum.count += 1;
      sum.wallMs += wallMs;
    }
  }
  return [...sums.values()].sort((a, b) => b.wallMs - a.wallMs);
}

export function operationsSection(spans: readonly RunSpan[]): HTMLElement {
  const scroll = element('div', { class: 'scroll' });
  const show = (by: 'operation' | 'type') => scroll.replaceChildren(operationsTable(sumOperations(spans, by), by));
  show('operation');
  const choose = choice([['operation', 'by operation'] as const, ['type', 'by type'] as const], show);
  const head = element('div', { class: 'head' }, element('h2', {}, 'Slowest operations'), choose);
  const note = element(
    'p',
    { class: 'note' },
    'The runtime tells how long each operation took, not when. On the timeline they stand in its own order, one after the other: that order is inferred.',
  );
  return element('section', {}, head, scroll, note);
}

function operationsTable(sums: readonly OperationSum[], by: 'operation' | 'type'): HTMLElement {
  const isByType = by === 'type';
  const totalMs = sums.reduce((total, { wallMs }) => total + wallMs, 0);
  const names = isByType ? ['Type'] : ['Operation', 'Type', 'Implementation'];
  const columns = [...names, 'Runs', 'Total', 'Mean', 'Share'];
  return table(columns, sums, ({ title, type, implementation, count: runs, wallMs }) => {
    const below = isByType ? undefined : element('div', { class: 'narrow soft' }, `${type}, ${implementation}`);
    const row = element('tr', {}, element('td', { class: 'text' }, title, below));
    if (!isByType) row.append(cell(type, 'wide soft'), cell(implementation, 'wide soft text'));
    row.append(
      cell(count(runs), 'number'),
      cell(duration(wallMs), 'number'),
      cell(duration(wallMs / runs), 'number wide'),
    );
    const share = element('div', { class: 'soft' }, percent(wallMs / totalMs));
    row.append(element('td', { class: 'share' }, share, bar(wallMs / (sums[0]?.wallMs ?? wallMs))));
    return row;
  });
}

export function callsSection(report: RunReport, onChoose: (span: RunSpan) => void): HTMLElement {
  const spans = (report.usage?.spans ?? []).filter(({ name }) => name !== 'guest');
  const byStart = [...spans].sort((a, b) => a.startMs - b.startMs);
  const slowest = [...spans].sort((a, b) => b.endMs - b.startMs - (a.endMs - a.startMs));
  const scroll = element('div', { class: 'scroll' });
  const show = (order: 'start' | 'duration') => {
    const rows = order === 'start' ? byStart : slowest;
    scroll.replaceChildren(
      table(['Begin', 'Phase or call', 'Duration', 'About'], rows, (span) => callRow(span, report, onChoose)),
    );
  };
  show('start');
  const choose = choice([['start', 'in order'] as const, ['duration', 'slowest first'] as const], show);
  return element(
    'section',
    {},
    element('div', { class: 'head' }, element('h2', {}, 'Phases and calls'), choose),
    scroll,
  );
}

function callRow(span: RunSpan, report: RunReport, onChoose: (span: RunSpan) => void): HTMLElement {
  const { name, startMs, endMs, detail = {} } = span;
  const about = aboutText(detail);
  const row = element(
    'tr',
    { class: detail.errno === undefined ? 'goes' : 'goes refused', title: 'Show on the timeline' },
    cell(duration(startMs - report.startMs), 'number'),
    element('td', {}, name, about === '' ? undefined : element('div', { class: 'narrow soft' }, about)),
    cell(duration(endMs - startMs), 'number'),
    cell(about, 'text wide'),
  );
  row.addEventListener('click', () => onChoose(span));
  return row;
}

/** What a call was about in words: `input 0, 588 KiB`. */
export function aboutText(detail: NonNullable<RunSpan['detail']>): string {
  const { byteLength, errno, errnoName, isHit, ...others } = detail;
  const parts = Object.entries(others).map(([key, value]) => `${key} ${String(value)}`);
  if (typeof byteLength === 'number') parts.push(bytes(byteLength));
  if (isHit !== undefined) parts.push(isHit ? 'found compiled' : 'compiled for this run');
  if (errno !== undefined) parts.push(`refused: ${String(errnoName)} (errno ${String(errno)})`);
  return parts.join(', ');
}

function bar(share: number): HTMLElement {
  const filled = element('div');
  filled.style.width = `${Math.max(share * 100, 0.5)}%`;
  return element('div', { class: 'bar' }, filled);
}

function cell(text: string, name?: string): HTMLElement {
  return element('td', name === undefined ? {} : { class: name }, text);
}

const NUMBERS: ReadonlySet<string> = new Set(['Begin', 'Runs', 'Total', 'Mean', 'Duration']);
const WIDE: ReadonlySet<string> = new Set(['Type', 'Implementation', 'Mean', 'About']);

/** Shows the first rows, and more when asked. */
function table<Row>(columns: readonly string[], rows: readonly Row[], rowOf: (row: Row) => HTMLElement): HTMLElement {
  const classOf = (column: string, index: number) =>
    `${NUMBERS.has(column) ? 'number ' : ''}${WIDE.has(column) && index > 0 ? 'wide' : ''}`;
  const titles = columns.map((column, index) => element('th', { class: classOf(column, index) }, column));
  const body = element('tbody');
  const grow = (from: number) => {
    body.append(...rows.slice(from, from + ROWS_AT_ONCE).map(rowOf));
    const rest = rows.length - from - ROWS_AT_ONCE;
    if (rest <= 0) return;
    const more = button(`${count(rest)} more`, 'Show more rows', () => {
      last.remove();
      grow(from + ROWS_AT_ONCE);
    });
    const last = element('tr', {}, element('td', { colSpan: columns.length }, more));
    body.append(last);
  };
  grow(0);
  return element('table', {}, element('thead', {}, element('tr', {}, ...titles)), body);
}

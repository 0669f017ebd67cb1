/** The timeline on a canvas: lanes of slices over memory, on one axis of time. */
import type { MemorySample } from '../../engine/run-report.ts';
import type { Lane, Slice } from '../timeline-layout.ts';
import { bytes, duration } from './format.ts';
import { ticks, type View } from './view.ts';

const AXIS_HEIGHT = 26;
const ROW_HEIGHT = 24;
const LANE_GAP = 12;
const LANE_TITLE_HEIGHT = 18;
const MEMORY_HEIGHT = 96;
const FONT = '12px system-ui, sans-serif';

export interface ChartData {
  lanes: readonly Lane[];
  memory: readonly (Omit<MemorySample, 'atMs'> & { atMs: number })[];
}

/** Which colour of the style sheet a slice has. */
export function colourOf({ kind, name, detail }: Slice): string {
  if (detail.errno !== undefined) return 'bad';
  if (kind !== 'call') return kind;
  if (name === 'compute') return 'compute';
  return name === 'load' || name === 'load_by_name' ? 'load' : 'call';
}

interface Row {
  top: number;
  slices: readonly Slice[];
}

export class Chart {
  readonly canvas: HTMLCanvasElement;
  readonly #data: ChartData;
  readonly #view: View;
  readonly #rows: Row[] = [];
  readonly #titles: { text: string; top: number }[] = [];
  readonly #memoryTop: number;
  readonly #mostBytes: number;
  readonly #height: number;
  #colours = new Map<string, { fill: string; text: string }>();

  constructor(canvas: HTMLCanvasElement, data: ChartData, view: View) {
    this.canvas = canvas;
    this.#data = data;
    this.#view = view;
    let top = AXIS_HEIGHT;
    for (const lane of data.lanes) {
      this.#titles.push({ text: lane.name, top });
      top += LANE_TITLE_HEIGHT;
      const depth = lane.slices.reduce((most, slice) => Math.max(most, slice.depth), 0);
      for (let row = 0; row <= depth; row++) {
        this.#rows.push({ top, slices: lane.slices.filter((slice) => slice.depth === row) });
        top += ROW_HEIGHT;
      }
      top += LANE_GAP;
    }
    this.#memoryTop = top + LANE_TITLE_HEIGHT;
    this.#mostBytes = data.memory.reduce((most, sample) => Math.max(most, sample.guestBytes, sample.residentBytes), 1);
    if (data.memory.length > 0) this.#titles.push({ text: `memory, up to ${bytes(this.#mostBytes)}`, top });
    this.#height = data.memory.length > 0 ? this.#memoryTop + MEMORY_HEIGHT + 4 : top;
  }

  get width(): number {
    return this.canvas.clientWidth;
  }

  /** Where a time lies, in pixels from the left. */
  x(atMs: number): number {
    return ((atMs - this.#view.startMs) / this.#view.widthMs) * this.width;
  }

  /** The slice under a point, the innermost; a slice of less than a pixel is as wide as one. */
  sliceAt(x: number, y: number): Slice | undefined {
    const row = this.#rows.find(({ top }) => y >= top && y < top + ROW_HEIGHT);
    return row?.slices.findLast(
      (slice) => x >= this.x(slice.startMs) - 1 && x <= Math.max(this.x(slice.endMs), this.x(slice.startMs) + 1),
    );
  }

  /** The last sample before a point of the memory chart. */
  sampleAt(x: number, y: number): ChartData['memory'][number] | undefined {
    if (y < this.#memoryTop || y > this.#memoryTop + MEMORY_HEIGHT) return undefined;
    const atMs = this.#view.startMs + (x / this.width) * this.#view.widthMs;
    return this.#data.memory.findLast((sample) => sample.atMs <= atMs);
  }

  draw(): void {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${this.#height}px`;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.#height * ratio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext('2d');
    if (context === null) return;
    this.#colours = new Map();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.#height);
    context.font = FONT;
    context.textBaseline = 'middle';
    this.#drawAxis(context);
    for (const { text, top } of this.#titles) {
      context.fillStyle = this.#colour('soft').fill;
      context.fillText(text, 2, top + LANE_TITLE_HEIGHT / 2);
    }
    for (const row of this.#rows) this.#drawRow(context, row);
    if (this.#data.memory.length > 0) this.#drawMemory(context);
  }

  #drawAxis(context: CanvasRenderingContext2D): void {
    const { startMs, endMs } = this.#view;
    for (const { atMs, text } of ticks(startMs, endMs, Math.max(2, Math.floor(this.width / 110)))) {
      const x = Math.round(this.x(atMs)) + 0.5;
      context.strokeStyle = this.#colour('line').fill;
      context.beginPath();
      context.moveTo(x, AXIS_HEIGHT - 8);
      context.lineTo(x, this.#height);
      context.stroke();
      context.fillStyle = this.#colour('soft').fill;
      const room = this.width - context.measureText(text).width - 2;
      context.fillText(text, Math.max(2, Math.min(x + 4, room)), 9);
    }
  }

  /** Slices of less than a pixel are drawn once for each pixel that they lie in. */
  #drawRow(context: CanvasRenderingContext2D, { top, slices }: Row): void {
    const { startMs, endMs } = this.#view;
    let drawnUntil = -1;
    for (const slice of slices) {
      if (slice.endMs < startMs || slice.startMs > endMs) continue;
      const left = Math.max(this.x(slice.startMs), -2);
      const right = Math.min(this.x(slice.endMs), this.width + 2);
      if (right <= drawnUntil && right - left < 1) continue;
      const width = Math.max(right - left, 1);
      const { fill, text } = this.#colour(colourOf(slice));
      context.fillStyle = fill;
      context.beginPath();
      // A gap between neighbours, where there is room for one.
      context.roundRect(left, top + 1, width > 4 ? width - 1 : width, ROW_HEIGHT - 3, width > 8 ? 3 : 0);
      context.fill();
      drawnUntil = Math.max(Math.ceil(left + 1), right);
      this.#drawLabel(context, slice, { left: Math.max(left, 0), right, top, text });
    }
  }

  #drawLabel(
    context: CanvasRenderingContext2D,
    slice: Slice,
    { left, right, top, text }: { left: number; right: number; top: number; text: string },
  ): void {
    const room = right - left - 12;
    if (room < 14) return;
    context.fillStyle = text;
    const full = `${slice.name}  ${duration(slice.endMs - slice.startMs)}`;
    const label = context.measureText(full).width <= room ? full : cut(context, slice.name, room);
    context.fillText(label, left + 6, top + ROW_HEIGHT / 2);
  }

  #drawMemory(context: CanvasRenderingContext2D): void {
    const { memory } = this.#data;
    const bottom = this.#memoryTop + MEMORY_HEIGHT;
    const y = (value: number) => bottom - (value / this.#mostBytes) * (MEMORY_HEIGHT - 6);
    const trace = (value: (sample: MemorySample) => number) => {
      context.beginPath();
      let last = 0;
      memory.forEach((sample, index) => {
        const x = this.x(sample.atMs);
        if (index === 0) context.moveTo(x, y(value(sample)));
        else {
          context.lineTo(x, last);
          context.lineTo(x, y(value(sample)));
        }
        last = y(value(sample));
      });
      context.lineTo(Math.max(this.width, this.x(memory.at(-1)?.atMs ?? 0)), last);
    };
    trace(({ guestBytes }) => guestBytes);
    context.lineTo(this.width, bottom);
    context.lineTo(this.x(memory[0]?.atMs ?? 0), bottom);
    context.closePath();
    context.globalAlpha = 0.35;
    context.fillStyle = this.#colour('guest').fill;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.strokeStyle = this.#colour('guest').fill;
    trace(({ guestBytes }) => guestBytes);
    context.stroke();
    context.strokeStyle = this.#colour('resident').fill;
    trace(({ residentBytes }) => residentBytes);
    context.stroke();
    context.lineWidth = 1;
  }

  /** A colour of the style sheet, and black or white to write on it. */
  #colour(name: string): { fill: string; text: string } {
    const known = this.#colours.get(name);
    if (known !== undefined) return known;
    const fill = getComputedStyle(this.canvas).getPropertyValue(`--${name}`).trim() || '#888888';
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => Number.parseInt(fill.slice(at, at + 2), 16));
    const isLight = red * 0.299 + green * 0.587 + blue * 0.114 > 140;
    const made = { fill, text: isLight ? '#10141a' : '#ffffff' };
    this.#colours.set(name, made);
    return made;
  }
}

function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  const perLetter = context.measureText('n').width;
  const letters = Math.floor(room / perLetter);
  if (text.length <= letters || context.measureText(text).width <= room) return text;
  return letters < 3 ? '' : `${text.slice(0, letters - 1)}…`;
}

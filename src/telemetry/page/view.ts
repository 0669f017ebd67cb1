/** Which part of a timeline is seen: kept within its bounds, and never smaller than a microsecond. */

export interface Bounds {
  startMs: number;
  endMs: number;
}

const LEAST_WIDTH_MS = 0.001;

export class View {
  readonly #bounds: Bounds;
  #startMs: number;
  #endMs: number;
  readonly #onChange: () => void;

  constructor(bounds: Bounds, onChange: () => void) {
    this.#bounds = bounds;
    this.#startMs = bounds.startMs;
    this.#endMs = bounds.endMs;
    this.#onChange = onChange;
  }

  get startMs(): number {
    return this.#startMs;
  }

  get endMs(): number {
    return this.#endMs;
  }

  get widthMs(): number {
    return this.#endMs - this.#startMs;
  }

  show(startMs: number, endMs: number): void {
    const { startMs: least, endMs: most } = this.#bounds;
    const widthMs = Math.min(Math.max(endMs - startMs, LEAST_WIDTH_MS), most - least);
    this.#startMs = Math.min(Math.max(startMs, least), most - widthMs);
    this.#endMs = this.#startMs + widthMs;
    this.#onChange();
  }

  /** @param at which part of the width stays where it is, 0 to 1 */
  zoom(factor: number, at = 0.5): void {
    const fixedMs = this.#startMs + this.widthMs * at;
    const widthMs = Math.max(this.widthMs * factor, LEAST_WIDTH_MS);
    this.show(fixedMs - widthMs * at, fixedMs + widthMs * (1 - at));
  }

  move(byMs: number): void {
    this.show(this.#startMs + byMs, this.#endMs + byMs);
  }

  fit(): void {
    this.show(this.#bounds.startMs, this.#bounds.endMs);
  }
}

/** Where an axis has its marks: one, two or five of a power of ten, at most `most` of them; with their texts. */
export function ticks(startMs: number, endMs: number, most: number): { atMs: number; text: string }[] {
  const rough = (endMs - startMs) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(startMs / step);
  const count = Math.max(0, Math.floor(endMs / step) - first + 1);
  const inSeconds = step >= 1_000;
  const unitMs = inSeconds ? 1_000 : 1;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / unitMs) + 1e-9));
  return Array.from({ length: count }, (_, index) => {
    const atMs = (first + index) * step;
    return { atMs, text: `${(atMs / unitMs).toFixed(decimals)} ${inSeconds ? 's' : 'ms'}` };
  });
}

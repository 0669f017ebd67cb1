/** What a page carries: written by the host, read by the page's own script. */
import type { OperationTime, RunReport, RunSpan } from '../../engine/run-report.ts';

export interface PageData {
  /** Without the operations of its spans. */
  report: RunReport;
  environment: Readonly<Record<string, string>>;
  /** Every operation once: name, type, implementation. */
  operations: readonly (readonly [name: string, type: string, implementation: string])[];
  /**
   * For each span of the report its operations, three numbers each: which, wall and processor time in milliseconds. Zero
   * where it has none. A run may have hundreds of thousands, with the same names again and again.
   */
  computations: readonly (readonly number[] | 0)[];
}

/** @param clean makes a text of a guest's or model's choice fit to be shown */
export function toPageData(
  report: RunReport,
  environment: Readonly<Record<string, string>>,
  clean: (text: string) => string,
): PageData {
  const operations: [string, string, string][] = [];
  const numbers = new Map<string, number>();
  const numberOf = ({ name, type, implementation }: OperationTime) => {
    const key = JSON.stringify([name, type, implementation]);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, operations.length);
    operations.push([clean(name), clean(type), clean(implementation)]);
    return operations.length - 1;
  };
  const spans = report.usage?.spans ?? [];
  const computations = spans.map(({ operations: ran }) =>
    ran === undefined ? 0 : ran.flatMap((one) => [numberOf(one), micro(one.wallMs), micro(one.cpuMs)]),
  );
  const usage = report.usage && { ...report.usage, spans: spans.map(withoutOperations) };
  return { report: withCleanTexts({ ...report, usage }, clean), environment, operations, computations };
}

/** The report as it was given to {@link toPageData}. */
export function fromPageData({ report, operations, computations }: PageData): RunReport {
  if (report.usage === undefined) return report;
  const spans = (report.usage.spans ?? []).map((span, index): RunSpan => {
    const numbers = computations[index] || undefined;
    return numbers === undefined ? span : { ...span, operations: operationsOf(numbers, operations) };
  });
  return { ...report, usage: { ...report.usage, spans } };
}

function operationsOf(numbers: readonly number[], operations: PageData['operations']): OperationTime[] {
  return Array.from({ length: numbers.length / 3 }, (_, index) => {
    const [number = 0, wallMs = 0, cpuMs = 0] = numbers.slice(index * 3, index * 3 + 3);
    const [name, type, implementation] = operations[number] ?? ['', '', ''];
    return { name, type, implementation, wallMs, cpuMs };
  });
}

function withoutOperations({ operations: _, ...span }: RunSpan): RunSpan {
  return span;
}

/** Every text of a report, however deep; its keys are of this package. */
function withCleanTexts(report: RunReport, clean: (text: string) => string): RunReport {
  const text = JSON.stringify(report, (_, part: unknown) => (typeof part === 'string' ? clean(part) : part));
  return JSON.parse(text) as RunReport;
}

const micro = (ms: number) => Math.round(ms * 1e4) / 1e4;

/** Notes what a run does while it goes on: counts always, spans and memory where somebody will look at them. */
import { ERRNO } from '../nn/abi/witx.ts';
import type { NnCall, Refusal } from '../nn/index.ts';
import {
  type GuestUsage,
  isWithinGuest,
  type LeftOut,
  type LoadCounts,
  type MemorySample,
  type PhaseUsage,
  type RecordLevel,
  type RefusedCall,
  type RunSpan,
  type SpanName,
} from './run-report.ts';

/** What a guest may have kept of it, which may make millions of calls. Spans of the host itself are few and not counted. */
const MOST = {
  spans: { phases: 0, spans: 1_000, timeline: 20_000 },
  /** Of one computation: models have hundreds. */
  operationsPerComputation: 5_000,
  operations: 200_000,
  memorySamples: 4_000,
  refusedCalls: 8,
} as const;

/** Resident memory takes some microseconds to read. */
const LEAST_SAMPLE_DISTANCE_MS = 1;

/** Names in the report of calls that other hosts have under several. Calls that are not here are not told. */
const SPAN_OF_CALL: Readonly<Record<string, SpanName>> = {
  load: 'load',
  load_by_name: 'load_by_name',
  load_by_name_with_config: 'load_by_name',
  init_execution_context: 'init_execution_context',
  set_input: 'set_input',
  compute: 'compute',
  get_output: 'get_output',
  unload: 'unload',
  unload_graph: 'unload',
  finalize_execution_context: 'finalize_execution_context',
};

export interface RunRecorderOptions {
  /** Default: `phases`. */
  level?: RecordLevel | undefined;
  /** Linear memories of the guest together, as they are now. */
  guestBytes: () => number;
  /**
   * Told of each span and sample as it is kept, so that another thread can know of a guest that it ends. That thread adds
   * it to a recorder of its own by {@link RunRecorder.add}.
   */
  onEntry?: ((entry: RecordedEntry) => void) | undefined;
}

/** Plain data. */
export type RecordedEntry = { span: RunSpan } | { sample: MemorySample };

/** What the recorder cannot see itself. */
export type MeasuredElsewhere = Pick<GuestUsage, 'cpuMs' | 'bytesRead' | 'bytesWritten'>;

/** Milliseconds since the epoch, with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Of wasi-nn; `unknown` for what it does not have. */
export function errnoNameOf(errno: number): string {
  return Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? 'unknown';
}

function refused(errno: number): { errno: number; errnoName: string } {
  return { errno, errnoName: errnoNameOf(errno) };
}

/** The record of one run. */
export class RunRecorder {
  readonly level: RecordLevel;
  readonly #guestBytes: () => number;
  readonly #onEntry: RunRecorderOptions['onEntry'];
  readonly #phases = new Map<SpanName, PhaseUsage>();
  readonly #spans: RunSpan[] = [];
  readonly #samples: MemorySample[] = [];
  readonly #loads: LoadCounts = { hits: 0, misses: 0 };
  readonly #leftOut: LeftOut = { spans: 0, operations: 0 };
  readonly #refused: RefusedCall[] = [];
  #refusedCount = 0;
  #keptCalls = 0;
  #keptOperations = 0;
  #peakBytes = 0;
  #sampleDistanceMs: number = LEAST_SAMPLE_DISTANCE_MS;

  constructor({ level = 'phases', guestBytes, onEntry }: RunRecorderOptions) {
    this.level = level;
    this.#guestBytes = guestBytes;
    this.#onEntry = onEntry;
  }

  /** For `WasiNnOptions.onCall`. */
  readonly onCall = ({ name, startMs, endMs, errno, detail, operations }: NnCall): void => {
    const spanName = SPAN_OF_CALL[name];
    if (spanName === undefined) return;
    if (this.level === 'phases') this.#count(spanName, endMs - startMs, errno === 0, detail?.isHit === true);
    else this.note(spanName, startMs, endMs, errno === 0 ? detail : { ...detail, ...refused(errno) }, operations);
  };

  /** Notes why a call was refused. */
  refuse({ cause: _, ...refusal }: Refusal): void {
    this.#refusedCount += 1;
    if (this.#refused.length < MOST.refusedCalls) this.#refused.push(refusal);
  }

  /** Adds a span that has ended. */
  note(
    name: SpanName,
    startMs: number,
    endMs: number,
    detail?: RunSpan['detail'],
    operations?: RunSpan['operations'],
  ): void {
    this.add({ span: { name, startMs, endMs, ...(detail && { detail }), ...this.#operations(operations) } });
    this.sample(endMs);
  }

  /** Runs an action and notes how long it took, whether it returned or threw. */
  time<Result>(name: SpanName, action: () => Result, detail?: RunSpan['detail']): Result {
    const startMs = nowMs();
    try {
      return action();
    } finally {
      this.note(name, startMs, nowMs(), detail);
    }
  }

  /** Looks at memory, in a run with a timeline; not more often than is of use. */
  sample(atMs: number = nowMs()): void {
    if (this.level !== 'timeline') return;
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs - last.atMs < this.#sampleDistanceMs) return;
    this.add({ sample: { atMs, guestBytes: this.#guestBytes(), residentBytes: process.memoryUsage.rss() } });
  }

  /** Takes what a recorder of another thread kept. */
  add(entry: RecordedEntry): void {
    if ('sample' in entry) this.#addSample(entry.sample);
    else this.#addSpan(entry.span);
  }

  /** What is known until now. Of a run that was ended from outside it may be less than the guest did. */
  usage({ cpuMs, bytesRead, bytesWritten }: MeasuredElsewhere): GuestUsage {
    this.#notePeak(this.#guestBytes());
    const leftOut = this.#leftOut.spans + this.#leftOut.operations > 0 ? { ...this.#leftOut } : undefined;
    return {
      cpuMs,
      peakMemoryBytes: this.#peakBytes,
      bytesRead,
      bytesWritten,
      phases: Object.fromEntries([...this.#phases].map(([name, phase]) => [name, { ...phase }])),
      loads: { ...this.#loads },
      ...(this.#refusedCount > 0 && { refused: { count: this.#refusedCount, first: [...this.#refused] } }),
      ...(this.level !== 'phases' && { spans: [...this.#spans] }),
      ...(this.level === 'timeline' && { memory: [...this.#samples] }),
      ...(leftOut && { leftOut }),
    };
  }

  /** Makes room for the spans of what comes next, in a guest that stays. */
  forgetSpans(): void {
    this.#spans.length = 0;
    this.#keptCalls = 0;
    this.#leftOut.spans = 0;
  }

  #addSpan(span: RunSpan): void {
    const { name, startMs, endMs, detail } = span;
    this.#count(name, endMs - startMs, detail?.errno === undefined, detail?.isHit === true);
    const isCall = isWithinGuest(name);
    if (isCall && this.#keptCalls >= MOST.spans[this.level]) {
      if (this.level !== 'phases') this.#leftOut.spans += 1;
      return;
    }
    if (this.level === 'phases') return;
    if (isCall) this.#keptCalls += 1;
    this.#spans.push(span);
    this.#onEntry?.({ span });
  }

  #count(name: SpanName, wallMs: number, isDone: boolean, isHit: boolean): void {
    const phase = this.#phases.get(name);
    if (phase === undefined) this.#phases.set(name, { count: 1, wallMs });
    else {
      phase.count += 1;
      phase.wallMs += wallMs;
    }
    if (name === 'load' && isDone) this.#loads[isHit ? 'hits' : 'misses'] += 1;
  }

  #operations(operations: RunSpan['operations']): Pick<RunSpan, 'operations'> | undefined {
    if (operations === undefined || this.level !== 'timeline') return undefined;
    const room = Math.min(MOST.operationsPerComputation, MOST.operations - this.#keptOperations);
    const kept = operations.length <= room ? operations : [];
    this.#leftOut.operations += operations.length - kept.length;
    this.#keptOperations += kept.length;
    return kept.length === 0 ? undefined : { operations: kept };
  }

  #addSample(sample: MemorySample): void {
    this.#notePeak(sample.guestBytes);
    if (this.#samples.length >= MOST.memorySamples) this.#thinOut();
    this.#samples.push(sample);
    this.#onEntry?.({ sample });
  }

  /** Keeps every second sample, and takes them half as often from now on: a long run has as many as a short one. */
  #thinOut(): void {
    const kept = this.#samples.filter((_, index) => index % 2 === 0);
    this.#samples.splice(0, this.#samples.length, ...kept);
    this.#sampleDistanceMs *= 2;
  }

  #notePeak(guestBytes: number): void {
    if (guestBytes > this.#peakBytes) this.#peakBytes = guestBytes;
  }
}

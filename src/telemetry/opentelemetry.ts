/**
 * OpenTelemetry spans of this process' runs, over `@opentelemetry/api`.
 *
 * A part of its own that the embedder switches on, as instrumentations of OpenTelemetry are: looking for the API package
 * at each start would cost every program that has none, and tracing would begin unasked in those that have it.
 *
 * @module wasi-nn-host/opentelemetry
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type Attributes,
  context,
  type HrTime,
  type Span,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { isBeforeGuest, isWithinGuest, type RunReport, type RunSpan } from '../engine/run-report.ts';
import { checkNames, isCount, isFunction, isObject, optional } from '../options.ts';
import { CHANNELS, type GraphReport, type PhaseReport } from './channels.ts';

/** Whose spans are made, and how many. */
export interface TracingOptions {
  /** Default: the global one of `@opentelemetry/api`, whatever it is by then. */
  tracerProvider?: TracerProvider | undefined;
  /** Calls of a guest that become spans of their own, of each run; the run's span tells how many more there were. Default: 100. */
  maxCallSpans?: number | undefined;
}

/** Runs that are being traced. */
export interface Tracing {
  /** Stops listening: later runs have no spans. */
  stop(): void;
  /** {@link Tracing.stop}, for `using`. */
  [Symbol.dispose](): void;
}

const NAME = 'wasi-nn-host';
const PREFIX = 'wasi_nn_host';

/**
 * Makes spans of every run in this process until {@link Tracing.stop}: one for the run, whose parent is the active span of
 * whoever called `run`, and within it its phases and the guest's calls. They are made when the run has ended, with the
 * times that were measured. Modules that are compiled and graphs that are registered have spans, too.
 *
 * @throws OptionError ERR_OPTION_INVALID
 */
export function traceRuns(options: TracingOptions = {}): Tracing {
  checkNames('options', options, ['tracerProvider', 'maxCallSpans']);
  const { tracerProvider, maxCallSpans = 100 } = options;
  const isProvider = (value: TracerProvider) => isObject(value) && isFunction(value.getTracer);
  optional('tracerProvider', tracerProvider, isProvider, 'a TracerProvider of OpenTelemetry');
  optional('maxCallSpans', options.maxCallSpans, isCount, 'a whole number');
  const tracer = () => (tracerProvider ?? trace.getTracerProvider()).getTracer(NAME);
  const onRun = (message: unknown) => traceRun(tracer(), message as RunReport, maxCallSpans);
  const onCompile = (message: unknown) => {
    const phase = message as PhaseReport;
    // Those of a run are among its spans.
    if (phase.run === undefined) tracePhase(tracer(), phase);
  };
  const onGraph = (message: unknown) => traceGraph(tracer(), message as GraphReport);
  subscribe(CHANNELS.run, onRun);
  subscribe(CHANNELS.compile, onCompile);
  subscribe(CHANNELS.graph, onGraph);
  const stop = () => {
    unsubscribe(CHANNELS.run, onRun);
    unsubscribe(CHANNELS.compile, onCompile);
    unsubscribe(CHANNELS.graph, onGraph);
  };
  return { stop, [Symbol.dispose]: stop };
}

function traceRun(tracer: Tracer, report: RunReport, maxCallSpans: number): void {
  const run = tracer.startSpan(`${NAME} ${report.call === undefined ? 'run' : 'call'}`, {
    startTime: hrTime(report.startMs),
  });
  if (run.isRecording()) {
    const spans = report.usage?.spans ?? [];
    const calls = spans.filter(({ name }) => isWithinGuest(name));
    run.setAttributes(runAttributes(report, calls.length - maxCallSpans));
    if (report.outcome === 'failed') fail(run, report.code ?? '_OTHER', report.message, report.endMs);
    const ofHost = spans.filter(({ name }) => isBeforeGuest(name));
    for (const span of ofHost) tracePhase(tracer, span, run);
    traceGuest(tracer, run, spans, calls.slice(0, maxCallSpans));
  }
  run.end(hrTime(report.endMs));
}

/** A guest that was ended from outside has calls and no span of its own: its calls are the run's then. */
function traceGuest(tracer: Tracer, run: Span, spans: readonly RunSpan[], calls: readonly RunSpan[]): void {
  const guests = spans.filter(({ name }) => name === 'guest');
  const parents = guests.map((span) => ({ span, made: startPhase(tracer, span, run) }));
  for (const call of calls) {
    const parent = parents.find(({ span }) => span.startMs <= call.startMs && call.endMs <= span.endMs);
    tracePhase(tracer, call, parent?.made ?? run);
  }
  for (const { span, made } of parents) made.end(hrTime(span.endMs));
}

function tracePhase(tracer: Tracer, span: RunSpan, parent?: Span): void {
  startPhase(tracer, span, parent).end(hrTime(span.endMs));
}

function startPhase(tracer: Tracer, { name, startMs, endMs, detail }: RunSpan, parent?: Span): Span {
  const active = context.active();
  const attributes: Attributes = {};
  for (const [key, value] of Object.entries(detail ?? {})) attributes[`${PREFIX}.${snakeCase(key)}`] = value;
  const options = { startTime: hrTime(startMs), attributes };
  const span = tracer.startSpan(`${NAME} ${name}`, options, parent ? trace.setSpan(active, parent) : active);
  if (detail?.errnoName !== undefined) fail(span, String(detail.errnoName), undefined, endMs);
  return span;
}

function traceGraph(tracer: Tracer, { graph, change, startMs, endMs }: GraphReport): void {
  const attributes = { [`${PREFIX}.graph`]: graph, [`${PREFIX}.change`]: change };
  tracer.startSpan(`${NAME} graph`, { startTime: hrTime(startMs), attributes }).end(hrTime(endMs));
}

/** Under `error.type` and `process.exit.code` as the conventions have them; the rest under a name of our own. */
function runAttributes(report: RunReport, callsLeftOut: number): Attributes {
  const { module, tenant, call, mode, outcome, exitCode, outputBytes, usage } = report;
  const own: Record<string, string | number | undefined> = {
    module,
    tenant: tenant === '' ? undefined : tenant,
    call,
    mode,
    outcome,
    output_bytes: outputBytes,
    cpu_ms: usage?.cpuMs,
    peak_memory_bytes: usage?.peakMemoryBytes,
    bytes_read: usage?.bytesRead,
    bytes_written: usage?.bytesWritten,
    load_hits: usage?.loads?.hits,
    load_misses: usage?.loads?.misses,
    calls_left_out: Math.max(callsLeftOut, 0) + (usage?.leftOut?.spans ?? 0) || undefined,
  };
  const attributes: Attributes = exitCode === undefined ? {} : { 'process.exit.code': exitCode };
  for (const [key, value] of Object.entries(own)) if (value !== undefined) attributes[`${PREFIX}.${key}`] = value;
  return attributes;
}

function fail(span: Span, type: string, message: string | undefined, atMs: number): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  if (message !== undefined) span.recordException({ name: type, message }, hrTime(atMs));
}

/** Seconds and nanoseconds: a plain number would be read as of another clock where it is small. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

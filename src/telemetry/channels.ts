/**
 * What happens in a host, told over `node:diagnostics_channel`: one channel for runs, one for each phase of them.
 *
 * Every message is about something that has ended, with its times in it: phases are measured on the guest's thread or in
 * its process and told on the caller's, once the run is over. So these are plain channels, and no pairs of start and end as
 * of a `TracingChannel`; only a run is also told when it begins. Subscribers are called within the asynchronous context
 * of the run's caller.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { type RecordLevel, type RunReport, type RunSpan, SPAN_NAMES, type SpanName } from '../engine/run-report.ts';

const PREFIX = 'wasi-nn-host';

type PhaseChannels = { readonly [Name in SpanName]: `${typeof PREFIX}:${Name}` };

function phaseChannels(): PhaseChannels {
  const entries = SPAN_NAMES.map((name) => [name, `${PREFIX}:${name}`] as const);
  return Object.fromEntries(entries) as PhaseChannels;
}

/** The names of all channels, by what they tell. */
export const CHANNELS = {
  /** {@link RunStart}, when `run` was called. */
  runStart: `${PREFIX}:run:start`,
  /** A {@link RunReport}, when the run has ended, however it ended. */
  run: `${PREFIX}:run`,
  /** A {@link GraphReport}: a graph was registered, replaced or removed. */
  graph: `${PREFIX}:graph`,
  /** A {@link PhaseReport} each; after the run's own message. */
  ...phaseChannels(),
} as const;

/** A name that `node:diagnostics_channel` knows the channel by: a value of {@link CHANNELS}. */
export type ChannelName = (typeof CHANNELS)[keyof typeof CHANNELS];

/** What is known of a run at its start. */
export type RunStart = Pick<RunReport, 'id' | 'module' | 'tenant' | 'call' | 'startMs'>;

/** One phase of a run, or of a host: a module that was compiled has no run. */
export interface PhaseReport extends RunSpan {
  /** The run that it is part of. */
  run: Pick<RunReport, 'id' | 'module' | 'tenant' | 'mode'> | undefined;
}

/** What became of a named graph. */
export interface GraphReport {
  /** The name under which guests find it. */
  graph: string;
  /** What happened. */
  change: 'registered' | 'replaced' | 'unregistered';
  /** When its compilation began, in milliseconds since the epoch, with fractions. */
  startMs: number;
  /** When it was there, or gone. */
  endMs: number;
}

const runStart: Channel = channel(CHANNELS.runStart);
const run: Channel = channel(CHANNELS.run);
const graph: Channel = channel(CHANNELS.graph);
const phases = new Map<SpanName, Channel>(SPAN_NAMES.map((name) => [name, channel(CHANNELS[name])]));

/** How much must be recorded of a run for those who listen now; undefined when nobody does. */
export function levelOfSubscribers(): RecordLevel | undefined {
  if (run.hasSubscribers) return 'spans';
  for (const phase of phases.values()) if (phase.hasSubscribers) return 'spans';
  return undefined;
}

/** Told once for each run, before anything else happens. */
export function publishRunStart(start: RunStart): void {
  if (runStart.hasSubscribers) runStart.publish(start);
}

/**
 * Tells of a run that has ended, and then of its phases in the order of their ends. Called on the thread of the run's
 * caller, within its asynchronous context. What a subscriber throws does not come back: Node reports it as an uncaught
 * exception.
 */
export function publishRun(report: RunReport): void {
  if (run.hasSubscribers) run.publish(report);
  const { id, module, tenant, mode, usage } = report;
  for (const span of usage?.spans ?? []) publishPhase(span, { id, module, tenant, mode });
}

/** Tells of a phase: of a run, or of a host's own work (`compile`). */
export function publishPhase(span: RunSpan, ofRun?: PhaseReport['run']): void {
  const phase = phases.get(span.name);
  if (phase?.hasSubscribers) phase.publish({ ...span, run: ofRun } satisfies PhaseReport);
}

export function publishGraph(report: GraphReport): void {
  if (graph.hasSubscribers) graph.publish(report);
}

/** Where the slices of a timeline lie: shared by the trace file and the page, so it knows neither Node nor a browser. */
import { isBeforeGuest, type OperationTime, type RunReport, type RunSpan } from '../engine/run-report.ts';

/** What is drawn of a span or an operation. */
export interface Slice {
  name: string;
  /** `host`: before and around the guest. `operation`: of the runtime, its place inferred. */
  kind: 'host' | 'guest' | 'call' | 'wait' | 'operation';
  /** Since the run began; may be negative for what came before, such as the compilation of the module. */
  startMs: number;
  endMs: number;
  /** How many slices of its lane it lies in. */
  depth: number;
  detail: Readonly<Record<string, string | number | boolean>>;
}

/** Slices that lie beside or within each other, and never overlap in part. By their starts, outer ones first. */
export interface Lane {
  name: string;
  slices: readonly Slice[];
}

/** What one clock reads later than another, of two threads or processes. */
const CLOCK_NOISE_MS = 0.1;

/** Sets out a run: first what the host did, then the guest with its calls, and the runtime's operations in them. */
export function layOut(report: RunReport): Lane[] {
  const spans = report.usage?.spans ?? [];
  const isOfHost = ({ name }: RunSpan) => isBeforeGuest(name);
  const host = spans.filter(isOfHost).map((span) => sliceOf(span, report));
  const guest = [
    ...guestSlices(report),
    ...spans.filter((span) => !isOfHost(span)).map((span) => sliceOf(span, report)),
  ];
  const operations = spans.flatMap((span) => operationSlices(span, report));
  return [...lanes('host', host), ...lanes('guest', [...guest, ...operations])];
}

function sliceOf({ name, startMs, endMs, detail = {} }: RunSpan, report: RunReport): Slice {
  const kind = isBeforeGuest(name) ? 'host' : name === 'guest' || name === 'wait' ? name : 'call';
  return { name, kind, startMs: startMs - report.startMs, endMs: endMs - report.startMs, depth: 0, detail };
}

/** A guest that was ended from outside could not note its own end: it lasted until the run was over. */
function guestSlices(report: RunReport): Slice[] {
  const { usage, startMs, endMs, code } = report;
  const spans = usage?.spans ?? [];
  const hasBegun = usage?.phases.guest !== undefined || spans.some(({ name }) => !isBeforeGuest(name));
  if (!hasBegun || spans.some(({ name }) => name === 'guest')) return [];
  const before = spans.filter(({ name }) => isBeforeGuest(name)).map((span) => span.endMs);
  const firstCallMs = Math.min(...spans.filter(({ name }) => !isBeforeGuest(name)).map((span) => span.startMs));
  const beganMs = Math.min(Math.max(startMs, ...before), firstCallMs, endMs);
  const detail = { ended: code ?? 'unknown' };
  return [{ name: 'guest', kind: 'guest', startMs: beganMs - startMs, endMs: endMs - startMs, depth: 0, detail }];
}

/**
 * The runtime tells how long each operation took, in its own order, and not when. So they are laid one after the other from
 * the beginning of the computation; where they are longer together than it was (they ran side by side), all are drawn
 * shorter in proportion.
 */
function operationSlices({ startMs, endMs, operations = [] }: RunSpan, report: RunReport): Slice[] {
  const ran = operations.filter(({ wallMs }) => wallMs > 0);
  const totalMs = ran.reduce((sum, { wallMs }) => sum + wallMs, 0);
  const scale = Math.min(1, (endMs - startMs) / totalMs);
  let atMs = startMs - report.startMs;
  return ran.map((operation) => {
    const beginMs = atMs;
    atMs = Math.min(atMs + operation.wallMs * scale, endMs - report.startMs);
    return { ...operationSlice(operation), startMs: beginMs, endMs: atMs };
  });
}

function operationSlice({ name, type, implementation, wallMs, cpuMs }: OperationTime): Slice {
  const detail = { type, implementation, wallMs, cpuMs, order: 'inferred' };
  return { name, kind: 'operation', startMs: 0, endMs: 0, depth: 0, detail };
}

/** Spreads slices over as few lanes as need be, so that within one they nest. */
function lanes(name: string, slices: readonly Slice[]): Lane[] {
  const sorted = [...slices].sort((a, b) => a.startMs - b.startMs || b.endMs - a.endMs || order(a) - order(b));
  const open: { stack: Slice[]; slices: Slice[] }[] = [];
  for (const slice of sorted) {
    const lane = open.find((candidate) => place(candidate, slice));
    if (lane === undefined) open.push({ stack: [slice], slices: [slice] });
  }
  return open.map((lane, index) => ({ name: index === 0 ? name : `${name} ${index + 1}`, slices: lane.slices }));
}

const KINDS: readonly Slice['kind'][] = ['host', 'guest', 'call', 'wait', 'operation'];
const order = ({ kind }: Slice) => KINDS.indexOf(kind);

/** Puts a slice into a lane where it fits, moved and cut by no more than what clocks differ. */
function place(lane: { stack: Slice[]; slices: Slice[] }, slice: Slice): boolean {
  const { stack, slices } = lane;
  // Those before it may have been moved behind its start.
  let startMs = Math.max(slice.startMs, slices.at(-1)?.startMs ?? slice.startMs);
  const hasEnded = (outer: Slice) =>
    startMs >= outer.endMs || (slice.endMs > outer.endMs && startMs >= outer.endMs - CLOCK_NOISE_MS);
  while (stack.length > 0 && hasEnded(stack.at(-1) as Slice)) {
    startMs = Math.max(startMs, (stack.pop() as Slice).endMs);
  }
  const outer = stack.at(-1);
  if (outer !== undefined && slice.endMs > outer.endMs + CLOCK_NOISE_MS) return false;
  slice.startMs = startMs;
  slice.endMs = Math.min(Math.max(slice.endMs, startMs), outer?.endMs ?? Number.POSITIVE_INFINITY);
  slice.depth = stack.length;
  stack.push(slice);
  slices.push(slice);
  return true;
}

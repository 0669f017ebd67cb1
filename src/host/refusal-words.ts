/** What an embedder is told of wasi-nn calls that were refused, beyond what the guest's side knows. */
import type { GuestUsage } from '../engine/run-report.ts';
import { type ErrorCode, printable } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';

/** Says of a graph that the host has, and did not grant, that this is why. */
export function explained<Told extends Omit<Refusal, 'cause'>>(
  refusal: Told,
  isRegistered: (name: string) => boolean,
): Told {
  const { call, graph } = refusal;
  if (graph === undefined || !isRegistered(graph)) return refusal;
  const reason = `${call}: the graph ${JSON.stringify(graph)} is registered, but not granted to this guest under that name`;
  return { ...refusal, reason: printable(reason) };
}

/** Codes of what the machine lacks, and no guest can help. */
const LACKS: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'ERR_ADDON_UNAVAILABLE',
  'ERR_NN_RUNTIME_NOT_FOUND',
  'ERR_NN_RUNTIME_INVALID',
  'ERR_NN_BACKEND_UNAVAILABLE',
]);

let hasWarned = false;

/** Warns once in a process of guests that get nowhere since something is not installed: they print an errno at best. */
export function warnOfLack({ refused }: GuestUsage): void {
  const lack = refused?.first.find(({ code }) => LACKS.has(code));
  if (lack === undefined || hasWarned) return;
  hasWarned = true;
  process.emitWarning(`a guest's call was refused: ${lack.reason}`, { code: 'WASI_NN_HOST_NO_INFERENCE' });
}

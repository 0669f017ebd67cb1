/** What a child process told of a run while it went on, or before its end: spans and samples, bounded in number and bytes. */
import type { RecordedEntry } from '../engine/run-recorder.ts';
import type { GuestUsage, OperationTime, RecordLevel } from '../engine/run-report.ts';
import { MOST_ENTRY_BYTES, type SentEntry } from '../worker/guest-process-messages.ts';
import { knownUsage } from '../worker/known-usage.ts';

/** More than recorders keep. */
const MOST_ENTRIES = 120_000;
const MOST_OPERATIONS = 200_000;

export class ReceivedEntries {
  readonly #level: RecordLevel;
  readonly #entries: RecordedEntry[] = [];
  /** Of the span that came last. */
  #operations: OperationTime[] | undefined;
  #operationsCount = 0;
  #byteLength = 0;

  constructor(level: RecordLevel = 'phases') {
    this.#level = level;
  }

  /**
   * @param headBytes of the message
   * @throws Error for more than a child of ours says
   */
  add(entries: readonly SentEntry[], headBytes: number): void {
    this.#byteLength += headBytes;
    const isAsked =
      this.#level === 'timeline' || (this.#level === 'spans' && entries.every((entry) => 'span' in entry));
    if (!isAsked || entries.length === 0 || this.#byteLength > MOST_ENTRY_BYTES) throw new Error('entries of no run');
    for (const entry of entries) {
      if ('operations' in entry) this.#addOperations(entry.operations);
      else this.#addEntry(entry);
    }
  }

  #addEntry(entry: RecordedEntry): void {
    this.#operations = undefined;
    if (this.#entries.push(entry) > MOST_ENTRIES) throw new Error('more entries than any run has');
  }

  #addOperations(operations: readonly OperationTime[]): void {
    this.#operationsCount += operations.length;
    if (this.#operationsCount > MOST_OPERATIONS) throw new Error('more operations than any run has');
    this.#operations ??= this.#begunOperations();
    this.#operations.push(...operations);
  }

  #begunOperations(): OperationTime[] {
    const last = this.#entries.at(-1);
    if (last === undefined || !('span' in last)) throw new Error('operations of no span');
    const operations: OperationTime[] = [];
    last.span = { ...last.span, operations };
    return operations;
  }

  /** Of a guest that was ended from outside. @param guestMs since it began; undefined: it had not begun */
  known(guestMs: number | undefined): GuestUsage {
    return knownUsage(this.#level === 'timeline' ? this.#entries : undefined, guestMs);
  }

  /** @param usage of a guest that has ended. @throws Error for one that nobody asked for */
  check({ spans, memory }: GuestUsage): void {
    const isAsked = (this.#level !== 'phases' || !spans) && (this.#level === 'timeline' || !memory);
    if (!isAsked) throw new Error('a usage of no run');
  }

  /** @param usage with what is not among the entries */
  complete(usage: GuestUsage): GuestUsage {
    if (this.#entries.length === 0) return usage;
    const { spans = [], memory = [] } = knownUsage(this.#entries, 0);
    const all = { ...usage, spans: [...spans, ...(usage.spans ?? [])] };
    return this.#level === 'timeline' ? { ...all, memory: [...memory, ...(usage.memory ?? [])] } : all;
  }
}

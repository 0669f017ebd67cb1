/** What was recorded of a run, on its way from a child process to the host in messages that are short and bounded in sum. */
import type { RecordedEntry } from '../engine/run-recorder.ts';
import type { GuestUsage, LeftOut, OperationTime, RunSpan } from '../engine/run-report.ts';
import { MESSAGE_LIMITS } from './guest-process-encoding.ts';
import { MOST_ENTRY_BYTES, type SentEntry } from './guest-process-messages.ts';

/** In one message; with the longest names it has less than a message may have. */
const MOST_OPERATIONS = 128;
const MOST_SPANS = 64;

/** Of the name of an operation, which a model may have as long as it likes. */
const MOST_CHARACTERS = 256;

/** The entries of one run. */
export class EntrySender {
  readonly #send: (entries: readonly SentEntry[]) => number;
  #leftBytes = MOST_ENTRY_BYTES;
  #isUsed = false;
  readonly #leftOut: LeftOut = { spans: 0, operations: 0 };

  /** @param send returns of how many bytes the head of the message was */
  constructor(send: (entries: readonly SentEntry[]) => number) {
    this.#send = send;
  }

  /** Sends what the recorder of a run with a timeline tells, once it tells it. */
  add(entry: RecordedEntry): void {
    this.#isUsed = true;
    if ('sample' in entry) {
      this.#pass([entry]);
      return;
    }
    const { operations = [], ...span } = entry.span;
    const isKept = this.#pass([{ span }]);
    if (!isKept) this.#leftOut.spans += 1;
    for (let start = 0; start < operations.length; start += MOST_OPERATIONS) {
      const part = operations.slice(start, start + MOST_OPERATIONS).map(shortened);
      if (!isKept || !this.#pass([{ operations: part }])) this.#leftOut.operations += part.length;
    }
  }

  /** Sends what is still to be sent. @returns what the end of the run has of the rest */
  rest(usage: GuestUsage): GuestUsage {
    const { spans, memory } = usage;
    if (spans === undefined) return usage;
    const left = this.#isUsed ? [] : this.#allButLast(spans);
    const leftOut = {
      spans: this.#leftOut.spans + (usage.leftOut?.spans ?? 0),
      operations: this.#leftOut.operations + (usage.leftOut?.operations ?? 0),
    };
    return {
      ...usage,
      spans: left,
      ...(memory && { memory: [] }),
      ...(leftOut.spans + leftOut.operations > 0 && { leftOut }),
    };
  }

  #allButLast(spans: readonly RunSpan[]): readonly RunSpan[] {
    let start = 0;
    for (; spans.length - start > MOST_SPANS; start += MOST_SPANS) {
      const part = spans.slice(start, start + MOST_SPANS);
      if (!this.#pass(part.map((span) => ({ span })))) this.#leftOut.spans += part.length;
    }
    return spans.slice(start);
  }

  /** @returns false where there is no room */
  #pass(entries: readonly SentEntry[]): boolean {
    if (this.#leftBytes < MESSAGE_LIMITS.long.headBytes) return false;
    this.#leftBytes -= this.#send(entries);
    return true;
  }
}

function shortened({ name, type, implementation, wallMs, cpuMs }: OperationTime): OperationTime {
  return { name: short(name), type: short(type), implementation: short(implementation), wallMs, cpuMs };
}

function short(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : text.slice(0, MOST_CHARACTERS);
}

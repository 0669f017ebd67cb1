/** What a child process said, read as its host may trust it: a child that was taken over says what it likes. */
import type { GuestFailure, GuestOutcome, GuestPhase } from '../engine/guest-plan.ts';
import type { ErrorCode } from '../errors.ts';
import {
  MOST_PIECES,
  type OutputName,
  type ProcessMessage,
  type RelayedMessage,
} from '../worker/guest-process-messages.ts';
import { amount, count, type Fields, fields, list, oneOf, only, optional, own, text } from './message-form.ts';
import { codeOf, refusalOf } from './message-refusal.ts';
import { entryOf, usageOf } from './message-usage.ts';

const MOST_KEYS = 1024;
const MOST_TEXTS = 10_000;
/** Of a timeline, in one message. */
const MOST_ENTRIES = 1024;
const MOST_ARGUMENTS = 8;
const MOST_RECORD_FIELDS = 32;

/** The fields of each type. */
const FIELDS: Readonly<Record<ProcessMessage['type'], readonly string[]>> = {
  ready: ['type'],
  accepted: ['type', 'run'],
  flushed: ['type', 'run'],
  need: ['type', 'run', 'modules', 'graphs'],
  output: ['type', 'run', 'pieces'],
  call: ['type', 'run', 'call', 'target', 'method', 'args'],
  relay: ['type', 'run', 'message'],
  failed: ['type', 'run', 'code', 'message'],
};
const FIELDS_OF_RELAYED: Readonly<Record<RelayedMessage['type'], readonly string[]>> = {
  started: ['type', 'atMs', 'interruptToken'],
  refused: ['type', 'refusal'],
  entries: ['type', 'entries'],
  ended: ['type', 'outcome', 'usage'],
  error: ['type', 'code', 'message'],
};

const TYPES = Object.keys(FIELDS) as ProcessMessage['type'][];
const RELAYED_TYPES = Object.keys(FIELDS_OF_RELAYED) as RelayedMessage['type'][];

const DIGITS = /^-?\d{1,20}$/;

/** @throws Error for what is no message */
export function readMessage(head: Buffer, body: Buffer): ProcessMessage {
  const given = fields(JSON.parse(head.toString()));
  const parts = new BodyParts(body);
  const message = messageOf(given, parts);
  parts.requireEnd();
  return message;
}

/** The bytes of a message, in the order in which it names them. */
class BodyParts {
  readonly #body: Buffer;
  #start = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** In memory of their own: whoever gets them is to have nothing else with them. */
  next(byteLength: number): Uint8Array {
    const end = this.#start + byteLength;
    if (end > this.#body.byteLength) throw new TypeError('fewer bytes than are named');
    const bytes = new Uint8Array(this.#body.subarray(this.#start, end));
    this.#start = end;
    return bytes;
  }

  requireEnd(): void {
    if (this.#start !== this.#body.byteLength) throw new TypeError('more bytes than are named');
  }
}

function messageOf(given: Fields, parts: BodyParts): ProcessMessage {
  const type = oneOf(own(given, 'type'), TYPES);
  only(given, FIELDS[type]);
  if (type === 'ready') return { type };
  const run = count(own(given, 'run'));
  switch (type) {
    case 'accepted':
    case 'flushed':
      return { type, run };
    case 'need': {
      const modules = list(own(given, 'modules'), text, MOST_KEYS);
      return { type, run, modules, graphs: list(own(given, 'graphs'), (id) => count(id), MOST_KEYS) };
    }
    case 'output':
      return { type, run, pieces: filled(list(own(given, 'pieces'), (piece) => pieceOf(piece, parts), MOST_PIECES)) };
    case 'call':
      return { type, run, ...callOf(given, parts) };
    case 'relay':
      return { type, run, message: relayedOf(fields(own(given, 'message'))) };
    case 'failed':
      return { type, run, ...errorOf(given) };
  }
}

function filled<Item>(items: Item[]): Item[] {
  if (items.length > 0) return items;
  throw new TypeError('an empty list');
}

function pieceOf(value: unknown, parts: BodyParts): { stream: OutputName; bytes: Uint8Array } {
  const given = only(value, ['stream', 'byteLength']);
  const stream = oneOf(own(given, 'stream'), ['stdout', 'stderr']);
  return { stream, bytes: parts.next(count(own(given, 'byteLength'))) };
}

type Call = Pick<Extract<ProcessMessage, { type: 'call' }>, 'call' | 'target' | 'method' | 'args'>;

function callOf(given: Fields, parts: BodyParts): Call {
  const target = own(given, 'target');
  return {
    call: count(own(given, 'call')),
    // Those below 0 are not of descriptors.
    target: target === -1 ? target : count(target),
    method: text(own(given, 'method'), 64),
    args: list(own(given, 'args'), (value) => argumentOf(value, parts), MOST_ARGUMENTS),
  };
}

/** See `EncodedArgument`. */
function argumentOf(value: unknown, parts: BodyParts, isInside = false): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string') return text(value);
  const given = fields(value);
  switch (own(given, 'is')) {
    case 'nothing':
      return undefined;
    case 'number':
      return Number(oneOf(own(given, 'text'), ['NaN', 'Infinity', '-Infinity']));
    case 'bigint':
      return bigintOf(own(given, 'digits'));
    case 'bytes':
      return parts.next(count(own(given, 'byteLength')));
    case 'record': {
      const entries = Object.entries(fields(own(given, 'of')));
      if (isInside || entries.length > MOST_RECORD_FIELDS) throw new TypeError('no argument of a call');
      return Object.fromEntries(entries.map(([name, part]) => [name, argumentOf(part, parts, true)]));
    }
    default:
      throw new TypeError('no argument of a call');
  }
}

function bigintOf(value: unknown): bigint {
  const digits = text(value);
  if (DIGITS.test(digits)) return BigInt(digits);
  throw new TypeError('no whole number');
}

function relayedOf(given: Fields): RelayedMessage {
  const type = oneOf(own(given, 'type'), RELAYED_TYPES);
  only(given, FIELDS_OF_RELAYED[type]);
  switch (type) {
    case 'started':
      // What interrupts a thread there means nothing here.
      return { type, atMs: amount(own(given, 'atMs')), interruptToken: undefined };
    case 'refused':
      return { type, refusal: refusalOf(own(given, 'refusal')) };
    case 'entries':
      return { type, entries: list(own(given, 'entries'), entryOf, MOST_ENTRIES) };
    case 'ended':
      return { type, outcome: outcomeOf(fields(own(given, 'outcome'))), usage: usageOf(own(given, 'usage')) };
    case 'error':
      return { type, ...errorOf(given) };
  }
}

function errorOf(given: Fields): { code: ErrorCode | undefined; message: string } {
  return { code: optional(own(given, 'code'), codeOf), message: text(own(given, 'message')) };
}

const textsOf = (value: unknown) => list(value, (line) => text(line), MOST_TEXTS);

function outcomeOf(given: Fields): GuestOutcome {
  const kind = own(given, 'kind');
  if (kind === 'returned') return { kind, results: textsOf(own(given, 'results')) };
  if (kind !== 'exited' && kind !== 'failed') throw new TypeError('no outcome');
  const phase = phaseOf(fields(own(given, 'phase')));
  if (kind === 'failed') return { kind, failure: failureOf(fields(own(given, 'failure'))), phase };
  const exitCode = count(own(given, 'exitCode'), 2 ** 32 - 1);
  return { kind, exitCode, phase, backtrace: textsOf(own(given, 'backtrace')) };
}

function failureOf(given: Fields): GuestFailure {
  return {
    code: codeOf(own(given, 'code')) as GuestFailure['code'],
    message: text(own(given, 'message')),
    backtrace: textsOf(own(given, 'backtrace')),
  };
}

function phaseOf(given: Fields): GuestPhase {
  const at = oneOf(own(given, 'at'), ['preload', 'instantiate', 'initialize', 'invoke']);
  if (at === 'preload') return { at, name: text(own(given, 'name')) };
  if (at !== 'invoke') return { at };
  const name = optional(own(given, 'name'), (value) => text(value));
  return name === undefined ? { at } : { at, name };
}

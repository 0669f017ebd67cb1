/**
 * What a child process says, as bytes: text of JSON, and the bytes beside it. A host can read that of a child that was taken
 * over, too: nothing comes of it but numbers, texts and lists of them, each of which the host checks.
 */
import type { FrameKind, KindLimits } from './guest-process-frames.ts';
import type { ProcessMessage } from './guest-process-messages.ts';
import { MOST_SENT_BYTES } from './remote-stdio.ts';

/** What messages may have. A host that reads more JSON than this in a turn of its loop has its other guests wait. */
export const MESSAGE_LIMITS = {
  brief: { headBytes: 64 * 2 ** 10, bodyBytes: 0 },
  /** Two streams. */
  output: { headBytes: 64 * 2 ** 10, bodyBytes: 2 * MOST_SENT_BYTES },
  /** What is written to a descriptor may be large. */
  call: { headBytes: 64 * 2 ** 10, bodyBytes: 17 * 2 ** 20 },
  long: { headBytes: 2 ** 20, bodyBytes: 0 },
} as const satisfies KindLimits;

export type MessageKind = keyof typeof MESSAGE_LIMITS;

/** Of texts and lists in a message that would be too long. */
const CUT_CHARACTERS = 256;
const CUT_ITEMS = 64;

/** A message, but for its bytes, which come in the body in the order in which they are named. */
export interface EncodedMessage {
  kind: FrameKind;
  head: string;
  body: readonly Uint8Array[];
}

/** An argument of a call, as JSON has it. */
export type EncodedArgument =
  | null
  | boolean
  | string
  | number
  /** Undefined. */
  | { is: 'nothing' }
  | { is: 'bigint'; digits: string }
  /** No finite one. */
  | { is: 'number'; text: string }
  | { is: 'bytes'; byteLength: number }
  | { is: 'record'; of: Readonly<Record<string, EncodedArgument>> };

export function kindOf(message: ProcessMessage): MessageKind {
  switch (message.type) {
    case 'output':
    case 'call':
      return message.type;
    case 'need':
    case 'failed':
      return 'long';
    case 'relay':
      return message.message.type === 'started' ? 'brief' : 'long';
    default:
      return 'brief';
  }
}

/**
 * A message as it may pass: texts that would make it too long are cut.
 * @throws TypeError for an argument that no call has; RangeError for a call that is too long
 */
export function encodeMessage(message: ProcessMessage): EncodedMessage {
  const kind = kindOf(message);
  const encoded = { kind, ...encode(message) };
  const { headBytes } = MESSAGE_LIMITS[kind];
  if (isWithin(encoded.head, headBytes)) return encoded;
  const head = kind === 'long' ? JSON.stringify(message, cut) : '';
  if (head !== '' && isWithin(head, headBytes)) return { ...encoded, head };
  throw new RangeError(`a message '${message.type}' of more than ${headBytes} bytes`);
}

/** No character takes more than three bytes. */
function isWithin(text: string, byteLength: number): boolean {
  return 3 * text.length <= byteLength || Buffer.byteLength(text) <= byteLength;
}

function cut(_: string, value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, CUT_CHARACTERS);
  return Array.isArray(value) ? value.slice(0, CUT_ITEMS) : value;
}

function encode(message: ProcessMessage): Omit<EncodedMessage, 'kind'> {
  if (message.type === 'output') {
    const { pieces, ...rest } = message;
    const lengths = pieces.map(({ stream, bytes }) => ({ stream, byteLength: bytes.byteLength }));
    return { head: JSON.stringify({ ...rest, pieces: lengths }), body: pieces.map(({ bytes }) => bytes) };
  }
  if (message.type === 'call') {
    const body: Uint8Array[] = [];
    const args = message.args.map((value) => encodeArgument(value, body));
    return { head: JSON.stringify({ ...message, args }), body };
  }
  return { head: JSON.stringify(message), body: [] };
}

function encodeArgument(value: unknown, body: Uint8Array[]): EncodedArgument {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (value === undefined) return { is: 'nothing' };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { is: 'number', text: String(value) };
  if (typeof value === 'bigint') return { is: 'bigint', digits: String(value) };
  if (value instanceof Uint8Array) {
    body.push(value);
    return { is: 'bytes', byteLength: value.byteLength };
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`no call has a ${typeof value}`);
  const entries = Object.entries(value).map(([name, part]) => [name, encodeArgument(part, body)]);
  return { is: 'record', of: Object.fromEntries(entries) };
}

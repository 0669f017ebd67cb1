/**
 * What a child process says, as bytes: text of JSON, and the bytes beside it. A host can read that of a child that was taken
 * over, too: nothing comes of it but numbers, texts and lists of them, each of which the host checks.
 */
import type { ProcessMessage } from './guest-process-messages.ts';

/** A message, but for its bytes, which come in the body in the order in which they are named. */
export interface EncodedMessage {
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

/** @throws TypeError for an argument that no call has */
export function encodeMessage(message: ProcessMessage): EncodedMessage {
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

/** Form of what a child process tells of a wasi-nn call that was refused. */
import { errnoNameOf } from '../engine/run-recorder.ts';
import { ERROR_CODES, type ErrorCode } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import { count, oneOf, only, optional, own, text } from './message-form.ts';

const MOST_ERRNO = 0xffff;

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const FIELDS = ['call', 'errno', 'errnoName', 'reason', 'code', 'graph'];
const CALL_NAME = /^[a-zA-Z_]{1,64}$/;

export const codeOf = (value: unknown): ErrorCode => oneOf(value, CODES);

export function refusalOf(value: unknown): Omit<Refusal, 'cause'> {
  const given = only(value, FIELDS);
  const call = text(own(given, 'call'));
  if (!CALL_NAME.test(call)) throw new TypeError('no call');
  const errno = count(own(given, 'errno'), MOST_ERRNO);
  return {
    call,
    errno,
    errnoName: errnoNameOf(errno),
    reason: text(own(given, 'reason')),
    code: optional(own(given, 'code'), codeOf),
    graph: optional(own(given, 'graph'), (name) => text(name)),
  };
}

import type { GuestExit } from '../guest/exit.ts';
import { GuestFault } from '../guest/memory.ts';
import { isStackOverflow } from '../guest/stack-overflow.ts';
import type { HostCall as Call } from './contract.ts';
import { ERRNO, type Errno } from './errno.ts';

type AnswerFor = (error: unknown) => Errno;
type Word = never;

/**
 * Puts the one guard around a host function: a pointer that leaves the memory is the guest's `fault`, an exception of the
 * host its `io`, with the reason for the operator. What ends the guest passes.
 *
 * @param report told why a call was answered with `io`
 */
export function guarded(
  name: string,
  call: Call,
  exit: GuestExit,
  report: ((functionName: string, reason: unknown) => void) | undefined,
): Call {
  const answerFor = (error: unknown): Errno => {
    if (error instanceof GuestFault) return ERRNO.fault;
    if (exit.hasEnded || isStackOverflow(error)) throw error;
    report?.(name, error);
    return ERRNO.io;
  };
  return (GUARDS[call.length] ?? guardAny)(call, answerFor);
}

function guardAny(call: Call, answerFor: AnswerFor): Call {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      return answerFor(error);
    }
  };
}

/** By number of parameters: wasm calls a function of its own arity directly, and nothing is allocated for the arguments. */
const GUARDS: readonly ((call: Call, answerFor: AnswerFor) => Call)[] = [
  guardAny,
  (call, answerFor) => (a: Word) => {
    try {
      return call(a);
    } catch (error) {
      return answerFor(error);
    }
  },
  (call, answerFor) => (a: Word, b: Word) => {
    try {
      return call(a, b);
    } catch (error) {
      return answerFor(error);
    }
  },
  (call, answerFor) => (a: Word, b: Word, c: Word) => {
    try {
      return call(a, b, c);
    } catch (error) {
      return answerFor(error);
    }
  },
  (call, answerFor) => (a: Word, b: Word, c: Word, d: Word) => {
    try {
      return call(a, b, c, d);
    } catch (error) {
      return answerFor(error);
    }
  },
  (call, answerFor) => (a: Word, b: Word, c: Word, d: Word, e: Word) => {
    try {
      return call(a, b, c, d, e);
    } catch (error) {
      return answerFor(error);
    }
  },
];

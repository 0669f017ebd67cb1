/** Tells what an exception out of a guest means, in wasmtime's words. */
import { isStackOverflow } from '../guest/stack-overflow.ts';

/** V8's words for traps, and wasmtime's. Where V8 tells fewer apart, the likelier of wasmtime's is taken. */
const TRAPS: readonly (readonly [v8: RegExp, wasmtime: string])[] = [
  [/^unreachable$/, 'wasm `unreachable` instruction executed'],
  [/^memory access out of bounds$/, 'out of bounds memory access'],
  [/^data segment .*out of bounds/, 'out of bounds memory access'],
  [/^(?:divide|remainder) by zero$/, 'integer divide by zero'],
  [/^divide result unrepresentable$/, 'integer overflow'],
  [/^float unrepresentable in integer range$/, 'invalid conversion to integer'],
  [/^table (?:index is|access) out of bounds$/, 'undefined element: out of bounds table access'],
  [
    /^(?:table initializer|element segment|table\.init).* out of bounds/,
    'undefined element: out of bounds table access',
  ],
  [/^(?:null function or )?function signature mismatch$/, 'indirect call type mismatch'],
  // V8 allows waiting on every thread of Node.
  [/^Atomics\.wait cannot be called in this context$/, 'atomic wait on non-shared memory'],
  [/^operation does not support unaligned accesses$/, 'unaligned atomic'],
  [/^dereferencing a null pointer$/, 'null reference'],
  [/^illegal cast$/, 'cast failure'],
  [/^array element access out of bounds$/, 'out of bounds array access'],
  [/^requested new array is too large$/, 'allocation size too large'],
];

export const STACK_EXHAUSTED = 'call stack exhausted';

/**
 * The trap's name, or undefined where the exception is no trap.
 * @param error whatever a call into a guest threw
 */
export function trapText(error: unknown): string | undefined {
  if (isStackOverflow(error)) return STACK_EXHAUSTED;
  if (!(error instanceof WebAssembly.RuntimeError)) return undefined;
  const words = withoutPrefix(error.message);
  return TRAPS.find(([pattern]) => pattern.test(words))?.[1] ?? words;
}

/** V8 begins with what was called where it was no guest: `WebAssembly.Instance(): data segment 0 is out of bounds …`. */
export function withoutPrefix(message: string): string {
  return message.replace(/^WebAssembly\.\w+\(\): /, '');
}

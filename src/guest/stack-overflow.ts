const STACK_OVERFLOW = 'Maximum call stack size exceeded';

/**
 * Whether V8 threw this because the stack ran out, in a guest or in code of the host that a guest called.
 *
 * V8 lets no guest catch such an error, not even with `catch_all`; so code of the host that catches it lets it pass.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === STACK_OVERFLOW;
}

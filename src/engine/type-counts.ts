/** Counts over the types of a module. */
import type { FunctionType } from './module-binary.ts';

/** How many of something the function types have, each number once: spread, a million types would overflow the stack. */
export function distinct(
  types: readonly (FunctionType | undefined)[],
  count: (type: FunctionType) => number,
): ReadonlySet<number> {
  const counts = new Set<number>();
  for (const type of types) if (type !== undefined) counts.add(count(type));
  return counts;
}

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Material that lies beside a developer's checkout and not with users: real models and notes. */
export const SHARED = fileURLToPath(new URL('../../../shared/', import.meta.url));

export interface Requirement {
  /** Whether the test can run here. */
  met: boolean;
  /** What is missing, for the reader of a skipped test. */
  reason: string;
  /** Whether its absence is in order even where `CI` is set. */
  isOptional?: boolean;
}

/**
 * Whether to skip for want of something. Where `CI` is set nothing may be missing but what is optional: the absence is an
 * error there, so that a green run never hides a test that did not run.
 */
export function skipUnless(requirement: Requirement): boolean {
  if (requirement.met) return false;
  if (process.env.CI && !requirement.isOptional) throw new Error(`CI must not skip: ${requirement.reason}`);
  console.warn(`skipped: ${requirement.reason}`);
  return true;
}

/** A file or folder of the shared material. Optional where there is none of it; where there is some, all of it is needed. */
export function shared(path: string): Requirement & { path: string } {
  const full = `${SHARED}${path}`;
  const reason = `${path} of the shared material is not here`;
  return { met: existsSync(full), reason, isOptional: !existsSync(SHARED), path: full };
}

/**
 * For what does not depend on Node, or is told well enough by a part: a run of the whole suite on another Node is told by
 * `WASI_NN_HOST_TEST_SCOPE=second-node` to leave it out.
 */
export const firstNode: Requirement = {
  met: process.env.WASI_NN_HOST_TEST_SCOPE !== 'second-node',
  reason: 'it runs on the first Node only (WASI_NN_HOST_TEST_SCOPE is second-node)',
  isOptional: true,
};

/** All of them, or on a second Node those that are named; the others are told to be skipped. */
export function partOnSecondNode<T extends { name: string }>(
  all: readonly T[],
  names: readonly string[],
): readonly T[] {
  if (!skipUnless(firstNode)) return all;
  const part = all.filter(({ name }) => names.includes(name));
  if (part.length !== names.length) throw new Error(`there are not all of ${names.join(', ')}`);
  return part;
}

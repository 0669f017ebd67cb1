import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Material that lies beside a developer's checkout and not with users: real models and notes. */
export const SHARED = fileURLToPath(new URL('../../../shared/', import.meta.url));

export interface Requirement {
  /** Whether the test can run here. */
  met: boolean;
  /** What is missing, for the reader of a skipped test. */
  reason: string;
}

/**
 * Whether to skip for want of something. Where `CI` is set nothing may be missing: the absence is an error there, so that
 * a green run never hides a test that did not run.
 */
export function skipUnless(requirement: Requirement): boolean {
  if (requirement.met) return false;
  if (process.env.CI) throw new Error(`CI must not skip: ${requirement.reason}`);
  console.warn(`skipped: ${requirement.reason}`);
  return true;
}

/** A file or folder of the shared material. */
export function shared(path: string): Requirement & { path: string } {
  const full = `${SHARED}${path}`;
  return { met: existsSync(full), reason: `${path} of the shared material is not here`, path: full };
}

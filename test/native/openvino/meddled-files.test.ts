/** Models that the runtime reads by path, while somebody who has the same directory and user does what he can to them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../../support/requirements.ts';
import { runtimes, scenarioValue, skip } from './support.ts';

interface Counts {
  right: number;
  refused: number;
  wrong: number;
  codes: string[];
  met: number;
}

/** So often must the other process have come upon files before an answer counts. */
const MEETINGS = 50;

describe.skipIf(skip || skipUnless(firstNode)).each(runtimes)('a model’s file, over OpenVINO $version', (runtime) => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meddled-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each(['rewrite', 'replace', 'swap'])('never becomes another by somebody’s %s', (way) => {
    const env = { ...process.env, TMPDIR: folder, XDG_RUNTIME_DIR: '' };
    const counts = scenarioValue('meddled', runtime, [way, String(MEETINGS)], { env }) as Counts;
    expect(counts.wrong).toBe(0);
    expect(counts.met).toBeGreaterThanOrEqual(MEETINGS);
    // A load may come to nothing: where the directory is taken away while it is made, and for the superuser.
    if (way === 'rewrite') expect(counts.refused).toBe(0);
    for (const code of counts.codes) expect(code).toBe('ERR_NN_COMPILE');
  });
});

/** The addon in a worker and nowhere else: it must outlive that worker, whose end is not the end of all that it began. */
import { describe, expect, it } from 'vitest';
import { runScenario, runtimes, skip } from './support.ts';

const MINUTES = 60_000;

describe.skipIf(skip).each(runtimes)('a process whose worker alone uses OpenVINO $version', (runtime) => {
  it.each(['having computed', 'during a compile', 'terminated during a compile', 'while models are freed'])(
    'ends well when the worker ended %s',
    (how) => {
      for (let round = 0; round < 4; round++) {
        const run = runScenario('worker-alone', runtime, [how]);
        expect(run).toEqual({ status: 7, signal: null, stdout: '', stderr: '' });
      }
    },
    5 * MINUTES,
  );
});

import { describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../../support/requirements.ts';
import { runScenario, runtimes, skip } from './support.ts';

const MINUTES = 60_000;

const isFirstNode = !skipUnless(firstNode);
const tested = isFirstNode ? runtimes : runtimes.slice(0, 1);

/** A hundred times over one runtime; enough over the others, and on a second Node, to meet every kind of moment. */
const rounds = (index: number) => (index === 0 && isFirstNode ? 100 : 16);

describe.skipIf(skip).each(tested)('workers over OpenVINO $version, ended again and again', (runtime) => {
  it.each(['load', 'compile', 'infer', 'infer-async', 'compile-async', 'long-compile', 'long-infer'])(
    'while they %s, leave a process that computes',
    (what) => {
      const times = rounds(runtimes.indexOf(runtime));
      const run = runScenario('terminating', runtime, [what, String(times)]);
      expect(run.stderr).toBe('');
      expect(run).toMatchObject({ status: 0, signal: null });
      // What ended workers held is gone; the one model left is the process's own.
      expect(JSON.parse(run.stdout)).toEqual({ ended: times, compiledModels: 1, abandoned: 0 });
    },
    5 * MINUTES,
  );
});

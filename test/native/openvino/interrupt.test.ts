/** What an interrupt of a worker does to its inference and its loads, and that nothing of it holds up a process's end. */
import { cpus } from 'node:os';
import { describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../../support/requirements.ts';
import { runScenario, runtimes, scenarioValue, skip } from './support.ts';

const MINUTES = 60_000;
const CANCELLED = ['ERR_NN_CANCELLED', 'ERR_NN_CANCELLED'];
const NOTHING = { compiledModels: 0, keptModels: 0, compiling: 0, abandoned: 0 };

const tested = skipUnless(firstNode) ? runtimes.slice(0, 1) : runtimes;

describe.skipIf(skip).each(tested)('interrupts over OpenVINO $version', (runtime) => {
  const interrupting = (what: string, ...args: string[]) => scenarioValue('interrupting', runtime, [what, ...args]);

  it(
    'end an inference at whatever moment they come',
    () => {
      expect(interrupting('infer', '24')).toEqual({ codes: ['ERR_NN_CANCELLED'], ...NOTHING });
    },
    5 * MINUTES,
  );

  it('leave a compile to itself; nobody wants what it makes', () => {
    expect(interrupting('compile, freed')).toEqual({
      codes: CANCELLED,
      during: { ...NOTHING, compiling: 1, abandoned: 1 },
      after: NOTHING,
    });
  });

  it('leave a compile to itself; the budget keeps what it makes', () => {
    expect(interrupting('compile, kept')).toEqual({
      after: { ...NOTHING, compiledModels: 1, keptModels: 1 },
      found: { ...NOTHING, shared: true, compiledModels: 1 },
      end: NOTHING,
    });
  });

  it('of one caller leave the model to another that wants it, too', () => {
    expect(interrupting('compile, shared')).toEqual({ ...NOTHING, shared: true, compiledModels: 1 });
  });

  it('leave no more than four compiles behind, and one more for the host', () => {
    expect(interrupting('compile limit')).toEqual({
      during: { ...NOTHING, compiledModels: 1, compiling: 4, abandoned: 4 },
      refused: ['ERR_NN_COMPILE_LIMIT', 'ERR_NN_COMPILE_LIMIT', 'ERR_NN_COMPILE_LIMIT'],
      ofHost: false,
      known: true,
      rejoined: { ...NOTHING, compiledModels: 1, compiling: 4, abandoned: 3 },
      taken: 'nothing',
    });
  });

  it('a flood of loads compiles a few at a time', () => {
    const { models, most } = interrupting('flood') as { models: number; most: number };
    expect(models).toBe(40);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(Math.max(4, cpus().length));
  });

  it.each([
    'exit by process.exit',
    'exit by the natural end',
    'exit while a worker waits',
    'exit while a worker computes',
    'exit while a promise waits',
    'exit by an uncaught error',
  ])(
    '%s does not wait for minutes, and has its own exit code',
    (what) => {
      for (let round = 0; round < 5; round++) {
        const { status, signal, stderr } = runScenario('interrupting', runtime, [what]);
        expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: '' });
      }
    },
    5 * MINUTES,
  );
});

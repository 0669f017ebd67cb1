import { describe, expect, it } from 'vitest';
import { runScenario, runtimes, scenarioValue, skip } from './support.ts';

const CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe.skipIf(skip).each(runtimes)('OpenVINO $version', (runtime) => {
  it('reads every encoding, and its element types are the ones that its number says', () => {
    expect(scenarioValue('encodings', runtime)).toEqual({
      classes: { ir: CLASSES, onnx: CLASSES, tensorflow: CLASSES, tensorflowlite: CLASSES },
      types: ['u8', 'i32', 'i64', 'f16', 'f32', 'f64'].map((type) => [type, type]),
    });
  });

  it('is opened by preload or by open, by one thread for all, or not at all', () => {
    expect(scenarioValue('opening', runtime)).toEqual({
      beforeOpen: 'ERR_NN_RUNTIME_NOT_FOUND',
      noLibrary: 'ERR_NN_RUNTIME_INVALID',
      notALibrary: 'ERR_NN_RUNTIME_INVALID',
      anotherLibrary: 'ERR_NN_RUNTIME_INVALID',
      failedPreload: 'ERR_NN_RUNTIME_INVALID',
      afterFailedPreload: true,
      preloadAgain: 'nothing',
      conflict: 'ERR_NN_RUNTIME_CONFLICT',
      workers: [true, true, true],
    });
  });

  it.each(['preload', 'preload-and-open', 'infer-async', 'compile-async', 'after-garbage'])(
    'ends in order when the process exits: %s',
    (what) => {
      for (let round = 0; round < 5; round++) {
        const run = runScenario('exiting', runtime, [what]);
        expect(run).toEqual({ status: 7, signal: null, stdout: '', stderr: '' });
      }
    },
  );
});

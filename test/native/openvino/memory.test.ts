import { describe, expect, it } from 'vitest';
import { runtimes, scenarioValue, skip } from './support.ts';

const MEBIBYTE = 1 << 20;

describe.skipIf(skip).each(runtimes)('memory over OpenVINO $version', (runtime) => {
  it.each(['requests', 'models', 'refused', 'collected', 'inputs'])('is given back: %s', (what) => {
    const { growthBytes, compiledModels } = scenarioValue('memory', runtime, [what], {
      nodeOptions: ['--expose-gc'],
    }) as {
      growthBytes: number;
      compiledModels: number;
    };
    // Each scenario would grow by hundreds of mebibytes if it lost what one round takes.
    expect(growthBytes).toBeLessThan(48 * MEBIBYTE);
    expect(compiledModels).toBe(0);
  });
});

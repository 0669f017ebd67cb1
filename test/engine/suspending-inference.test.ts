/** Many guests at once on this thread, each with a model of its own and inference that others wait for, too. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { suspension } from '../support/suspending-guest.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const DIGITS = readdirSync(`${FIXTURES}digits/tensors`).map((name) => name.replace('.f32', ''));
const isSkipped = [suspension, nativeRuntime()].some((requirement) => skipUnless(requirement));

describe.skipIf(isSkipped)('two hundred guests', () => {
  it('classify side by side, each its own digit', async () => {
    using host = new Host();
    const module = await host.compile(`${FIXTURES}classify.wasm`);
    const classify = (digit: string, mode: 'suspending' | 'calling-thread') =>
      host.run(module, {
        mode,
        args: ['fixture', `tensors/${digit}.f32`],
        preopens: [{ hostPath: `${FIXTURES}digits`, guestPath: 'fixture', readOnly: true }],
      });
    const expected = new Map<string, string>();
    for (const digit of DIGITS) expected.set(digit, String((await classify(digit, 'calling-thread')).stdout));
    const digits = Array.from({ length: 200 }, (_, index) => DIGITS[index % DIGITS.length] as string);
    const results = await Promise.all(digits.map((digit) => classify(digit, 'suspending')));
    for (const [index, { exitCode, stdout, usage }] of results.entries()) {
      const digit = digits[index] as string;
      expect([exitCode, String(stdout)]).toEqual([0, expected.get(digit)]);
      expect(expected.get(digit)).toContain(`[InferenceResult(${digit}, `);
      expect([usage.mode, (usage.loads?.hits ?? 0) + (usage.loads?.misses ?? 0)]).toEqual(['suspending', 1]);
    }
  });
});

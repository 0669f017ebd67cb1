/** Guests whose model keeps the runtime busy are left on time; the compile that nothing can end goes on without them. */
import { describe, expect, it, vi } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { longToCompile } from '../native/openvino/scenarios/long-models.mjs';
import { answering, computingModel } from '../pool/process-guests.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const MINUTE = 60_000;

/** As many as compile when nobody waits. */
const MOST_ABANDONED = 4;

describe.skipIf(skipUnless(nativeRuntime()))('a guest whose model compiles for long', () => {
  it('is left, again and again, and the next runs', { timeout: 2 * MINUTE }, async () => {
    const host = new Host({ pool: { threads: 2 } });
    const next = await host.compile(new TextEncoder().encode(answering(7)));
    for (let salt = 0; salt < 3; salt += 1) {
      const [xml, weights] = longToCompile(80, salt) as [Buffer, Buffer];
      const module = await host.compile(new TextEncoder().encode(computingModel(xml, weights)));
      const ended = host.run(module, { timeoutMs: 50 });
      await expect(ended).rejects.toMatchObject({ name: 'GuestTrapError', code: 'ERR_GUEST_TIMEOUT' });
      expect((await host.run(next, { mode: 'thread' })).results).toEqual(['7']);
    }
    await host.close();
    await vi.waitFor(() => expect(host.modelStats).toMatchObject({ compiling: 0 }), MINUTE);
  });

  it('is refused where too many compile for nobody', { timeout: 5 * MINUTE }, async () => {
    const refused: (string | undefined)[] = [];
    const host = new Host({ pool: { threads: 2 }, onRefused: ({ code }) => refused.push(code) });
    const next = await host.compile(new TextEncoder().encode(answering(7)));
    // Each goes on when its guest is gone, for seconds.
    for (let salt = 100; !refused.includes('ERR_NN_COMPILE_LIMIT'); salt += 1) {
      expect(salt).toBeLessThan(200);
      const [xml, weights] = longToCompile(80, salt) as [Buffer, Buffer];
      const module = await host.compile(new TextEncoder().encode(computingModel(xml, weights)));
      const ended = await host.run(module, { timeoutMs: 50 }).then(
        ({ results }) => results,
        ({ code }: { code: string }) => code,
      );
      // The errno of `load`, where it was refused in time.
      if (ended !== 'ERR_GUEST_TIMEOUT') expect(ended).toEqual([expect.stringMatching(/^-1\d\d$/)]);
      expect(host.modelStats.abandonedCompiles).toBeLessThanOrEqual(MOST_ABANDONED);
    }
    expect((await host.run(next, { mode: 'thread' })).results).toEqual(['7']);
    await host.close();
    await vi.waitFor(() => expect(host.modelStats).toMatchObject({ compiling: 0 }), 3 * MINUTE);
  });
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { Pool } from '../../src/host/pool.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const INFER = fileURLToPath(new URL('../../examples/service/guest/infer.wasm', import.meta.url));
const RUNS = 20;

describe.skipIf(skipUnless(nativeRuntime()))('onRefused', () => {
  it.each(['thread', 'process'] as const)(
    'is called in the context of the run that it tells of: %s',
    async (isolation) => {
      const runs = new AsyncLocalStorage<string>();
      const told: [string | undefined, string | undefined][] = [];
      using host = new Host({
        onRefused: ({ reason }) => told.push([runs.getStore(), /"(.*)"/.exec(reason)?.[1]]),
      });
      await using pool = new Pool(host, { threads: 2, isolation });
      const module = await host.compile(INFER, { name: 'infer' });
      const names = Array.from({ length: RUNS }, (_, index) => `graph-${index}`);
      await Promise.all(
        names.map((name) =>
          runs.run(name, () => pool.run(module, { args: [name, 'f32', '1'], stdin: Buffer.alloc(4), tenant: name })),
        ),
      );
      expect(told.toSorted()).toEqual(names.map((name) => [name, name]).toSorted());
    },
  );
});

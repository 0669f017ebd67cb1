import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { Pool } from '../../src/host/pool.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';

const INFER = fileURLToPath(new URL('../../examples/service/guest/infer.wasm', import.meta.url));
const RUNS = 20;

const HERE = fileURLToPath(new URL('../../', import.meta.url));

/** Asks for two graphs by name, and then ten times for the third. */
const ASKS = `(module
  (import "wasi_ephemeral_nn" "load_by_name" (func $load (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "ungranted" "unknown")
  (func (export "_start") (local $left i32)
    (drop (call $load (i32.const 8) (i32.const 9) (i32.const 0)))
    (local.set $left (i32.const 10))
    (loop $again
      (drop (call $load (i32.const 17) (i32.const 7) (i32.const 0)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;

describe.skipIf(skipUnless(nativeRuntime()))('what was refused', () => {
  it.each(['calling-thread', 'thread', 'process'] as const)(
    'is in the usage of a run, with reasons: %s',
    async (mode) => {
      const told: string[] = [];
      await using host = new Host({ onRefused: ({ reason }) => told.push(reason) });
      await host.graphs.register('ungranted', { dir: `${HERE}fixtures/digits` });
      const { usage } = await host.run(await host.compile(Buffer.from(ASKS)), { mode });
      const [ungranted, unknown] = told;
      expect(ungranted).toBe(
        'load_by_name: the graph "ungranted" is registered, but not granted to this guest under that name',
      );
      expect(unknown).toBe('load_by_name: no graph is registered under the name "unknown"');
      expect(usage.refused?.count).toBe(11);
      expect(usage.refused?.first.map(({ reason }) => reason)).toEqual(told.slice(0, 8));
      expect(usage.refused?.first[1]).toEqual({
        call: 'load_by_name',
        errno: 6,
        errnoName: 'unsupported_operation',
        reason: unknown,
        graph: 'unknown',
      });
    },
  );

  it('is of each call in an instance that stays', async () => {
    await using host = new Host();
    const instance = await host.instantiate(await host.compile(Buffer.from(ASKS)));
    for (const count of [11, 22]) expect((await instance.call('_start')).usage.refused?.count).toBe(count);
  });
});

it('is warned of once where the machine lacks what computes, and nobody is told', async () => {
  const script = `
    import { Host } from 'wasi-nn-host';
    const host = new Host({ backend: 'native', openvinoDir: 'fixtures' });
    const module = await host.compile('fixtures/classify.wasm');
    const preopens = [{ hostPath: 'fixtures/digits', guestPath: 'fixture', readOnly: true }];
    for (const _ of [1, 2]) {
      const { exitCode, usage } = await host.run(module, { args: ['fixture'], preopens });
      console.log(exitCode, usage.refused.first[0].code);
    }
    await host.close();`;
  const args = ['--input-type=module', '-e', script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: HERE });
  expect(stdout).toBe('1 ERR_NN_RUNTIME_NOT_FOUND\n1 ERR_NN_RUNTIME_NOT_FOUND\n');
  expect(stderr.match(/WASI_NN_HOST_NO_INFERENCE/g)).toHaveLength(1);
  expect(stderr).toContain("a guest's call was refused: load: ");
});

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

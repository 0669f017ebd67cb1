/** Text modules that take long to assemble hold nothing up, and print nothing. */
import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { assembleText } from '../../src/engine/text-module.ts';
import { Host } from '../../src/host/host.ts';
import { assembleLongText } from '../../src/worker/text-assembly.ts';

const text = (source: string) => new TextEncoder().encode(source);
const functions = (count: number) =>
  `(module (func (export "f") (result i32) (i32.const 7)) ${'(func)'.repeat(count)})`;
const LONG = functions(20_000);
const DEEP = `(module (func (drop ${'(i32.eqz '.repeat(20_000)} (i32.const 0)${')'.repeat(20_000)})))`;

describe('a long text module', () => {
  it('is assembled to the same as a short one, while other things go on', async () => {
    let isOver = false;
    let turns = 0;
    const assembling = assembleLongText('long.wat', text(LONG)).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await turn();
      turns += 1;
    }
    expect(Buffer.from(await assembling)).toEqual(Buffer.from(await assembleText('long.wat', text(LONG))));
    // Where it was assembled here there is one, or two.
    expect(turns).toBeGreaterThan(5);
  });

  it('runs', async () => {
    await using host = new Host();
    const { results } = await host.run(await host.compile(text(LONG)), { invoke: { name: 'f' } });
    expect(results).toEqual(['7']);
  });

  it.each([
    ['a word that is none', `(module ${'(func)'.repeat(4_000)}\n(modul))`, /^failed to parse x:2:1: unexpected token/],
    ['20,000 parentheses', DEEP, /^failed to parse x: /],
  ])('is refused with what is wrong with it: %s', async (_, source, message) => {
    await using host = new Host();
    const failure = await host.compile(text(source), { name: 'x' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_MODULE_COMPILE', message: expect.stringMatching(message) });
  });

  it('is refused where it has more than 1 MiB', async () => {
    await using host = new Host();
    const bytes = text(functions(0) + ' '.repeat(2 ** 20));
    const expected = { code: 'ERR_MODULE_LIMIT', message: expect.stringContaining('assemble it to a binary first') };
    await expect(host.compile(bytes)).rejects.toMatchObject(expected);
    // What is no text at all is not told that it is too long.
    const other = { code: 'ERR_MODULE_COMPILE', message: expect.stringContaining('begins with ff d8 ff e0') };
    await expect(host.compile(Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, ...bytes]))).rejects.toMatchObject(other);
  });
});

it('a text that is too much for the assembler prints nothing of its own', () => {
  const script = `
    import { Host } from './dist/index.mjs';
    const source = ${JSON.stringify(DEEP)};
    await new Host().compile(new TextEncoder().encode(source)).catch(({ code }) => console.log(code));`;
  const input = { cwd: new URL('../..', import.meta.url), input: script, encoding: 'utf8' } as const;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], input);
  expect({ stdout, stderr }).toEqual({ stdout: 'ERR_MODULE_COMPILE\n', stderr: '' });
});

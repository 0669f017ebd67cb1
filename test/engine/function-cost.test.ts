/** Functions that V8 could not compile without taking all memory are refused before it sees them; real ones are far from that. */
import { describe, expect, it } from 'vitest';
import { compileModule, readModuleSource } from '../../src/engine/compile.ts';
import { Host } from '../../src/host/host.ts';

/** LEB128 */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

const section = (id: number, content: Uint8Array) =>
  Buffer.concat([Uint8Array.of(id, ...unsigned(content.length)), content]);
const repeated = (count: number, ...bytes: number[]) => Buffer.alloc(count * bytes.length, Uint8Array.from(bytes));

interface Body {
  locals?: number;
  /** Of function 1. */
  results?: number;
  code: Uint8Array;
}

/** Type 0 takes and gives nothing, type 1 gives `results` numbers; function 0 has the code, function 1 is of type 1. */
function moduleOf({ locals = 0, results = 1, code }: Body): Uint8Array {
  const sized = (body: Uint8Array) => Buffer.concat([Uint8Array.from(unsigned(body.length)), body]);
  const main = Buffer.concat([Uint8Array.of(1, ...unsigned(locals), 0x7f), code, Uint8Array.of(0x0b)]);
  const other = Uint8Array.of(0, 0x00, 0x0b);
  const types = [Uint8Array.of(2, 0x60, 0, 0, 0x60, 0, ...unsigned(results)), repeated(results, 0x7f)];
  return Buffer.concat([
    Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    section(1, Buffer.concat(types)),
    section(3, Uint8Array.of(2, 0, 1)),
    section(5, Uint8Array.of(1, 0, 1)),
    section(7, Uint8Array.of(1, 6, ...Buffer.from('_start'), 0, 0)),
    section(10, Buffer.concat([Uint8Array.of(2), sized(main), sized(other)])),
  ]);
}

const CONDITION = [0x3f, 0] as const;
const nested = (count: number, ...begin: number[]) => Buffer.concat([repeated(count, ...begin), repeated(count, 0x0b)]);
const push = (count: number) => repeated(count, 0x41, 0);
const drop = (count: number) => repeated(count, 0x1a);

const EXCESSIVE: Record<string, Body> = {
  'blocks that keep many locals': { locals: 49_000, code: nested(2_100, ...CONDITION, 0x04, 0x40) },
  'the same one after the other': { locals: 49_000, code: repeated(2_100, ...CONDITION, 0x04, 0x40, 0x0b) },
  'loops that keep many locals': { locals: 49_000, code: repeated(4_200, 0x03, 0x40, 0x0b) },
  'blocks that keep many operands': {
    code: Buffer.concat([push(40_000), nested(2_600, ...CONDITION, 0x04, 0x40), drop(40_000)]),
  },
  'more branches than can be looked at': {
    locals: 49_000,
    code: Buffer.concat([Uint8Array.of(2, 0x40), repeated(70_000, ...CONDITION, 0x0d, 0), Uint8Array.of(0x0b)]),
  },
  'calls that give a thousand operands each': { results: 1_000, code: repeated(30_000, 0x10, 1) },
  'blocks that give a thousand operands each': {
    results: 1_000,
    code: repeated(40_000, 0x02, 1, 0x00, 0x0b, 0x00),
  },
  'conversions whose machine code is long': {
    code: Buffer.concat([push(1), repeated(1_900_000, 0xb2, 0xa8), drop(1)]),
  },
  'more bytes than any function has': { code: repeated(4_200_000, 0x01) },
  'a flood of calls': { code: repeated(1_000_000, 0x10, 0) },
  'a flood of blocks': { code: repeated(1_000_000, ...CONDITION, 0x04, 0x40, 0x0b) },
  'blocks a million deep': { code: nested(1_000_000, 0x02, 0x40) },
  'locals that differ at the ends of many blocks': {
    locals: 10_000,
    code: Buffer.concat([
      repeated(700, 0x02, 0x40),
      ...Array.from({ length: 10_000 }, (_, local) => Uint8Array.of(0x41, 0, 0x21, ...unsigned(local))),
      repeated(700, 0x0b),
    ]),
  },
};

const HARMLESS: Record<string, Body> = {
  'many locals': { locals: 49_000, code: nested(100, ...CONDITION, 0x04, 0x40) },
  'many blocks': { locals: 200, code: repeated(20_000, ...CONDITION, 0x04, 0x40, 0x0b) },
  'many operands, one after the other': { code: repeated(100_000, 0x41, 0, 0x1a) },
  'as many branches of one table': {
    locals: 10,
    code: Buffer.concat([
      Uint8Array.of(2, 0x40, ...CONDITION, 0x0e, ...unsigned(60_000)),
      repeated(60_001, 0),
      Uint8Array.of(0x0b),
    ]),
  },
  'arithmetic without end': { code: Buffer.concat([push(1), repeated(200_000, 0x41, 1, 0x6a), drop(1)]) },
  'code that is never reached': { code: Buffer.concat([Uint8Array.of(0x0f), repeated(100_000, 0x41, 0, 0x1a)]) },
};

describe('a function that takes much to compile', () => {
  it.each(Object.entries(EXCESSIVE))('is refused with %s', async (_, body) => {
    const bytes = moduleOf(body);
    await expect(readModuleSource('bomb.wasm', bytes)).rejects.toMatchObject({
      code: 'ERR_MODULE_LIMIT',
      message: expect.stringMatching(/^bomb\.wasm: function 0 of \d+ bytes cannot be compiled within bounds: it has /),
    });
  });

  it.each(Object.entries(HARMLESS))('runs, all the same, with %s', async (_, body) => {
    const { module } = compileModule(await readModuleSource('busy.wasm', moduleOf(body)), {});
    const { _start } = new WebAssembly.Instance(module).exports as { _start: () => void };
    _start();
  });

  it('is refused by a host, however it is to run', async () => {
    const host = new Host();
    const bytes = moduleOf({ locals: 49_000, code: nested(2_100, ...CONDITION, 0x04, 0x40) });
    await expect(host.compile(bytes)).rejects.toMatchObject({ code: 'ERR_MODULE_LIMIT' });
    await host.close();
  });
});

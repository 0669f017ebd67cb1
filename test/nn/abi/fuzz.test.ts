import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO, PARAMETER_COUNTS } from '../../../src/nn/abi/witx.ts';
import { AT, END, smallModel, TestGuest } from './guest.ts';

/** Numbers that a hostile guest would try: small, around what lies in memory, at its edges, anything. */
const argument = fc.oneof(
  fc.nat(6),
  fc.constantFrom(...Object.values(AT), END, END - 1, END - 4, -1, -4, 0x7fff_ffff, -0x8000_0000, 0xffff_ffff),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);

const call = fc.constantFrom(...Object.entries(PARAMETER_COUNTS)).chain(([name, count]) =>
  fc.record({
    name: fc.constant(name),
    args: fc.array(argument, { minLength: count, maxLength: count }),
    // What another part of the guest writes in between.
    pokes: fc.array(fc.tuple(fc.nat(1024), fc.integer()), { maxLength: 3 }),
  }),
);

describe('any calls with any arguments', () => {
  it('are answered with an errno of the specification, a reason where refused, and nothing is left behind', () => {
    const errnos = new Set<number>(Object.values(ERRNO));
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 30 }), (calls) => {
        const guest = new TestGuest({ nn: { limits: { graphs: 4, executionContexts: 4, inputBytes: 1 << 16 } } });
        guest.putBuilders(smallModel('relu'));
        guest.putTensor();
        guest.plainCall('load', AT.builders, 2, 0, 0, AT.graph);
        guest.plainCall('init_execution_context', 0, AT.context);
        for (const { name, args, pokes } of calls) {
          for (const [at, value] of pokes) new DataView(guest.memory.buffer).setInt32(at, value, true);
          guest.refusals.length = 0;
          const errno = guest.plainCall(name, ...args);
          expect(errnos).toContain(errno);
          expect(guest.refusals.map((refusal) => refusal.errno)).toEqual(errno === 0 ? [] : [errno]);
          for (const { reason } of guest.refusals) {
            expect(reason).toMatch(new RegExp(`^${name}( \\d+)?: \\S`));
            expect(reason.length).toBeLessThan(400);
          }
        }
        guest.nn.dispose();
        expect(guest.backend.live).toEqual({ graphs: 0, executionContexts: 0 });
      }),
      { numRuns: 400 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueKey } from '../../src/pool/contract.ts';
import { FairQueue, type QueuePlace } from '../../src/pool/fair-queue.ts';

interface Waiting {
  tenant: string;
  priority: number;
  number: number;
}

const key = fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), priority: fc.constantFrom(-1, 0, 0, 0, 7) });
const action = fc.oneof(
  { weight: 4, arbitrary: key.map((given) => ({ kind: 'push' as const, given })) },
  { weight: 3, arbitrary: fc.constant({ kind: 'shift' as const }) },
  { weight: 1, arbitrary: fc.nat().map((which) => ({ kind: 'remove' as const, which })) },
);

/** What the queue promises, in the plainest way: a list, and for each tenant of a priority when it had its last turn. */
class Model {
  readonly waiting: Waiting[] = [];
  /** When a tenant came to wait, or had its turn, whichever was later. */
  readonly #turns = new Map<string, number>();
  #clock = 0;

  push(item: Waiting): void {
    if (!this.waiting.some((other) => sameLine(other, item))) this.#turns.set(lineOf(item), this.#clock++);
    this.waiting.push(item);
  }

  shift(): Waiting | undefined {
    const highest = Math.max(...this.waiting.map(({ priority }) => priority));
    const candidates = this.waiting.filter(({ priority }) => priority === highest);
    const turn = (item: Waiting) => this.#turns.get(lineOf(item)) ?? 0;
    const next = candidates.reduce<Waiting | undefined>(
      (best, item) => (best === undefined || turn(item) < turn(best) ? item : best),
      undefined,
    );
    if (next !== undefined) {
      this.remove(next);
      this.#turns.set(lineOf(next), this.#clock++);
    }
    return next;
  }

  remove(item: Waiting): void {
    this.waiting.splice(this.waiting.indexOf(item), 1);
  }
}

const lineOf = ({ tenant, priority }: Waiting) => `${priority} ${tenant}`;
const sameLine = (a: Waiting, b: Waiting) => lineOf(a) === lineOf(b);

function take(queue: FairQueue<Waiting>): Waiting[] {
  const taken: Waiting[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) taken.push(next);
  return taken;
}

function filled(keys: readonly Required<QueueKey>[]): { queue: FairQueue<Waiting>; items: Waiting[] } {
  const queue = new FairQueue<Waiting>();
  const items = keys.map(({ tenant, priority }, number) => ({ tenant: tenant ?? '', priority: priority ?? 0, number }));
  for (const item of items) queue.push(item, item);
  return { queue, items };
}

const keys = fc.array(key as fc.Arbitrary<Required<QueueKey>>, { maxLength: 200 });

describe('a fair queue', () => {
  it('does as its promises say, whatever is pushed, taken and removed in whatever order', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const queue = new FairQueue<Waiting>();
        const model = new Model();
        const places: { place: QueuePlace<Waiting>; item: Waiting }[] = [];
        for (const [number, step] of actions.entries()) {
          if (step.kind === 'push') {
            const item = { ...step.given, number };
            places.push({ place: queue.push(item, item) as QueuePlace<Waiting>, item });
            model.push(item);
          } else if (step.kind === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else if (places.length > 0) {
            const { place, item } = places[step.which % places.length] as (typeof places)[number];
            const isThere = model.waiting.includes(item);
            expect(queue.remove(place)).toBe(isThere);
            if (isThere) model.remove(item);
          }
          expect(queue.size).toBe(model.waiting.length);
        }
      }),
    );
  });

  it('loses nothing and gives nothing twice', () => {
    fc.assert(
      fc.property(keys, (given) => {
        const { queue, items } = filled(given);
        expect(take(queue).sort((a, b) => a.number - b.number)).toEqual(items);
        expect(queue.size).toBe(0);
      }),
    );
  });

  it('gives higher priorities first, and what is of one line in its order', () => {
    fc.assert(
      fc.property(keys, (given) => {
        const taken = take(filled(given).queue);
        for (const [index, later] of taken.entries()) {
          for (const earlier of taken.slice(0, index)) {
            expect(earlier.priority).toBeGreaterThanOrEqual(later.priority);
            if (sameLine(earlier, later)) expect(earlier.number).toBeLessThan(later.number);
          }
        }
      }),
    );
  });

  it('gives no tenant a second turn before every other that waits had one', () => {
    const arrivals = fc.array(fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), before: fc.nat({ max: 3 }) }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(arrivals, (steps) => {
        const queue = new FairQueue<string>();
        const waiting = new Map<string, number>();
        /** Turns of others since the tenant waits, or had its own. */
        const passedOver = new Map<string, Map<string, number>>();
        const serve = () => {
          const tenant = queue.shift();
          if (tenant === undefined) return;
          for (const [other, turns] of passedOver) {
            if (other === tenant) continue;
            turns.set(tenant, (turns.get(tenant) ?? 0) + 1);
            expect(turns.get(tenant)).toBe(1);
          }
          waiting.set(tenant, (waiting.get(tenant) ?? 0) - 1);
          if (waiting.get(tenant) === 0) passedOver.delete(tenant);
          else passedOver.set(tenant, new Map());
        };
        for (const { tenant, before } of steps) {
          for (let count = 0; count < before; count += 1) serve();
          queue.push(tenant, { tenant });
          if (!passedOver.has(tenant)) passedOver.set(tenant, new Map());
          waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
        }
        while (queue.size > 0) serve();
        expect(passedOver.size).toBe(0);
      }),
    );
  });

  it('takes no more than its capacity, and more again when something has left', () => {
    const queue = new FairQueue<number>(2);
    const first = queue.push(1);
    expect(queue.push(2, { tenant: 'other', priority: 3 })).toBeDefined();
    expect(queue.push(3)).toBeUndefined();
    expect(queue.size).toBe(2);
    expect(first && queue.remove(first)).toBe(true);
    expect(first && queue.remove(first)).toBe(false);
    expect(queue.push(4)).toBeDefined();
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 4, undefined]);
  });

  it('makes room for a tenant that has less by what came last of the one that has most', () => {
    const queue = new FairQueue<string>(4);
    queue.push('a1', { tenant: 'a' });
    queue.push('a2', { tenant: 'a' });
    expect(queue.makeRoom({ tenant: 'b' })).toBeUndefined();
    queue.push('a3', { tenant: 'a' });
    queue.push('a0', { tenant: 'a', priority: 1 });
    expect(queue.makeRoom({ tenant: 'a' })).toBeUndefined();
    expect(queue.makeRoom({ tenant: 'b', priority: -1 })).toBeUndefined();
    expect(queue.makeRoom({ tenant: 'b' })).toBe('a3');
    queue.push('b1', { tenant: 'b' });
    expect(queue.makeRoom({ tenant: 'b' })).toBe('a2');
    queue.push('b2', { tenant: 'b' });
    expect(queue.makeRoom({ tenant: 'b' })).toBeUndefined();
    expect(queue.makeRoom({ tenant: 'c' })).toBe('a1');
    queue.push('c1', { tenant: 'c' });
    expect(queue.makeRoom({ tenant: 'd' })).toBe('b2');
    expect(Array.from({ length: 4 }, () => queue.shift())).toEqual(['a0', 'b1', 'c1', undefined]);
  });

  it('lets no tenant be without a place, and has never more than may wait', () => {
    const arrivals = fc.array(fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), priority: fc.constant(0) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 3, max: 12 }), (keys, capacity) => {
        const queue = new FairQueue<string>(capacity);
        const counts = new Map<string, number>();
        const add = (tenant: string, change: number) => counts.set(tenant, (counts.get(tenant) ?? 0) + change);
        for (const key of keys) {
          const displaced = queue.makeRoom(key);
          if (displaced !== undefined) add(displaced, -1);
          const refused = queue.push(key.tenant, key) === undefined;
          if (!refused) add(key.tenant, 1);
          const most = Math.max(...counts.values());
          expect(queue.size).toBe([...counts.values()].reduce((sum, count) => sum + count, 0));
          expect(queue.size).toBeLessThanOrEqual(capacity);
          // Whoever was refused has as many as anybody, or one less.
          if (refused) expect(counts.get(key.tenant) ?? 0).toBeGreaterThanOrEqual(most - 1);
        }
      }),
    );
  });

  it('takes nothing at all where its capacity is 0', () => {
    const queue = new FairQueue<number>(0);
    expect(queue.push(1)).toBeUndefined();
    expect(queue.shift()).toBeUndefined();
  });
});

/** Who is next among many that wait: by priority, in turns among tenants, in order within a tenant. */
import type { QueueKey } from './contract.ts';

/** A place in the queue, to leave it by. */
export interface QueuePlace<Value> {
  readonly value: Value;
}

/**
 * Higher priorities go first. Of one priority, tenants take turns, whatever each has waiting: between two turns of a tenant
 * that has more, every other gets one at most. What one tenant brings keeps its order. Adding, taking and leaving cost the
 * same however many wait; only a priority that is new among those that wait is looked for among them.
 */
export class FairQueue<Value> {
  readonly capacity: number;
  readonly #levels = new Map<number, Level<Value>>();
  /** The priorities of which something waits, ascending. */
  readonly #priorities: number[] = [];
  /** How many of each tenant wait. */
  readonly #counts = new Map<string, number>();
  #size = 0;

  /** @param capacity how many may wait */
  constructor(capacity: number = Number.POSITIVE_INFINITY) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns undefined where as many wait as may */
  push(value: Value, { tenant = '', priority = 0 }: QueueKey = {}): QueuePlace<Value> | undefined {
    if (this.#size >= this.capacity) return undefined;
    const level = this.#levels.get(priority) ?? this.#addLevel(priority);
    let line = level.lines.get(tenant);
    if (line === undefined) {
      line = { tenant, level, places: new Chain() };
      level.lines.set(tenant, line);
      level.turns.add(line);
    }
    const place = { value, line };
    line.places.add(place);
    this.#size += 1;
    this.#counts.set(tenant, (this.#counts.get(tenant) ?? 0) + 1);
    return place;
  }

  /**
   * Where as many wait as may, takes out what came last of the tenant that has most, at its lowest priority, so that nobody
   * keeps others out by filling the queue. Nothing where the newcomer's tenant would have more than that one then, or where its
   * priority is lower.
   */
  makeRoom({ tenant = '', priority = 0 }: QueueKey): Value | undefined {
    if (this.#size < this.capacity) return undefined;
    let most = (this.#counts.get(tenant) ?? 0) + 1;
    let fullest: string | undefined;
    for (const [other, count] of this.#counts) {
      if (count <= most) continue;
      most = count;
      fullest = other;
    }
    if (fullest === undefined) return undefined;
    const lowest = this.#priorities.find((level) => this.#levels.get(level)?.lines.has(fullest));
    if (lowest === undefined || lowest > priority) return undefined;
    const place = this.#levels.get(lowest)?.lines.get(fullest)?.places.last;
    if (place === undefined) return undefined;
    this.#take(place);
    return place.value;
  }

  /** Takes what is next. */
  shift(): Value | undefined {
    const priority = this.#priorities.at(-1);
    const line = priority === undefined ? undefined : this.#levels.get(priority)?.turns.first;
    const place = line?.places.first;
    if (line === undefined || place === undefined) return undefined;
    line.level.turns.moveToEnd(line);
    this.#take(place);
    return place.value;
  }

  /** Leaves the queue. @returns false where it is no longer in it */
  remove(place: QueuePlace<Value>): boolean {
    const own = place as Place<Value>;
    if (!own.line.places.has(own)) return false;
    this.#take(own);
    return true;
  }

  #take(place: Place<Value>): void {
    const { line } = place;
    const { level } = line;
    line.places.delete(place);
    this.#size -= 1;
    const count = (this.#counts.get(line.tenant) ?? 0) - 1;
    if (count > 0) this.#counts.set(line.tenant, count);
    else this.#counts.delete(line.tenant);
    if (line.places.first !== undefined) return;
    level.turns.delete(line);
    level.lines.delete(line.tenant);
    if (level.lines.size > 0) return;
    this.#levels.delete(level.priority);
    this.#priorities.splice(placeOf(this.#priorities, level.priority), 1);
  }

  #addLevel(priority: number): Level<Value> {
    const level: Level<Value> = { priority, lines: new Map(), turns: new Chain() };
    this.#levels.set(priority, level);
    this.#priorities.splice(placeOf(this.#priorities, priority), 0, priority);
    return level;
  }
}

interface Level<Value> {
  priority: number;
  lines: Map<string, Line<Value>>;
  /** Tenants by their turn. */
  turns: Chain<Line<Value>>;
}

interface Line<Value> extends Linked<Line<Value>> {
  tenant: string;
  level: Level<Value>;
  places: Chain<Place<Value>>;
}

interface Place<Value> extends QueuePlace<Value>, Linked<Place<Value>> {
  readonly value: Value;
  line: Line<Value>;
}

/** Where `number` stands, or would stand, in an ascending list. */
function placeOf(ascending: readonly number[], number: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Linked<Item> {
  previous?: Item | undefined;
  next?: Item | undefined;
  /** What it is in. */
  chain?: unknown;
}

/** Items in a line, each of which can leave it at once: a `Map` or an array would be searched for the first that is left. */
class Chain<Item extends Linked<Item>> {
  first: Item | undefined;
  last: Item | undefined;

  has(item: Item): boolean {
    return item.chain === this;
  }

  add(item: Item): void {
    item.chain = this;
    item.previous = this.last;
    item.next = undefined;
    if (this.last === undefined) this.first = item;
    else this.last.next = item;
    this.last = item;
  }

  delete(item: Item): void {
    if (item.previous === undefined) this.first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    item.chain = undefined;
  }

  moveToEnd(item: Item): void {
    this.delete(item);
    this.add(item);
  }
}

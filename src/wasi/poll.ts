import type { Context, Functions } from './context.ts';
import { ERRNO, type Errno, errnoFromPosix, SUSPENDED } from './errno.ts';
import type { Readiness } from './fd/descriptor.ts';
import { WAIT_SLICE_MS } from './fd/stdio.ts';
import { CLOCK, EVENT_HANGUP, EVENT_TYPE, onlyBits, SUBSCRIPTION_ABSTIME } from './layout.ts';
import type { Subscribe, Wait } from './suspending.ts';

const EVENT_BYTES = 32;
/** More subscriptions than a guest can have descriptors make no sense; a list is read and kept as a whole. */
const MOST_SUBSCRIPTIONS = 1 << 16;
/** How often a descriptor is asked that the system knows nothing of, while others are waited for. */
const ASK_AGAIN_MS = 10;

interface ClockSubscription {
  type: typeof EVENT_TYPE.clock;
  userdata: bigint;
  /** On the system's monotonic clock. */
  deadline: bigint;
  /** Asked for the very beginning of the monotonic clock: there is nothing to wait for. */
  isPast: boolean;
}

interface FdSubscription {
  type: typeof EVENT_TYPE.fdRead | typeof EVENT_TYPE.fdWrite;
  userdata: bigint;
  fd: number;
  readiness: Exclude<Readiness, undefined>;
}

type Subscription = ClockSubscription | FdSubscription;

export function pollFunctions(context: Context): Functions {
  const { memory, waits } = context;
  /** What a suspended guest waits for: times of the subscriptions count from when it first asked. */
  let begun: PollWait | undefined;
  return {
    /**
     * Waits until at least one of several things happens, and writes all that have: times that have come, descriptors that
     * can be read or written.
     *
     * ```
     *  subscription   0              8        16           24            32              40          48
     *  of a clock     | userdata u64 | tag u8 | clock u32  | timeout u64 | precision u64 | flags u16 |
     *  of a descriptor| userdata u64 | tag u8 | fd u32     |
     *
     *  event          0              8           10      11   16         24          26    32
     *                 | userdata u64 | errno u16 | type u8 | – | nbytes u64 | flags u16 | –  |
     * ```
     * Tags and types: 0 clock, 1 read, 2 write. Flag 1 of a clock: `timeout` is a time of that clock, not a duration.
     *
     * @param subscriptions offset of the subscriptions (`wasi_unstable`: 56 bytes each, see layout.ts)
     * @param events offset of as many events
     * @param count how many; at least 1
     * @param ready offset of a u32 for how many events were written
     * @returns `success`; `inval` for none, and for clocks but realtime and monotonic, unknown tags and flags; `badf` for a
     *   descriptor that cannot be waited for in this direction; `nomem` for more than 65536; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#poll_oneoff
     */
    poll_oneoff(subscriptions: number, events: number, count: number, ready: number): Errno {
      const most = count >>> 0;
      if (most === 0) return ERRNO.inval;
      if (most > MOST_SUBSCRIPTIONS) return ERRNO.nomem;
      memory.check(ready, 4);
      memory.checkRange(subscriptions >>> 0, most * context.layout.subscription.byteLength);
      memory.checkRange(events >>> 0, most * EVENT_BYTES);
      const wanted = begun === undefined ? readSubscriptions(context, subscriptions >>> 0, most) : [];
      if (typeof wanted === 'number') return wanted;
      const wait = begun ?? new PollWait(context, wanted);
      begun = undefined;
      const happened = waits === undefined ? wait.untilAny() : wait.look();
      if (happened === SUSPENDED) {
        begun = wait;
        return waits?.later(wait.pending) ?? ERRNO.io;
      }
      if (typeof happened === 'number') return happened;
      happened.forEach((subscription, index) => {
        writeEvent(context, (events >>> 0) + index * EVENT_BYTES, subscription);
      });
      memory.writeU32(ready, happened.length);
      return ERRNO.success;
    },
  };
}

function readSubscriptions(context: Context, start: number, count: number): Subscription[] | Errno {
  const list: Subscription[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * context.layout.subscription.byteLength;
    const subscription = readSubscription(context, at, count === 1);
    if (typeof subscription === 'number') return subscription;
    list.push(subscription);
  }
  return list;
}

function readSubscription(context: Context, at: number, isAlone: boolean): Subscription | Errno {
  const { memory } = context;
  const userdata = memory.readU64(at);
  const type = memory.readU8(at + 8);
  if (type === EVENT_TYPE.clock) return readClock(context, at, userdata, isAlone);
  if (type !== EVENT_TYPE.fdRead && type !== EVENT_TYPE.fdWrite) return ERRNO.inval;
  const fd = memory.readU32(at + 16);
  const readiness = context.descriptors.get(fd)?.readiness(type === EVENT_TYPE.fdRead ? 'read' : 'write');
  if (readiness === undefined) return ERRNO.badf;
  return { type, userdata, fd, readiness };
}

function readClock(context: Context, at: number, userdata: bigint, isAlone: boolean): ClockSubscription | Errno {
  const { memory, fs } = context;
  const layout = context.layout.subscription;
  const id = memory.readU32(at + layout.clockId);
  const timeout = memory.readU64(at + layout.clockTimeout);
  const flags = memory.readU16(at + layout.clockFlags);
  if (!onlyBits(flags, SUBSCRIPTION_ABSTIME)) return ERRNO.inval;
  const isAbsolute = (flags & SUBSCRIPTION_ABSTIME) !== 0;
  // A plain sleep is on any clock, as in wasmtime.
  const known = isAlone && !isAbsolute ? CLOCK.threadCputime : CLOCK.monotonic;
  if (id > known) return ERRNO.inval;
  const one = { type: EVENT_TYPE.clock, userdata, isPast: isAbsolute && id === CLOCK.monotonic && timeout === 0n };
  if (!isAbsolute) return { ...one, deadline: fs.clockTime(false) + timeout };
  if (id === CLOCK.monotonic) return { ...one, deadline: context.monotonicStart + timeout };
  // The distance is taken once: a wait goes on as planned when somebody sets the clock of the system meanwhile.
  return { ...one, deadline: fs.clockTime(false) + (timeout - fs.clockTime(true)) };
}

/**
 * One wait for any of several subscriptions. Where something is ready before the first wait, times that have just come are
 * left for the next call, as in wasmtime.
 */
class PollWait {
  readonly #context: Context;
  readonly #list: readonly Subscription[];
  readonly #descriptors: DescriptorWait;
  readonly #earliest: bigint | undefined;
  #now: bigint | undefined;

  constructor(context: Context, list: readonly Subscription[]) {
    this.#context = context;
    this.#list = list;
    this.#descriptors = new DescriptorWait(context, list);
    this.#earliest = earliestDeadline(list);
  }

  /** Blocks; answers the subscriptions that have come about, in their order. */
  untilAny(): Subscription[] | Errno {
    for (;;) {
      const happened = this.#step(this.#now === undefined ? 0 : sliceUntil(this.#earliest, this.#now));
      if (typeof happened === 'number' || happened.length > 0) return happened;
    }
  }

  /** As {@link untilAny}, without blocking: SUSPENDED where nothing has come about. */
  look(): Subscription[] | Errno {
    const ready = this.#now === undefined ? this.#step(0) : [];
    if (typeof ready === 'number' || ready.length > 0) return ready;
    this.#now = this.#context.fs.clockTime(false);
    const happened = this.#step(0);
    return typeof happened === 'number' || happened.length > 0 ? happened : SUSPENDED;
  }

  /** What there is to wait for. */
  get pending(): Wait {
    return { ...this.#descriptors.pending, deadline: this.#earliest };
  }

  #step(milliseconds: number): Subscription[] | Errno {
    const errno = this.#descriptors.wait(milliseconds);
    if (errno !== ERRNO.success) return errno;
    const now = this.#now;
    const happened = this.#list.filter((one) => {
      if (one.type === EVENT_TYPE.clock) return now === undefined ? one.isPast : one.deadline <= now;
      return this.#descriptors.isReady(one);
    });
    this.#now = this.#context.fs.clockTime(false);
    return happened;
  }
}

/** The descriptors of one `poll_oneoff`: those that the system knows are asked together, others one after the other. */
class DescriptorWait {
  readonly #context: Context;
  readonly #byHostFd: { subscription: FdSubscription; hostFd: number }[] = [];
  readonly #asked: {
    subscription: FdSubscription;
    wait: (milliseconds: number) => boolean;
    whenReady?: Subscribe;
  }[] = [];
  /** For {@link NativeFs.wait}. */
  readonly #triples: Int32Array;
  readonly #ready = new Set<FdSubscription>();

  constructor(context: Context, list: readonly Subscription[]) {
    this.#context = context;
    for (const subscription of list) if (subscription.type !== EVENT_TYPE.clock) this.#add(subscription);
    this.#triples = new Int32Array(this.#byHostFd.length * 3);
    const { POLLIN, POLLOUT } = context.fs.constants;
    this.#byHostFd.forEach(({ subscription, hostFd }, index) => {
      this.#triples.set([hostFd, subscription.type === EVENT_TYPE.fdRead ? POLLIN : POLLOUT, 0], index * 3);
    });
  }

  #add(subscription: FdSubscription): void {
    const { readiness } = subscription;
    if (readiness === 'ready') this.#ready.add(subscription);
    else if ('hostFd' in readiness) this.#byHostFd.push({ subscription, hostFd: readiness.hostFd });
    else if ('wait' in readiness) this.#asked.push({ subscription, wait: readiness.wait });
    else this.#asked.push({ subscription, wait: readiness.isReady, whenReady: readiness.whenReady });
  }

  get pending(): Wait {
    const { POLLIN, POLLOUT } = this.#context.fs.constants;
    return {
      hostFds: this.#byHostFd.map(({ subscription, hostFd }) => ({
        fd: hostFd,
        events: subscription.type === EVENT_TYPE.fdRead ? POLLIN : POLLOUT,
      })),
      others: this.#asked.map(({ whenReady }) => whenReady).filter((one) => one !== undefined),
    };
  }

  isReady(subscription: FdSubscription): boolean {
    return this.#ready.has(subscription);
  }

  /** Blocks for at most so long, until something is ready. */
  wait(milliseconds: number): Errno {
    const isReadyNow = this.#ready.size > 0;
    const [first, ...others] = this.#asked;
    // One that has to be asked is waited for alone; beside descriptors of the system it is asked again and again.
    const isAlone = first !== undefined && others.length === 0 && this.#triples.length === 0;
    const most = isReadyNow ? 0 : first === undefined || isAlone ? milliseconds : Math.min(milliseconds, ASK_AGAIN_MS);
    if (!isAlone) {
      const count = this.#context.fs.wait(this.#triples, most);
      if (count < 0) return errnoFromPosix(count);
      if (count > 0) this.#noteHostFds();
    }
    for (const { subscription, wait } of this.#asked) if (wait(isAlone ? most : 0)) this.#ready.add(subscription);
    return ERRNO.success;
  }

  #noteHostFds(): void {
    this.#byHostFd.forEach(({ subscription }, index) => {
      if (this.#triples[index * 3 + 2] !== 0) this.#ready.add(subscription);
    });
  }
}

function earliestDeadline(list: readonly Subscription[]): bigint | undefined {
  let earliest: bigint | undefined;
  for (const one of list) {
    if (one.type === EVENT_TYPE.clock && (earliest === undefined || one.deadline < earliest)) earliest = one.deadline;
  }
  return earliest;
}

/** How long to block now, in milliseconds: no longer than until a deadline, and never so long that the host is deaf. */
function sliceUntil(deadline: bigint | undefined, now: bigint): number {
  if (deadline === undefined) return WAIT_SLICE_MS;
  const left = deadline - now;
  if (left <= 0n) return 0;
  return left >= BigInt(WAIT_SLICE_MS) * 1_000_000n ? WAIT_SLICE_MS : Number(left) / 1e6;
}

function writeEvent(context: Context, at: number, subscription: Subscription): void {
  const { memory } = context;
  memory.bytes().fill(0, at, at + EVENT_BYTES);
  memory.writeU64(at, subscription.userdata);
  memory.writeU8(at + 10, subscription.type);
  if (subscription.type === EVENT_TYPE.clock) return;
  const direction = subscription.type === EVENT_TYPE.fdRead ? 'read' : 'write';
  const event = context.descriptors.get(subscription.fd)?.event(direction);
  memory.writeU64(at + 16, event?.byteLength ?? 0n);
  memory.writeU16(at + 24, event?.hangup ? EVENT_HANGUP : 0);
}

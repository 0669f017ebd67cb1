import type { Context, Functions } from './context.ts';
import { ERRNO, type Errno, errnoFromPosix } from './errno.ts';
import { WAIT_SLICE_MS } from './fd/stdio.ts';
import { CLOCK, EVENT_HANGUP, EVENT_TYPE, onlyBits, SUBSCRIPTION_ABSTIME } from './layout.ts';

const EVENT_BYTES = 32;
/** More subscriptions than a guest can have descriptors make no sense; a list is read and kept as a whole. */
const MOST_SUBSCRIPTIONS = 1 << 16;

interface ClockSubscription {
  type: typeof EVENT_TYPE.clock;
  userdata: bigint;
  /** On the system's monotonic clock. */
  deadline: bigint;
}

interface FdSubscription {
  type: typeof EVENT_TYPE.fdRead | typeof EVENT_TYPE.fdWrite;
  userdata: bigint;
  fd: number;
  /** Undefined where it is ready at once. */
  hostFd: number | undefined;
}

type Subscription = ClockSubscription | FdSubscription;

export function pollFunctions(context: Context): Functions {
  const { memory } = context;
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
      const wanted = readSubscriptions(context, subscriptions >>> 0, most);
      if (typeof wanted === 'number') return wanted;
      const happened = waitForAny(context, wanted);
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
    const subscription = readSubscription(context, start + index * context.layout.subscription.byteLength);
    if (typeof subscription === 'number') return subscription;
    list.push(subscription);
  }
  return list;
}

function readSubscription(context: Context, at: number): Subscription | Errno {
  const { memory } = context;
  const userdata = memory.readU64(at);
  const type = memory.readU8(at + 8);
  if (type === EVENT_TYPE.clock) return readClock(context, at, userdata);
  if (type !== EVENT_TYPE.fdRead && type !== EVENT_TYPE.fdWrite) return ERRNO.inval;
  const fd = memory.readU32(at + 16);
  const readiness = context.descriptors.get(fd)?.readiness(type === EVENT_TYPE.fdRead ? 'read' : 'write');
  if (readiness === undefined) return ERRNO.badf;
  return { type, userdata, fd, hostFd: readiness === 'ready' ? undefined : readiness.hostFd };
}

function readClock(context: Context, at: number, userdata: bigint): ClockSubscription | Errno {
  const { memory, fs } = context;
  const layout = context.layout.subscription;
  const id = memory.readU32(at + layout.clockId);
  const timeout = memory.readU64(at + layout.clockTimeout);
  const flags = memory.readU16(at + layout.clockFlags);
  if (!onlyBits(flags, SUBSCRIPTION_ABSTIME)) return ERRNO.inval;
  const type = EVENT_TYPE.clock;
  const isAbsolute = (flags & SUBSCRIPTION_ABSTIME) !== 0;
  if (id !== CLOCK.realtime && id !== CLOCK.monotonic) return ERRNO.inval;
  if (!isAbsolute) return { type, userdata, deadline: fs.clockTime(false) + timeout };
  if (id === CLOCK.monotonic) return { type, userdata, deadline: context.monotonicStart + timeout };
  // The distance is taken once: a wait goes on as planned when somebody sets the clock of the system meanwhile.
  return { type, userdata, deadline: fs.clockTime(false) + (timeout - fs.clockTime(true)) };
}

/** Waits; answers the subscriptions that have come about, in their order. */
function waitForAny(context: Context, list: readonly Subscription[]): Subscription[] | Errno {
  const { fs } = context;
  const waiting = list.filter((one) => one.type !== EVENT_TYPE.clock && one.hostFd !== undefined) as FdSubscription[];
  const triples = new Int32Array(waiting.length * 3);
  waiting.forEach((one, index) => {
    const events = one.type === EVENT_TYPE.fdRead ? fs.constants.POLLIN : fs.constants.POLLOUT;
    triples.set([one.hostFd ?? -1, events, 0], index * 3);
  });
  let earliest: bigint | undefined;
  for (const one of list) {
    if (one.type === EVENT_TYPE.clock && (earliest === undefined || one.deadline < earliest)) earliest = one.deadline;
  }
  const isReadyAtOnce = list.some((one) => one.type !== EVENT_TYPE.clock && one.hostFd === undefined);
  for (;;) {
    const slice = isReadyAtOnce ? 0 : sliceUntil(earliest, fs.clockTime(false));
    const count = fs.wait(triples, slice);
    if (count < 0) return errnoFromPosix(count);
    const now = fs.clockTime(false);
    if (count > 0 || isReadyAtOnce || (earliest !== undefined && earliest <= now)) {
      const readyFds = new Set(waiting.filter((_, index) => triples[index * 3 + 2] !== 0));
      return list.filter((one) =>
        one.type === EVENT_TYPE.clock ? one.deadline <= now : one.hostFd === undefined || readyFds.has(one),
      );
    }
  }
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

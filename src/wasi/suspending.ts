/**
 * Calls of guests that can be suspended. A call that would have to block notes what it waits for and answers
 * {@link SUSPENDED}; it is made again, with the same arguments, when that has come. So there is one way through each call,
 * whether its guest blocks a thread or is suspended.
 */
import type { NativeFs } from '../native/fs.ts';
import type { HostCall } from './contract.ts';
import { type Errno, SUSPENDED } from './errno.ts';
import { type HostFdWait, hostPoller } from './suspending-poll.ts';

/** Has a function called once when something happens; answers how to have it forgotten. */
export type Subscribe = (wake: () => void) => () => void;

/** What a call waits for: the first of all that is here. */
export interface Wait {
  hostFds?: readonly HostFdWait[];
  /** On the system's monotonic clock, in nanoseconds. */
  deadline?: bigint | undefined;
  others?: readonly Subscribe[];
}

/** Timers of Node hold no more. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** What the calls of one guest wait for. It has one call at a time. */
export class Waits {
  /** Names of the functions that may have to wait; filled when preview1 is made. */
  readonly calls = new Set<string>(['poll_oneoff']);
  #fs: NativeFs | undefined;
  #wait: Wait | undefined;
  #stop: () => void = () => {};
  #isStopped = false;

  /** @param fs what clocks and descriptors are asked by */
  attach(fs: NativeFs): void {
    this.#fs = fs;
  }

  /** Notes what the call that is being made has to wait for. */
  later(wait: Wait): Errno {
    this.#wait = wait;
    return SUSPENDED;
  }

  /** Waits for it. It may come too early: the call asks again anyway. */
  over(): Promise<void> {
    const { hostFds = [], deadline, others = [] } = this.#wait ?? {};
    this.#wait = undefined;
    return new Promise((resolve) => {
      const forget: (() => void)[] = [];
      this.#stop = () => {
        for (const one of forget.splice(0)) one();
      };
      const wake = () => {
        this.#stop();
        resolve();
      };
      if (hostFds.length > 0 && this.#fs !== undefined) forget.push(hostPoller(this.#fs).add(hostFds, wake));
      for (const subscribe of others) forget.push(subscribe(wake));
      if (deadline !== undefined && this.#fs !== undefined)
        forget.push(wakeAt(deadline - this.#fs.clockTime(false), wake));
    });
  }

  /** Waits for nothing any more: the guest is gone, and what its calls work with may be another's. */
  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }
}

/** Timers count milliseconds: what is left after the last whole one passes in turns of the event loop. */
function wakeAt(nanoseconds: bigint, wake: () => void): () => void {
  const milliseconds = nanoseconds > 0n ? nanoseconds / 1_000_000n : 0n;
  if (milliseconds < 1n) {
    const immediate = setImmediate(wake);
    return () => clearImmediate(immediate);
  }
  const timer = setTimeout(wake, milliseconds > MOST_TIMER_MS ? MOST_TIMER_MS : Number(milliseconds));
  return () => clearTimeout(timer);
}

/** Makes a function that may have to wait answer a promise where it does. */
export function whenAnswered(call: HostCall, waits: Waits): HostCall {
  return (...args) => {
    const errno = call(...args);
    // What is imported by the guest is made to take promises.
    return errno === SUSPENDED ? (answered(call, args, waits) as unknown as Errno) : errno;
  };
}

async function answered(call: HostCall, args: never[], waits: Waits): Promise<Errno> {
  for (;;) {
    await waits.over();
    // Nobody takes what is answered then.
    if (waits.isStopped) return SUSPENDED;
    const errno = call(...args);
    if (errno !== SUSPENDED) return errno;
  }
}

/** Descriptors of the host that suspended guests wait for, all of them asked together. */
import type { NativeFs } from '../native/fs.ts';

export interface HostFdWait {
  fd: number;
  /** Bits of `poll`: POLLIN, POLLOUT. */
  events: number;
}

interface Waiter {
  fds: readonly HostFdWait[];
  wake: () => void;
}

/** How long to the next look, in milliseconds: the longer nothing happens, the rarer. 0 is the next turn of the event loop. */
const PACES = [0, 0, 1, 1, 2, 4, 8, 10] as const;

/** The system may refuse more at once than a process may have open. */
const MOST_AT_ONCE = 256;

/**
 * Asks the system again and again, without waiting: the event loop's own watchers are Node's, which reads what it watches,
 * and a guest may leave its input to others.
 */
class HostPoller {
  readonly #fs: NativeFs;
  readonly #waiters = new Set<Waiter>();
  #pace = 0;
  #cancel: (() => void) | undefined;

  constructor(fs: NativeFs) {
    this.#fs = fs;
  }

  /** @returns how to have it forgotten */
  add(fds: readonly HostFdWait[], wake: () => void): () => void {
    const waiter = { fds, wake };
    this.#waiters.add(waiter);
    this.#pace = 0;
    this.#cancel?.();
    this.#schedule();
    return () => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#cancel?.();
    };
  }

  #schedule(): void {
    const delay = PACES[Math.min(this.#pace++, PACES.length - 1)] ?? 0;
    const look = () => {
      this.#cancel = undefined;
      this.#look();
    };
    if (delay === 0) {
      const immediate = setImmediate(look);
      this.#cancel = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(look, delay);
      this.#cancel = () => clearTimeout(timer);
    }
  }

  #look(): void {
    const asked = [...this.#waiters].flatMap((waiter) => waiter.fds.map(({ fd, events }) => ({ waiter, fd, events })));
    const ready = new Set<Waiter>();
    for (let start = 0; start < asked.length; start += MOST_AT_ONCE) {
      const part = asked.slice(start, start + MOST_AT_ONCE);
      const triples = Int32Array.from(part.flatMap(({ fd, events }) => [fd, events, 0]));
      const count = this.#fs.wait(triples, 0);
      part.forEach(({ waiter }, index) => {
        // What the system refuses to answer, the call that waits will hear itself.
        if (count < 0 || (count > 0 && triples[index * 3 + 2] !== 0)) ready.add(waiter);
      });
    }
    if (ready.size > 0) this.#pace = 0;
    for (const waiter of ready) waiter.wake();
    if (this.#waiters.size > 0 && this.#cancel === undefined) this.#schedule();
  }
}

const pollers = new WeakMap<NativeFs, HostPoller>();

/** The one of this thread. */
export function hostPoller(fs: NativeFs): HostPoller {
  const poller = pollers.get(fs) ?? new HostPoller(fs);
  pollers.set(fs, poller);
  return poller;
}

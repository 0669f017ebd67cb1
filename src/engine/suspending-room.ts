/** How many guests may be under way at once that share a thread, running or suspended. */
import type { CompiledModule } from './compile.ts';
import type { GuestPlan } from './guest-plan.ts';

/**
 * V8 reserves 8 GiB of addresses for each memory, of which a process has room for some 16,000, and with its stack a guest
 * takes 4 of the 65,530 mappings that Linux gives a process by default: where they run out V8 ends the process.
 */
export const DEFAULT_MAX_IN_FLIGHT = 4096;

interface Waiting {
  weight: number;
  enter: () => void;
}

export class GuestRoom {
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #left: number;

  /** @param maxInFlight guests; one that has several memories counts as many */
  constructor(maxInFlight: number = DEFAULT_MAX_IN_FLIGHT) {
    this.#most = maxInFlight;
    this.#left = maxInFlight;
  }

  /** How many guests' worth of room is in use. */
  get used(): number {
    return this.#most - this.#left;
  }

  /** How many wait to be let in. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits for room, after all who came before. Answers what {@link leave} takes. */
  async enter(plan: GuestPlan): Promise<number> {
    const weight = Math.min(weightOf(plan), this.#most);
    if (this.#waiting.length > 0 || this.#left < weight) {
      await new Promise<void>((enter) => {
        this.#waiting.push({ weight, enter });
      });
    } else this.#left -= weight;
    return weight;
  }

  leave(weight: number): void {
    this.#left += weight;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || next.weight > this.#left) return;
      this.#waiting.shift();
      this.#left -= next.weight;
      next.enter();
    }
  }
}

function weightOf({ program, preloads }: GuestPlan): number {
  const memories = ({ shape }: CompiledModule) =>
    shape.memories.length + shape.imports.filter(({ kind }) => kind === 'memory').length;
  return preloads.reduce((sum, preload) => sum + memories(preload.program), Math.max(memories(program), 1));
}

/** Of this thread. */
export const guestRoom = new GuestRoom();

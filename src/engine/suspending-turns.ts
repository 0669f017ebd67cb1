/**
 * Whose turn it is among the guests that share a thread. One has the turn at a time, from where it begins or goes on until it
 * is suspended or ends; the event loop comes to its other work between turns, however many guests want theirs.
 */

/** What guests have of one turn of the event loop, together: the guest that has the turn then may go on, no other. */
const SLICE_MS = 3;

/** Of those who have had their turn, as many are kept at most. */
const MOST_SERVED = 1024;

interface Waiting {
  begin: () => void;
}

export class GuestTurns {
  #waiting: Waiting[] = [];
  /** Of `#waiting`, how many have had their turn: taking the first out of a long array costs all of it. */
  #served = 0;
  #isTaken = false;
  #takenAtMs = 0;
  /** In this turn of the event loop. */
  #usedMs = 0;
  #nextLoopTurn: NodeJS.Immediate | undefined;

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length - this.#served;
  }

  /** Whether the guest that has the turn has had it for long: it had better let others have theirs. */
  get isOver(): boolean {
    return this.#usedMs + performance.now() - this.#takenAtMs > SLICE_MS;
  }

  /** Waits for a turn, which lasts until {@link end}. */
  next(): Promise<void> {
    if (!this.#isTaken && this.waiting === 0 && this.#usedMs <= SLICE_MS) {
      this.#take();
      return Promise.resolve();
    }
    return new Promise((begin) => {
      this.#waiting.push({ begin });
      this.#watchLoop();
    });
  }

  /** Gives the turn back. */
  end(): void {
    this.#usedMs += performance.now() - this.#takenAtMs;
    this.#isTaken = false;
    this.#giveOn();
  }

  #take(): void {
    this.#isTaken = true;
    this.#takenAtMs = performance.now();
    this.#watchLoop();
  }

  #giveOn(): void {
    if (this.#isTaken || this.#usedMs > SLICE_MS) return;
    const next = this.#waiting[this.#served];
    if (next === undefined) return;
    this.#served += 1;
    if (this.#served >= MOST_SERVED || this.#served === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#served);
      this.#served = 0;
    }
    this.#take();
    next.begin();
  }

  /** A guest that has the turn then has begun it in this turn of the loop: it is suspended or has ended by the next. */
  #watchLoop(): void {
    this.#nextLoopTurn ??= setImmediate(() => {
      this.#nextLoopTurn = undefined;
      this.#usedMs = 0;
      this.#giveOn();
      if (this.waiting > 0) this.#watchLoop();
    });
  }
}

/** Of this thread. */
export const guestTurns = new GuestTurns();

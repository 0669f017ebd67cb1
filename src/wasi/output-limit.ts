import { GuestTrapError } from '../errors.ts';
import type { GuestExit } from '../guest/exit.ts';

/** What standard output and error of one guest may take together, wherever they go and by whatever number it calls them. */
export class OutputLimit {
  readonly #exit: GuestExit;
  readonly #mostBytes: number;
  #leftBytes: number;

  constructor(mostBytes: number, exit: GuestExit) {
    this.#mostBytes = mostBytes;
    this.#leftBytes = mostBytes;
    this.#exit = exit;
  }

  /**
   * Writes as much as there is room for, and ends the guest where it wanted more and all of that was taken.
   * @param write of so many bytes, from the first; answers how many were taken, or a negated errno
   */
  write(byteLength: number, write: (byteLength: number) => number): number {
    const allowed = Math.min(byteLength, this.#leftBytes);
    const taken = allowed > 0 || byteLength === 0 ? write(allowed) : 0;
    if (taken > 0) this.#leftBytes -= taken;
    if (taken === allowed && allowed < byteLength) this.#end();
    return taken;
  }

  #end(): never {
    const message = `the guest wrote more than ${this.#mostBytes} bytes to stdout and stderr`;
    return this.#exit.fail(new GuestTrapError('ERR_GUEST_OUTPUT_LIMIT', message));
  }
}

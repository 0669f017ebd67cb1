import type { Context, Functions } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import { MOST_SIGNAL } from './layout.ts';

export function procFunctions({ exit }: Context): Functions {
  return {
    /**
     * Ends the guest. Never returns, and the guest cannot catch it.
     *
     * @param code unsigned; what a code of 126 and more means is the caller's matter
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#proc_exit
     */
    proc_exit(code: number): Errno {
      return exit.end(code);
    },

    /**
     * Would send the guest a signal; there are none.
     *
     * @returns `notsup`; `inval` for a number that is no signal
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#proc_raise
     */
    proc_raise(signal: number): Errno {
      return signal >>> 0 > MOST_SIGNAL ? ERRNO.inval : ERRNO.notsup;
    },
  };
}

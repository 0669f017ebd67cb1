import type { Functions } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';

export function schedFunctions(): Functions {
  return {
    /**
     * Gives way to others. The thread is the guest's own: there is nobody to give way to.
     *
     * @returns `success`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sched_yield
     */
    sched_yield(): Errno {
      return ERRNO.success;
    },
  };
}

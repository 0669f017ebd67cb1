import type { Context, Functions } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import { CLOCK } from './layout.ts';

/** Both clocks count nanoseconds. */
const RESOLUTION_NS = 1n;

/** The time of a clock in nanoseconds; `badf` for the CPU clocks, which a guest has none of; `inval` for unknown ones. */
export function clockTime(context: Context, id: number): bigint | Errno {
  switch (id >>> 0) {
    case CLOCK.realtime:
      return context.fs.clockTime(true);
    case CLOCK.monotonic:
      return context.fs.clockTime(false) - context.monotonicStart;
    case CLOCK.processCputime:
    case CLOCK.threadCputime:
      return ERRNO.badf;
    default:
      return ERRNO.inval;
  }
}

export function clockFunctions(context: Context): Functions {
  const { memory } = context;
  return {
    /**
     * Writes the resolution of a clock.
     *
     * @param id 0 realtime, 1 monotonic
     * @param resolution offset of a u64 in nanoseconds
     * @returns `success`; `badf` for the CPU clocks (2, 3); `inval` for any other; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#clock_res_get
     */
    clock_res_get(id: number, resolution: number): Errno {
      memory.check(resolution, 8);
      const time = clockTime(context, id);
      if (typeof time === 'number') return time;
      memory.writeU64(resolution, RESOLUTION_NS);
      return ERRNO.success;
    },

    /**
     * Writes the time of a clock.
     *
     * @param id 0 realtime (since 1970), 1 monotonic (since the guest was made)
     * @param precision what the guest would be content with; not used
     * @param time offset of a u64 in nanoseconds
     * @returns `success`; `badf` for the CPU clocks (2, 3); `inval` for any other; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#clock_time_get
     */
    clock_time_get(id: number, _precision: bigint, time: number): Errno {
      memory.check(time, 8);
      const now = clockTime(context, id);
      if (typeof now === 'number') return now;
      memory.writeU64(time, now);
      return ERRNO.success;
    },
  };
}

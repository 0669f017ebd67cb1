/** Timers of Node hold no more milliseconds; a guest that runs for 24 days is not watched beyond. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** What functions and modules may ask of V8's compilers, and what their parts are counted as. */

/**
 * In states of one local at one place: 12 bytes in V8's baseline compiler, so that a function takes 1.2 GB at most. The
 * largest function of SQLite comes to a quarter of it when nothing is optimized, those of optimized programs to a fortieth.
 */
export const MOST_STATES = 100_000_000;

/** V8 ends the process when the machine code of one function is longer than 512 MiB, ours is a high estimate. */
export const MOST_CODE_BYTES = 300 * 2 ** 20;

/** All modules of a process have 4 GiB together; V8 ends the process when they are full. */
export const MOST_MODULE_CODE_BYTES = 2 ** 30;

/** The largest functions of interpreters have 140 KB. V8 would take 7.6 MB. */
export const MOST_BODY_BYTES = 4 * 2 ** 20;

/** Operands that wait at a time: V8 has no bound of its own, and one call may bring a thousand. */
export const MOST_OPERANDS = 100_000;

/** Blocks within each other: V8 needs 900 bytes for each. */
export const MOST_DEPTH = 100_000;

/** What these take beside the locals, most of it in V8's optimizing compiler: a kilobyte for a call. */
export const STATES_PER_BLOCK = 64;
export const STATES_PER_CALL = 128;
export const STATES_PER_BRANCH = 32;
/** A value that differs where control flow meets is a node with its inputs in V8's optimizing compiler: 240 bytes. */
export const STATES_PER_MEETING = 16;

/** A value moved from one place to another: loaded and stored. */
export const CODE_PER_VALUE = 16;
/** Of a value of an exception, which V8 keeps in pieces of 16 bits. */
export const CODE_PER_PAYLOAD = 64;
export const CODE_PER_FUNCTION = 200;
export const CODE_PER_BRANCH = 24;

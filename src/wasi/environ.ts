import type { Context, Functions } from './context.ts';
import type { Errno } from './errno.ts';
import { writeSizes, writeStrings } from './strings.ts';

export function environFunctions({ memory, env }: Context): Functions {
  return {
    /**
     * Writes the environment as `NAME=VALUE` strings.
     *
     * @param environ offset of as many pointers as there are variables
     * @param bytes offset where the strings themselves go, each ended by a NUL
     * @returns `success`; `fault` where one of the ranges leaves the memory
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#environ_get
     */
    environ_get(environ: number, bytes: number): Errno {
      return writeStrings(memory, env, environ, bytes);
    },

    /**
     * Writes how much room `environ_get` needs.
     *
     * @param count offset of a u32 for the number of variables
     * @param byteLength offset of a u32 for their bytes in UTF-8, the NULs included
     * @returns `success`; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#environ_sizes_get
     */
    environ_sizes_get(count: number, byteLength: number): Errno {
      return writeSizes(memory, env, count, byteLength);
    },
  };
}

import type { Context, Functions } from './context.ts';
import type { Errno } from './errno.ts';
import { writeSizes, writeStrings } from './strings.ts';

export function argsFunctions({ memory, args }: Context): Functions {
  return {
    /**
     * Writes the arguments of the guest, the first of which is its name.
     *
     * @param argv offset of `argc` pointers, each to the first byte of an argument
     * @param bytes offset where the arguments themselves go, each ended by a NUL
     * @returns `success`; `fault` where one of the ranges leaves the memory
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#args_get
     */
    args_get(argv: number, bytes: number): Errno {
      return writeStrings(memory, args, argv, bytes);
    },

    /**
     * Writes how much room `args_get` needs.
     *
     * @param argc offset of a u32 for the number of arguments
     * @param byteLength offset of a u32 for their bytes in UTF-8, the NULs included
     * @returns `success`; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#args_sizes_get
     */
    args_sizes_get(argc: number, byteLength: number): Errno {
      return writeSizes(memory, args, argc, byteLength);
    },
  };
}

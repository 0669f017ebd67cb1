import { type Context, type Functions, withDescriptor } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import type { Descriptor } from './fd/descriptor.ts';
import { firstBuffer } from './vectors.ts';

/** Reading, writing and the position. */
export function fdIoFunctions(context: Context): Functions {
  const { memory, descriptors, layout, traffic } = context;

  /** Writes a count, or passes on the errno that came instead of it. */
  function writeRead(pointer: number, count: number): Errno {
    if (count < 0) return -count;
    traffic.bytesRead += count;
    memory.writeU32(pointer, count);
    return ERRNO.success;
  }

  function writeWritten(pointer: number, count: number): Errno {
    if (count < 0) return -count;
    traffic.bytesWritten += count;
    memory.writeU32(pointer, count);
    return ERRNO.success;
  }

  function writeOffset(pointer: number, offset: bigint): Errno {
    if (offset < 0n) return Number(-offset);
    memory.writeU64(pointer, offset);
    return ERRNO.success;
  }

  return {
    /**
     * Reads at the position into the first buffer that is not empty, and moves the position.
     *
     * @param vectors offset of the buffers: pairs of u32 offset, u32 length
     * @param count how many there are
     * @param read offset of a u32 for the bytes read; 0 means the end
     * @returns `success`; `badf` where the descriptor cannot be read; `inval` where the position is beyond any file;
     *   `spipe` for a FIFO; `fault`; `nomem` for an immense list; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_read
     */
    fd_read(fd: number, vectors: number, count: number, read: number): Errno {
      memory.check(read, 4);
      const buffer = firstBuffer(memory, vectors, count);
      if (buffer === undefined) return ERRNO.nomem;
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const byteLength = descriptor.read(memory.bytes(), buffer.start, buffer.byteLength);
      if (byteLength < 0) descriptors.refresh(fd);
      return writeRead(read, byteLength);
    },

    /**
     * Reads at an offset, without moving the position.
     *
     * @param offset unsigned
     * @returns as `fd_read`; `spipe` for standard input
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_pread
     */
    fd_pread(fd: number, vectors: number, count: number, offset: bigint, read: number): Errno {
      memory.check(read, 4);
      const buffer = firstBuffer(memory, vectors, count);
      if (buffer === undefined) return ERRNO.nomem;
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const from = BigInt.asUintN(64, offset);
      return writeRead(read, descriptor.readAt(memory.bytes(), buffer.start, buffer.byteLength, from));
    },

    /**
     * Writes the first buffer that is not empty at the position, or at the end in append mode, and moves the position.
     *
     * @param vectors offset of the buffers: pairs of u32 offset, u32 length
     * @param count how many there are
     * @param written offset of a u32 for the bytes written
     * @returns `success`; `badf` where the descriptor cannot be written; `pipe` where nobody reads any more; `inval` where
     *   the position is beyond any file; `fbig`, `nospc`; `fault`; `nomem` for an immense list; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_write
     */
    fd_write(fd: number, vectors: number, count: number, written: number): Errno {
      memory.check(written, 4);
      const buffer = firstBuffer(memory, vectors, count);
      if (buffer === undefined) return ERRNO.nomem;
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      return writeWritten(written, writeTo(descriptor, memory.bytes(), buffer));
    },

    /**
     * Writes at an offset, without moving the position; at the end in append mode.
     *
     * @param offset unsigned
     * @returns as `fd_write`; `spipe` for standard output and error
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_pwrite
     */
    fd_pwrite(fd: number, vectors: number, count: number, offset: bigint, written: number): Errno {
      memory.check(written, 4);
      const buffer = firstBuffer(memory, vectors, count);
      if (buffer === undefined) return ERRNO.nomem;
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const at = BigInt.asUintN(64, offset);
      return writeWritten(written, writeTo(descriptor, memory.bytes(), buffer, at));
    },

    /**
     * Moves the position.
     *
     * @param offset signed
     * @param whence 0 from the start, 1 from the position, 2 from the end (`wasi_unstable`: 2, 0, 1)
     * @param position offset of a u64 for the new position
     * @returns `success`; `inval` for another `whence` and for a position below 0 or above 2^64 - 1; `spipe` for standard
     *   input, output and error; `badf` for directories and closed descriptors; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_seek
     */
    fd_seek(fd: number, offset: bigint, whence: number, position: number): Errno {
      memory.check(position, 8);
      const origin = layout.whence.indexOf(whence >>> 0);
      if (origin < 0) return ERRNO.inval;
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      return writeOffset(position, descriptor.seek(offset, origin));
    },

    /**
     * Writes the position.
     *
     * @param position offset of a u64
     * @returns `success`; `spipe`, `badf` as `fd_seek`; `fault`
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_tell
     */
    fd_tell(fd: number, position: number): Errno {
      memory.check(position, 8);
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      return writeOffset(position, descriptor.seek(0n, 1));
    },

    /**
     * Writes a file's bytes and its status to the disk.
     *
     * @returns `success`; `badf` for what is no file; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_sync
     */
    fd_sync(fd: number): Errno {
      return withDescriptor(context, fd, (descriptor) => descriptor.sync());
    },

    /**
     * Writes a file's bytes to the disk.
     *
     * @returns `success`; `badf` for what is no file; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_datasync
     */
    fd_datasync(fd: number): Errno {
      return withDescriptor(context, fd, (descriptor) => descriptor.dataSync());
    },
  };
}

/** Writes at the position, or at an offset, as much as may be written. Answers a count or a negated errno. */
function writeTo(
  descriptor: Descriptor,
  memory: Uint8Array,
  { start, byteLength }: { start: number; byteLength: number },
  offset?: bigint,
): number {
  const { outputLimit } = descriptor;
  if (outputLimit !== undefined) {
    return outputLimit.write(byteLength, (most) =>
      offset === undefined ? descriptor.write(memory, start, most) : descriptor.writeAt(memory, start, most, offset),
    );
  }
  if (offset !== undefined) return descriptor.writeAt(memory, start, byteLength, offset);
  return descriptor.write(memory, start, byteLength);
}

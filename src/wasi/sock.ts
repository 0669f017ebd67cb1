import { type Context, type Functions, withDescriptor } from './context.ts';
import { ERRNO, type Errno } from './errno.ts';
import { validFdflags } from './fd-status.ts';
import { onlyBits, RIFLAGS, ROFLAGS, SDFLAGS } from './layout.ts';
import { firstBuffer } from './vectors.ts';

/** Sockets that the embedder opened; a guest of preview1 can open none. */
export function sockFunctions(context: Context): Functions {
  const { memory, descriptors, traffic } = context;
  return {
    /**
     * Takes the next connection of a listening socket; waits for one unless the socket is nonblocking.
     *
     * @param flags nonblock 4, for the new descriptor
     * @param opened offset of a u32 for the new descriptor
     * @returns `success`; `notsock`; `badf`; `again` where it is nonblocking and nobody has come; `inval` for unknown flags;
     *   `mfile` where the guest has as many open as it may; `fault`; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_accept
     */
    sock_accept(fd: number, flags: number, opened: number): Errno {
      if (!validFdflags(flags)) return ERRNO.inval;
      memory.check(opened, 4);
      return withDescriptor(context, fd, (descriptor) => {
        if (!descriptor.isSocket) return ERRNO.notsock;
        if (descriptors.isFull) return ERRNO.mfile;
        const accepted = descriptor.accept(flags);
        if (typeof accepted === 'number') return accepted;
        memory.writeU32(opened, descriptors.add(accepted));
        return ERRNO.success;
      });
    },

    /**
     * Receives into the first buffer that is not empty; waits unless the socket is nonblocking.
     *
     * @param vectors offset of the buffers: pairs of u32 offset, u32 length
     * @param count how many there are
     * @param flags 1 leave the bytes where they are, 2 wait until the buffer is full (of a stream, and not
     *   together with 1)
     * @param received offset of a u32 for the bytes received; 0 means the other side has ended
     * @param outFlags offset of a u16: 1 where a datagram did not fit and was cut
     * @returns `success`; `notsock`; `badf`; `again`; `inval` for unknown flags; `fault`; what the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_recv
     */
    sock_recv(fd: number, vectors: number, count: number, flags: number, received: number, outFlags: number): Errno {
      if (!onlyBits(flags, RIFLAGS.peek | RIFLAGS.waitall)) return ERRNO.inval;
      memory.check(received, 4);
      memory.check(outFlags, 2);
      return withDescriptor(context, fd, (descriptor) => {
        if (!descriptor.isSocket) return ERRNO.notsock;
        const buffer = firstBuffer(memory, vectors, count);
        if (buffer === undefined) return ERRNO.nomem;
        const result = descriptor.receive(memory.bytes(), buffer.start, buffer.byteLength, flags);
        if (typeof result === 'number') return result;
        traffic.bytesRead += result.byteLength;
        memory.writeU32(received, result.byteLength);
        memory.writeU16(outFlags, result.cut ? ROFLAGS.dataTruncated : 0);
        return ERRNO.success;
      });
    },

    /**
     * Sends the first buffer that is not empty; waits unless the socket is nonblocking.
     *
     * @param vectors offset of the buffers: pairs of u32 offset, u32 length
     * @param count how many there are
     * @param flags 0: none are defined
     * @param sent offset of a u32 for the bytes sent
     * @returns `success`; `notsock`; `badf`; `again`; `pipe` where the other side is gone; `inval` for flags; `fault`; what
     *   the system answers
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_send
     */
    sock_send(fd: number, vectors: number, count: number, flags: number, sent: number): Errno {
      memory.check(sent, 4);
      return withDescriptor(context, fd, (descriptor) => {
        if (!descriptor.isSocket) return ERRNO.notsock;
        if (flags !== 0) return ERRNO.inval;
        const buffer = firstBuffer(memory, vectors, count);
        if (buffer === undefined) return ERRNO.nomem;
        const result = descriptor.send(memory.bytes(), buffer.start, buffer.byteLength);
        if (result < 0) return -result;
        traffic.bytesWritten += result;
        memory.writeU32(sent, result);
        return ERRNO.success;
      });
    },

    /**
     * Ends one or both directions of a connection.
     *
     * @param how 1 receiving, 2 sending, 3 both
     * @returns `success`; `notsock`; `badf`; `notconn`; `inval` for none or unknown ones
     * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#sock_shutdown
     */
    sock_shutdown(fd: number, how: number): Errno {
      if (!onlyBits(how, SDFLAGS.rd | SDFLAGS.wr)) return ERRNO.inval;
      return withDescriptor(context, fd, (descriptor) =>
        descriptor.isSocket ? descriptor.shutdown((how & SDFLAGS.rd) !== 0, (how & SDFLAGS.wr) !== 0) : ERRNO.notsock,
      );
    },
  };
}

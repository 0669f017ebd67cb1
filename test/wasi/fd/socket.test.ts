import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { le } from '../../support/guest-memory.ts';
import { type Preview1Guest, preview1Guest } from '../../support/preview1-guest.ts';

const OUT = 0x1000;
const BUFFER = 0x2000;
const VECTOR = 0x800;
const NONBLOCK = 4;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A listening socket of this process; Node knows its number but has no word for it. */
async function listen(): Promise<{ server: Server; fd: number; port: number }> {
  const server = createServer();
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return { server, fd, port: address.port };
}

function socketGuest(fd: number): Preview1Guest {
  const guest = preview1Guest({ preopens: [{ kind: 'socket', fd }] });
  open.push({ close: () => guest.preview1.dispose() });
  return guest;
}

/** A connection that the guest has accepted as descriptor 4. */
async function connected(): Promise<{ guest: Preview1Guest; client: Socket }> {
  const { fd, port } = await listen();
  const guest = socketGuest(fd);
  const client = connect(port, '127.0.0.1');
  open.push({ close: () => client.destroy() });
  // Node connects with the next tick. After that, but before this process looks at its own sockets again, the guest takes
  // the connection, and not the server.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(guest.call('sock_accept', 3, 0, OUT)).toBe(ERRNO.success);
  guest.expectWritten(OUT, le(4, 4));
  guest.mask();
  await once(client, 'connect');
  return { guest, client };
}

function vector(guest: Preview1Guest, byteLength: number): number {
  new DataView(guest.wasmMemory.buffer).setUint32(VECTOR, BUFFER, true);
  new DataView(guest.wasmMemory.buffer).setUint32(VECTOR + 4, byteLength, true);
  return VECTOR;
}

function receive(guest: Preview1Guest, byteLength: number, flags = 0): string | number {
  const errno = guest.call('sock_recv', 4, vector(guest, byteLength), 1, flags, OUT, OUT + 8);
  if (errno !== ERRNO.success) return -errno;
  const count = new DataView(guest.wasmMemory.buffer).getUint32(OUT, true);
  return Buffer.from(guest.bytes().slice(BUFFER, BUFFER + count)).toString();
}

/** Waits until the bytes have arrived at the guest's end. */
async function deliver(client: Socket, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => client.write(text, (error) => (error ? reject(error) : resolve())));
}

describe('sockets', () => {
  it('accept, receive, send and shut down', async () => {
    const { guest, client } = await connected();
    await deliver(client, 'hello');
    expect(receive(guest, 3, 1)).toBe('hel');
    expect(receive(guest, 3)).toBe('hel');
    expect(receive(guest, 10)).toBe('lo');
    guest.expectWritten(OUT + 8, [0, 0]);
    guest.put(BUFFER, 'answer');
    expect(guest.call('sock_send', 4, vector(guest, 6), 1, 0, OUT)).toBe(ERRNO.success);
    const [chunk] = (await once(client, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('answer');
    expect(guest.call('sock_shutdown', 4, 2)).toBe(ERRNO.success);
    await once(client, 'close');
    expect(receive(guest, 10)).toBe('');
  });

  it('are read and written like files', async () => {
    const { guest, client } = await connected();
    await deliver(client, 'hello');
    expect(guest.call('fd_read', 4, vector(guest, 10), 1, OUT)).toBe(ERRNO.success);
    guest.expectWritten(OUT, le(4, 5));
    expect(guest.call('fd_write', 4, vector(guest, 5), 1, OUT)).toBe(ERRNO.success);
    const [chunk] = (await once(client, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hello');
    expect(guest.call('fd_seek', 4, 0n, 0, OUT)).toBe(ERRNO.spipe);
    expect(guest.call('fd_pread', 4, vector(guest, 5), 1, 0n, OUT)).toBe(ERRNO.spipe);
  });

  it('say what they are', async () => {
    const { fd } = await listen();
    const guest = socketGuest(fd);
    expect(guest.call('fd_fdstat_get', 3, OUT)).toBe(ERRNO.success);
    expect(guest.bytes()[OUT]).toBe(6);
    expect(guest.call('fd_prestat_get', 3, OUT)).toBe(ERRNO.badf);
    expect(guest.call('sock_send', 3, vector(guest, 1), 1, 0, OUT)).toBe(ERRNO.pipe);
    expect(guest.call('sock_recv', 3, vector(guest, 1), 1, 0, OUT, OUT)).toBe(ERRNO.notconn);
    expect(guest.call('sock_send', 3, vector(guest, 1), 1, 1, OUT)).toBe(ERRNO.inval);
    expect(guest.call('sock_shutdown', 3, 0)).toBe(ERRNO.inval);
  });

  it('answer again instead of waiting, where they are nonblocking', async () => {
    const { fd } = await listen();
    const listening = socketGuest(fd);
    expect(listening.call('fd_fdstat_set_flags', 3, NONBLOCK)).toBe(ERRNO.success);
    expect(listening.call('sock_accept', 3, 0, OUT)).toBe(ERRNO.again);
    const { guest } = await connected();
    expect(guest.call('fd_fdstat_set_flags', 4, NONBLOCK)).toBe(ERRNO.success);
    expect(receive(guest, 10)).toBe(-ERRNO.again);
    expect(guest.call('fd_fdstat_set_flags', 4, 1)).toBe(ERRNO.inval);
  });

  it('are polled', async () => {
    const { guest, client } = await connected();
    const poll = (type: number) => {
      guest.bytes().fill(0, 0, 48);
      guest.bytes()[8] = type;
      new DataView(guest.wasmMemory.buffer).setUint32(16, 4, true);
      expect(guest.call('poll_oneoff', 0, OUT, 1, BUFFER)).toBe(ERRNO.success);
      return new DataView(guest.wasmMemory.buffer).getBigUint64(OUT + 16, true);
    };
    expect(poll(2)).toBe(1n);
    await deliver(client, 'hello');
    expect(poll(1)).toBe(5n);
  });

  it('are pipe where the other side is gone', async () => {
    const { guest, client } = await connected();
    client.resetAndDestroy();
    await once(client, 'close');
    const send = () => guest.call('sock_send', 4, vector(guest, 5), 1, 0, OUT);
    expect([send(), send()].at(-1)).toBe(ERRNO.pipe);
    expect(guest.reports).toEqual([]);
  });

  it('that the embedder handed in stay the embedder’s', async () => {
    const { server, fd, port } = await listen();
    const guest = socketGuest(fd);
    expect(guest.call('fd_close', 3)).toBe(ERRNO.success);
    guest.preview1.dispose();
    const client = connect(port, '127.0.0.1');
    open.push({ close: () => client.destroy() });
    const [accepted] = (await once(server, 'connection')) as [Socket];
    accepted.destroy();
  });
});

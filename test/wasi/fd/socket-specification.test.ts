/** What the specification says of sockets, over sockets of the system: a guest of wasmtime 49's command line can get none. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { EVENT_HANGUP, EVENT_TYPE, FDFLAGS, FILE_TYPE, RIFLAGS, ROFLAGS, SDFLAGS } from '../../../src/wasi/layout.ts';
import { type Preview1Guest, preview1Guest } from '../../support/preview1-guest.ts';

const OUT = 0x1000;
const BUFFER = 0x2000;
const VECTOR = 0x800;
const LISTENING = 3;
const CONNECTED = 4;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** Node knows the number of its sockets but has no word for it. */
interface Handled {
  _handle: { fd: number; recvStop(): void };
}

function socketGuest(fd: number): Preview1Guest {
  const guest = preview1Guest({ preopens: [{ kind: 'socket', fd }] });
  open.push({ close: () => guest.preview1.dispose() });
  return guest;
}

/** A guest with a listening socket, and a way to connect to it. */
async function listening(): Promise<{ guest: Preview1Guest; dial: () => Promise<Socket> }> {
  const server = createServer();
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  const dial = async () => {
    const client = connect(address.port, '127.0.0.1');
    open.push({ close: () => client.destroy() });
    // Node connects with the next tick. Before this process looks at its own sockets again, the guest takes the connection,
    // and not the server.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return client;
  };
  return { guest: socketGuest((server as unknown as Handled)._handle.fd), dial };
}

async function connected(flags = 0): Promise<{ guest: Preview1Guest; client: Socket }> {
  const { guest, dial } = await listening();
  const client = await dial();
  expect(guest.call('sock_accept', LISTENING, flags, OUT)).toBe(ERRNO.success);
  await once(client, 'connect');
  return { guest, client };
}

async function deliver(client: Socket, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => client.write(text, (error) => (error ? reject(error) : resolve())));
}

async function end(client: Socket): Promise<void> {
  await new Promise<void>((resolve) => client.end(resolve));
}

function view(guest: Preview1Guest): DataView {
  return new DataView(guest.wasmMemory.buffer);
}

function vector(guest: Preview1Guest, byteLength: number): number {
  view(guest).setUint32(VECTOR, BUFFER, true);
  view(guest).setUint32(VECTOR + 4, byteLength, true);
  return VECTOR;
}

/** The text with its flags, or the errno. */
function receive(
  guest: Preview1Guest,
  fd: number,
  byteLength: number,
  flags = 0,
): [text: string, flags: number] | number {
  const errno = guest.call('sock_recv', fd, vector(guest, byteLength), 1, flags, OUT, OUT + 8);
  if (errno !== ERRNO.success) return errno;
  const count = view(guest).getUint32(OUT, true);
  return [Buffer.from(guest.bytes().slice(BUFFER, BUFFER + count)).toString(), view(guest).getUint16(OUT + 8, true)];
}

function send(guest: Preview1Guest, fd: number, text: string): number {
  guest.put(BUFFER, text);
  return guest.call('sock_send', fd, vector(guest, text.length), 1, 0, OUT);
}

function fdstat(guest: Preview1Guest, fd: number): { type: number; flags: number } {
  expect(guest.call('fd_fdstat_get', fd, OUT)).toBe(ERRNO.success);
  return { type: view(guest).getUint8(OUT), flags: view(guest).getUint16(OUT + 2, true) };
}

function poll(guest: Preview1Guest, fd: number, type: number): { byteLength: bigint; flags: number } {
  guest.bytes().fill(0, 0, 48);
  guest.bytes()[8] = type;
  view(guest).setUint32(16, fd, true);
  expect(guest.call('poll_oneoff', 0, OUT, 1, BUFFER)).toBe(ERRNO.success);
  expect(view(guest).getUint16(OUT + 8, true)).toBe(ERRNO.success);
  return { byteLength: view(guest).getBigUint64(OUT + 16, true), flags: view(guest).getUint16(OUT + 24, true) };
}

describe('sock_accept', () => {
  it('gives the flags that were asked for to the new descriptor alone', async () => {
    const { guest } = await connected(FDFLAGS.nonblock);
    expect(fdstat(guest, CONNECTED)).toEqual({ type: FILE_TYPE.socketStream, flags: FDFLAGS.nonblock });
    expect(fdstat(guest, LISTENING)).toEqual({ type: FILE_TYPE.socketStream, flags: 0 });
    expect(receive(guest, CONNECTED, 10)).toBe(ERRNO.again);
  });

  it('is again where nobody has come, and success where somebody has', async () => {
    const { guest, dial } = await listening();
    expect(guest.call('fd_fdstat_set_flags', LISTENING, FDFLAGS.nonblock)).toBe(ERRNO.success);
    expect(guest.call('sock_accept', LISTENING, 0, OUT)).toBe(ERRNO.again);
    await dial();
    expect(poll(guest, LISTENING, EVENT_TYPE.fdRead)).toEqual({ byteLength: 0n, flags: 0 });
    expect(guest.call('sock_accept', LISTENING, 0, OUT)).toBe(ERRNO.success);
    expect(guest.call('sock_accept', LISTENING, 0, OUT)).toBe(ERRNO.again);
  });

  it('is inval on a connection and for flags that a socket has not, at once', async () => {
    const { guest } = await connected();
    expect(guest.call('sock_accept', CONNECTED, 0, OUT)).toBe(ERRNO.inval);
    expect(guest.call('sock_accept', LISTENING, FDFLAGS.append, OUT)).toBe(ERRNO.inval);
    expect(guest.call('sock_accept', LISTENING, 32, OUT)).toBe(ERRNO.inval);
  });
});

describe('sock_recv', () => {
  it('leaves what it only peeks at', async () => {
    const { guest, client } = await connected();
    await deliver(client, 'hello');
    expect(receive(guest, CONNECTED, 3, RIFLAGS.peek)).toEqual(['hel', 0]);
    expect(receive(guest, CONNECTED, 10, RIFLAGS.peek)).toEqual(['hello', 0]);
    expect(receive(guest, CONNECTED, 10)).toEqual(['hello', 0]);
  });

  it('fills the buffer where it is told to, up to the end', async () => {
    const { guest, client } = await connected();
    await deliver(client, 'abc');
    await deliver(client, 'defgh');
    expect(receive(guest, CONNECTED, 6, RIFLAGS.waitall)).toEqual(['abcdef', 0]);
    await end(client);
    expect(receive(guest, CONNECTED, 6, RIFLAGS.waitall)).toEqual(['gh', 0]);
    expect(receive(guest, CONNECTED, 6, RIFLAGS.waitall)).toEqual(['', 0]);
  });

  it('gives what there is where it must not wait, and inval for unknown flags', async () => {
    const { guest, client } = await connected(FDFLAGS.nonblock);
    await deliver(client, 'abc');
    expect(receive(guest, CONNECTED, 6, RIFLAGS.waitall)).toEqual(['abc', 0]);
    expect(receive(guest, CONNECTED, 6, RIFLAGS.waitall)).toBe(ERRNO.again);
    expect(receive(guest, CONNECTED, 6, 4)).toBe(ERRNO.inval);
    expect(receive(guest, CONNECTED, 6, 0x10000)).toBe(ERRNO.inval);
  });
});

describe('sock_shutdown', () => {
  it('ends each direction, once or again', async () => {
    const { guest, client } = await connected();
    client.resume();
    expect(guest.call('sock_shutdown', CONNECTED, SDFLAGS.wr)).toBe(ERRNO.success);
    expect(guest.call('sock_shutdown', CONNECTED, SDFLAGS.wr)).toBe(ERRNO.success);
    expect(send(guest, CONNECTED, 'late')).toBe(ERRNO.pipe);
    expect(guest.call('sock_shutdown', CONNECTED, SDFLAGS.rd)).toBe(ERRNO.success);
    expect(receive(guest, CONNECTED, 10)).toEqual(['', 0]);
    await once(client, 'end');
  });

  it('is inval for no direction and for unknown ones, notsock and badf elsewhere', async () => {
    const { guest } = await connected();
    for (const how of [0, 4, 8, 0xff]) expect(guest.call('sock_shutdown', CONNECTED, how)).toBe(ERRNO.inval);
    expect(guest.call('sock_shutdown', 0, SDFLAGS.rd)).toBe(ERRNO.notsock);
    expect(guest.call('sock_shutdown', 99, SDFLAGS.rd)).toBe(ERRNO.badf);
  });
});

describe('poll_oneoff', () => {
  it('tells how much can be read, and that the other side has ended', async () => {
    const { guest, client } = await connected();
    expect(poll(guest, CONNECTED, EVENT_TYPE.fdWrite).flags).toBe(0);
    await deliver(client, 'hello');
    expect(poll(guest, CONNECTED, EVENT_TYPE.fdRead)).toEqual({ byteLength: 5n, flags: 0 });
    expect(receive(guest, CONNECTED, 10)).toEqual(['hello', 0]);
    await end(client);
    expect(poll(guest, CONNECTED, EVENT_TYPE.fdRead)).toEqual({ byteLength: 0n, flags: EVENT_HANGUP });
  });
});

describe('descriptors of sockets', () => {
  it('are closed and renumbered like others, and are neither files nor directories', async () => {
    const { guest, client } = await connected();
    client.resume();
    expect(guest.call('fd_filestat_get', CONNECTED, OUT)).toBe(ERRNO.success);
    expect(view(guest).getUint8(OUT + 16)).toBe(FILE_TYPE.socketStream);
    expect(guest.call('fd_readdir', CONNECTED, BUFFER, 100, 0n, OUT)).toBe(ERRNO.badf);
    expect(guest.call('fd_tell', CONNECTED, OUT)).toBe(ERRNO.spipe);
    expect(guest.call('fd_filestat_set_size', CONNECTED, 0n)).toBe(ERRNO.badf);
    expect(guest.call('fd_renumber', CONNECTED, LISTENING)).toBe(ERRNO.success);
    expect(send(guest, CONNECTED, 'x')).toBe(ERRNO.badf);
    expect(send(guest, LISTENING, 'x')).toBe(ERRNO.success);
    expect(guest.call('fd_close', LISTENING)).toBe(ERRNO.success);
    await once(client, 'close');
  });
});

describe('datagrams', () => {
  /** A socket bound to a port, handed to a guest, and one that sends to it. */
  async function bound(): Promise<{ guest: Preview1Guest; say: (text: string) => Promise<void> }> {
    const sockets: DatagramSocket[] = [createSocket('udp4'), createSocket('udp4')];
    const [receiver, sender] = sockets as [DatagramSocket, DatagramSocket];
    open.push(...sockets);
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const handle = (receiver as unknown as { [key: symbol]: { handle: Handled['_handle'] } })[
      Object.getOwnPropertySymbols(receiver).find((symbol) => symbol.description === 'state symbol') ?? Symbol()
    ]?.handle;
    if (handle === undefined) throw new Error('this Node hides the handle of its datagram sockets elsewhere');
    // What arrives is for the guest, not for this process.
    handle.recvStop();
    const { port } = receiver.address();
    const say = (text: string) =>
      new Promise<void>((resolve, reject) => {
        sender.send(text, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
      });
    return { guest: socketGuest(handle.fd), say };
  }

  it('are cut where the buffer is short, and say so', async () => {
    const { guest, say } = await bound();
    expect(fdstat(guest, LISTENING).type).toBe(FILE_TYPE.socketDgram);
    await say('hello');
    await say('you');
    expect(poll(guest, LISTENING, EVENT_TYPE.fdRead)).toEqual({ byteLength: 5n, flags: 0 });
    expect(receive(guest, LISTENING, 3, RIFLAGS.peek)).toEqual(['hel', ROFLAGS.dataTruncated]);
    expect(receive(guest, LISTENING, 3)).toEqual(['hel', ROFLAGS.dataTruncated]);
    expect(receive(guest, LISTENING, 10, RIFLAGS.waitall)).toEqual(['you', 0]);
  });

  it('may be empty without an end', async () => {
    const { guest, say } = await bound();
    await say('');
    expect(poll(guest, LISTENING, EVENT_TYPE.fdRead)).toEqual({ byteLength: 0n, flags: 0 });
    expect(receive(guest, LISTENING, 10)).toEqual(['', 0]);
    await say('more');
    expect(receive(guest, LISTENING, 10)).toEqual(['more', 0]);
  });

  it('are notsup to accept and destaddrreq to send to nobody', async () => {
    const { guest } = await bound();
    expect(guest.call('sock_accept', LISTENING, 0, OUT)).toBe(ERRNO.notsup);
    expect(send(guest, LISTENING, 'x')).toBe(ERRNO.destaddrreq);
  });
});

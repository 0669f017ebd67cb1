import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../../src/wasi/errno.ts';
import { le } from '../../support/guest-memory.ts';
import { type Preview1Guest, preview1Guest } from '../../support/preview1-guest.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const VECTOR = 0x100;
const COUNT = 0x200;
const BUFFER = 0x1000;
const newDirectory = temporaryDirectories();

function io(guest: Preview1Guest, name: string, fd: number, start: number, byteLength: number) {
  const view = new DataView(guest.wasmMemory.buffer);
  view.setUint32(VECTOR, start, true);
  view.setUint32(VECTOR + 4, byteLength, true);
  const errno = guest.call(name, fd, VECTOR, 1, COUNT);
  return { errno, count: view.getUint32(COUNT, true) };
}

function write(guest: Preview1Guest, text: string, fd = 1) {
  return io(guest, 'fd_write', fd, guest.put(BUFFER, text), Buffer.byteLength(text));
}

function read(guest: Preview1Guest, byteLength: number): string {
  const { errno, count } = io(guest, 'fd_read', 0, BUFFER, byteLength);
  expect(errno).toBe(ERRNO.success);
  return Buffer.from(guest.bytes().slice(BUFFER, BUFFER + count)).toString();
}

/** A pipe with a name. */
function pipe(): string {
  const path = join(newDirectory(), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

/** A process that does something with a pipe, on its own time. */
function shell(script: string, path: string): ChildProcess {
  return spawn('sh', ['-c', script, 'sh', path], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return output;
}

/** Both ends of a pipe in this process, so that one can be filled or closed at will. */
function pipeEnds(flags = 0): { reading: number; writing: number } {
  const path = pipe();
  const first = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY | flags);
  closeSync(first);
  return { reading, writing };
}

describe('standard input', () => {
  it('is empty where it is null', () => {
    const guest = preview1Guest({ stdin: { kind: 'null' } });
    expect(read(guest, 10)).toBe('');
    expect(read(guest, 0)).toBe('');
  });

  it('comes from bytes, piece by piece', () => {
    const guest = preview1Guest({ stdin: { kind: 'bytes', bytes: Buffer.from('hello') } });
    expect([read(guest, 2), read(guest, 0), read(guest, 10), read(guest, 10)]).toEqual(['he', '', 'llo', '']);
  });

  it('comes from a file, from where the descriptor stands', () => {
    const path = join(newDirectory(), 'file');
    writeFileSync(path, 'hello');
    const fd = openSync(path, 'r');
    readSync(fd, new Uint8Array(1), 0, 1, null);
    const guest = preview1Guest({ stdin: { kind: 'fd', fd } });
    expect([read(guest, 2), read(guest, 10), read(guest, 10)]).toEqual(['el', 'lo', '']);
    guest.preview1.dispose();
    // It stays the embedder's.
    closeSync(fd);
  });

  it.each([
    ['blocking', 0],
    ['nonblocking', constants.O_NONBLOCK],
  ])('is waited for, where it is a %s pipe', async (_, flags) => {
    const path = pipe();
    // Opening for both ends waits for nobody, and keeps the pipe open while the other process starts.
    const both = openSync(path, constants.O_RDWR);
    const fd = openSync(path, constants.O_RDONLY | flags);
    const child = shell('exec > "$1"; printf one; printf two', path);
    const guest = preview1Guest({ stdin: { kind: 'fd', fd } });
    let text = '';
    while (text.length < 6) text += read(guest, 1);
    expect(text).toBe('onetwo');
    closeSync(both);
    await once(child, 'close');
    expect(read(guest, 1)).toBe('');
    closeSync(fd);
  });

  it('is waited for through signals that the process handles', async () => {
    const handled = () => {};
    process.on('SIGUSR2', handled);
    const path = pipe();
    const fd = openSync(path, constants.O_RDWR);
    const child = shell('for n in 1 2 3 4 5 6 7 8 9 10; do kill -USR2 $PPID; done; printf xy > "$1"', path);
    const guest = preview1Guest({ stdin: { kind: 'fd', fd } });
    expect(read(guest, 1)).toBe('x');
    guest.bytes().fill(0, 0, 48);
    guest.bytes()[8] = 1;
    expect(guest.call('poll_oneoff', 0, BUFFER, 1, COUNT)).toBe(ERRNO.success);
    expect(read(guest, 1)).toBe('y');
    await once(child, 'close');
    process.off('SIGUSR2', handled);
    closeSync(fd);
  });

  it('is read byte by byte without reading ahead', () => {
    const { reading, writing } = pipeEnds();
    writeFileSync(writing, 'abc');
    const guest = preview1Guest({ stdin: { kind: 'fd', fd: reading } });
    expect(read(guest, 1) + read(guest, 1)).toBe('ab');
    guest.preview1.dispose();
    const rest = new Uint8Array(10);
    expect(readSync(reading, rest)).toBe(1);
    expect(rest[0]).toBe('c'.charCodeAt(0));
    for (const fd of [reading, writing]) closeSync(fd);
  });

  it('tells a failure once and is at its end then', () => {
    const fd = openSync('.', 'r');
    const guest = preview1Guest({ stdin: { kind: 'fd', fd } });
    const answers = [1, 2].map(() => io(guest, 'fd_read', 0, BUFFER, 10).errno);
    expect(answers).toEqual([ERRNO.isdir, ERRNO.success]);
    closeSync(fd);
  });

  it('of a descriptor that is not open cannot be given', () => {
    const fd = openSync('.', 'r');
    closeSync(fd);
    const give = () => preview1Guest({ stdin: { kind: 'fd', fd } });
    expect(give).toThrow(expect.objectContaining({ code: 'ERR_STDIO', message: expect.stringContaining('badf') }));
  });

  it('is polled together with a clock', () => {
    const { reading, writing } = pipeEnds();
    const guest = preview1Guest({ stdin: { kind: 'fd', fd: reading } });
    const poll = () => {
      const view = new DataView(guest.wasmMemory.buffer);
      guest.bytes().fill(0, 0, 96);
      view.setUint8(8, 1);
      view.setBigUint64(48, 99n, true);
      view.setUint32(48 + 16, 1, true);
      view.setBigUint64(48 + 24, 1_000_000n, true);
      expect(guest.call('poll_oneoff', 0, BUFFER, 2, COUNT)).toBe(ERRNO.success);
      return [view.getUint32(COUNT, true), view.getUint8(BUFFER + 10)];
    };
    expect(poll()).toEqual([1, 0]);
    writeFileSync(writing, 'x');
    expect(poll()).toEqual([1, 1]);
    for (const fd of [reading, writing]) closeSync(fd);
  });
});

describe('standard output', () => {
  it('may go nowhere', () => {
    expect(write(preview1Guest(), 'hello')).toEqual({ errno: ERRNO.success, count: 5 });
  });

  it('goes to a function as a copy of its own', () => {
    const chunks: Uint8Array[] = [];
    const guest = preview1Guest({ stdout: { kind: 'write', write: (bytes) => chunks.push(bytes) } });
    expect(write(guest, 'one').count).toBe(3);
    expect(write(guest, '').count).toBe(0);
    guest.mask();
    expect(write(guest, 'two').count).toBe(3);
    guest.mask();
    expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(['one', 'two']);
    expect(chunks[0]?.buffer.byteLength).toBe(3);
  });

  it('is io where the function throws, and the embedder is told why', () => {
    const reason = new Error('the disk of the embedder is full');
    const guest = preview1Guest({
      stdout: {
        kind: 'write',
        write: () => {
          throw reason;
        },
      },
    });
    expect(write(guest, 'x').errno).toBe(ERRNO.io);
    expect(guest.reports).toEqual([['fd_write', reason]]);
    expect(write(guest, 'x', 2).errno).toBe(ERRNO.success);
  });

  it('goes to a file, behind what is there', () => {
    const path = join(newDirectory(), 'file');
    const fd = openSync(path, 'w');
    const guest = preview1Guest({ stdout: { kind: 'fd', fd }, stderr: { kind: 'fd', fd } });
    write(guest, 'out ');
    write(guest, 'err ', 2);
    write(guest, 'out');
    guest.preview1.dispose();
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('out err out');
  });

  it('is pipe where nobody reads any more', () => {
    const { reading, writing } = pipeEnds();
    const guest = preview1Guest({ stdout: { kind: 'fd', fd: writing } });
    expect(write(guest, 'x')).toEqual({ errno: ERRNO.success, count: 1 });
    closeSync(reading);
    expect(write(guest, 'x').errno).toBe(ERRNO.pipe);
    expect(write(guest, 'x').errno).toBe(ERRNO.pipe);
    expect(guest.reports).toEqual([]);
    closeSync(writing);
  });

  it('is nospc where the disk is full', () => {
    const fd = openSync('/dev/full', 'w');
    const guest = preview1Guest({ stdout: { kind: 'fd', fd } });
    expect(write(guest, 'x').errno).toBe(ERRNO.nospc);
    closeSync(fd);
  });

  it('swallows what the host itself could not write, as in wasmtime', () => {
    const fd = openSync('/dev/null', 'r');
    const guest = preview1Guest({ stdout: { kind: 'fd', fd } });
    expect(write(guest, 'hello')).toEqual({ errno: ERRNO.success, count: 5 });
    closeSync(fd);
  });

  const mebibytes = Number(process.env.STDOUT_MIB ?? 64);
  it.each([
    ['blocking', 0],
    ['nonblocking', constants.O_NONBLOCK],
  ])(`carries ${mebibytes} MiB through a %s pipe`, async (_, flags) => {
    const path = pipe();
    const both = openSync(path, constants.O_RDWR);
    const fd = openSync(path, constants.O_WRONLY | flags);
    const child = shell('exec < "$1"; echo ready; sha256sum', path);
    const output = outputOf(child);
    const guest = preview1Guest({ stdout: { kind: 'fd', fd } }, { initial: 32 });
    const expected = createHash('sha256');
    // Pieces of a length that fits neither a page nor a pipe.
    const piece = 1_000_003;
    const bytes = guest.bytes().subarray(BUFFER, BUFFER + piece);
    let left = mebibytes * 2 ** 20;
    // The reader has begun: from now on it alone keeps the pipe open.
    await once(child.stdout ?? child, 'data');
    closeSync(both);
    for (let round = 0; left > 0; round++) {
      bytes.fill(round);
      const byteLength = Math.min(piece, left);
      expect(io(guest, 'fd_write', 1, BUFFER, byteLength)).toEqual({ errno: ERRNO.success, count: byteLength });
      expected.update(bytes.subarray(0, byteLength));
      left -= byteLength;
    }
    closeSync(fd);
    expect(await output).toContain(expected.digest('hex'));
  });
});

describe('a terminal', () => {
  it('is a character device, a pipe is unknown', () => {
    const { reading, writing } = pipeEnds();
    const guest = preview1Guest({ stdin: { kind: 'fd', fd: reading } });
    expect(guest.call('fd_fdstat_get', 0, BUFFER)).toBe(ERRNO.success);
    guest.expectWritten(BUFFER, [...le(8, 0), ...le(8, 2), ...le(8, 2)]);
    for (const fd of [reading, writing]) closeSync(fd);
  });
});

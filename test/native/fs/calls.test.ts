/** The addon's file system room alone: thin wrappers, negative errnos, nothing thrown. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  constants as fileConstants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';
import { modeOf, type NativeFs, newStatus, STATUS, TIME_NOW, TIME_OMIT } from '../../../src/native/fs.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const { EINVAL, EFAULT, ENAMETOOLONG, ENOENT, EBADF, EPERM, EAGAIN, ENOTDIR } = constants.errno;
const newDirectory = temporaryDirectories();

function nativeFs(): NativeFs {
  const { fs } = loadAddon();
  if (fs === undefined) throw new Error('the addon has no file system room');
  return fs;
}

const fs = nativeFs();
type AnyCall = (...args: unknown[]) => unknown;
const calls = Object.entries(fs).filter(([, value]) => typeof value === 'function') as [string, AnyCall][];

describe('wrong arguments', () => {
  const wrong: [string, unknown[]][] = [
    ['none', []],
    ['of other types', [{}, {}, {}, {}, {}, {}]],
    ['undefined', [undefined, undefined, undefined, undefined, undefined]],
    ['symbols', [Symbol('a'), Symbol('b'), Symbol('c')]],
    ['numbers out of range', [Number.NaN, Number.POSITIVE_INFINITY, -1e300]],
    ['too many', Array.from({ length: 20 }, () => 'x')],
  ];
  it.each(calls)('of %s are answered, not thrown', (name, call) => {
    const before = readdirSync('/proc/self/fd').length;
    for (const [what, args] of wrong) {
      const result = call(...args);
      if (typeof result === 'number') expect(result, `${name} with ${what}`).toBeLessThan(0);
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it.each([
    ['a range that begins behind the memory', 9, 0],
    ['a range that ends behind it', 4, 5],
    ['a negative start', -1, 1],
    ['a negative length', 4, -1],
    ['a length that is no number', 4, Number.NaN],
  ])('EFAULT for %s', (_, start, byteLength) => {
    expect(fs.readAt(0, new Uint8Array(8), start, byteLength, 0)).toBe(-EFAULT);
    expect(fs.random(new Uint8Array(8), start, byteLength)).toBe(-EFAULT);
  });

  it('EINVAL for a NUL in a path, ENAMETOOLONG for a long one', () => {
    const directory = fs.openDirectory('/');
    for (const path of ['a\0b', '\0']) {
      expect(fs.open(directory, path, 0, 0)).toBe(-EINVAL);
      expect(fs.makeDirectory(directory, path, 0o777)).toBe(-EINVAL);
      expect(fs.symbolicLink(path, directory, 'x')).toBe(-EINVAL);
    }
    expect(fs.open(directory, 'a/'.repeat(3000), 0, 0)).toBe(-ENAMETOOLONG);
    expect(fs.open(directory, '', 0, 0)).toBe(-ENOENT);
    expect(fs.close(directory)).toBe(0);
    expect(fs.close(directory)).toBe(-EBADF);
  });

  it('EINVAL for results of another type, or too few', () => {
    const directory = fs.openDirectory('/');
    for (const words of [new BigUint64Array(7), new BigInt64Array(8), new Uint8Array(64)]) {
      expect(fs.statDescriptor(directory, words as BigUint64Array)).toBe(-EINVAL);
    }
    fs.close(directory);
  });
});

describe.each([
  ['openat2', false],
  ['the walk by components', true],
])('paths over %s', (_, walk) => {
  function within<T>(use: (directory: number, hostPath: string) => T): T {
    const hostPath = newDirectory();
    fs.setResolver(walk);
    const directory = fs.openDirectory(hostPath);
    try {
      return use(directory, hostPath);
    } finally {
      fs.close(directory);
      fs.setResolver(false);
    }
  }

  it('follow forty links and no more', () => {
    within((directory, hostPath) => {
      writeFileSync(join(hostPath, 'l0'), '');
      for (let index = 1; index <= 41; index++) symlinkSync(`l${index - 1}`, join(hostPath, `l${index}`));
      expect(fs.close(fs.open(directory, 'l40', 0, 0))).toBe(0);
      expect(fs.open(directory, 'l41', 0, 0)).toBe(-constants.errno.ELOOP);
    });
  });

  it('are as deep as they are long', () => {
    within((directory) => {
      let inner = directory;
      const depth = 300;
      for (let index = 0; index < depth; index++) {
        expect(fs.makeDirectory(inner, 'd', 0o777)).toBe(0);
        const next = fs.open(inner, 'd', fs.constants.O_DIRECTORY, 0);
        if (inner !== directory) fs.close(inner);
        inner = next;
      }
      fs.close(inner);
      expect(fs.close(fs.open(directory, 'd/'.repeat(depth), 0, 0))).toBe(0);
      expect(fs.open(directory, 'd/'.repeat(depth + 1), 0, 0)).toBe(-ENOENT);
      const back = `${'d/'.repeat(depth)}${'../'.repeat(depth)}`;
      expect(fs.close(fs.open(directory, back, 0, 0))).toBe(0);
      expect(fs.open(directory, `${back}..`, 0, 0)).toBe(-EPERM);
    });
  });

  it('leave no descriptor behind, whatever comes of them', () => {
    within((directory, hostPath) => {
      mkdirSync(join(hostPath, 'a/b'), { recursive: true });
      writeFileSync(join(hostPath, 'f'), '');
      symlinkSync('a/b', join(hostPath, 'l'));
      const before = readdirSync('/proc/self/fd').length;
      for (const path of ['a/b/../../nope/x', 'l/../../..', 'l/nope', 'f/x', 'a/b/../b/../../../x', 'l/', 'f/']) {
        const fd = fs.open(directory, path, 0, 0);
        if (fd >= 0) fs.close(fd);
        fs.makeDirectory(directory, `${path}/new/new`, 0o777);
        fs.rename(directory, `a/b/${path}`, directory, `l/${path}`);
        fs.stat(directory, path, true, newStatus().words);
        fs.setTimes(directory, path, true, TIME_NOW, TIME_OMIT);
      }
      expect(readdirSync('/proc/self/fd').length).toBe(before);
    });
  });

  it('never make us wait for a FIFO', () => {
    within((directory, hostPath) => {
      execFileSync('mkfifo', [join(hostPath, 'fifo')]);
      const { O_NONBLOCK, O_WRONLY } = fs.constants;
      expect(fs.close(fs.open(directory, 'fifo', O_NONBLOCK, 0))).toBe(0);
      expect(fs.open(directory, 'fifo', O_NONBLOCK | O_WRONLY, 0)).toBe(-constants.errno.ENXIO);
      expect(fs.setTimes(directory, 'fifo', true, 1n, 2n)).toBe(0);
    });
  });
});

describe('files', () => {
  it('have times to the nanosecond', () => {
    const hostPath = newDirectory();
    writeFileSync(join(hostPath, 'f'), '');
    const directory = fs.openDirectory(hostPath);
    const { words } = newStatus();
    expect(fs.setTimes(directory, 'f', true, 1_000_000_001n, 2_123_456_789n)).toBe(0);
    expect(fs.stat(directory, 'f', true, words)).toBe(0);
    expect([words[STATUS.accessed], words[STATUS.modified]]).toEqual([1_000_000_001n, 2_123_456_789n]);
    const before = fs.clockTime(true);
    expect(fs.setTimes(directory, 'f', true, TIME_OMIT, TIME_NOW)).toBe(0);
    fs.stat(directory, 'f', true, words);
    expect(words[STATUS.accessed]).toBe(1_000_000_001n);
    // The file system's clock ticks more coarsely than ours.
    expect(words[STATUS.modified]).toBeGreaterThan(before - 1_000_000_000n);
    fs.close(directory);
  });

  it('are listed with inode and type', () => {
    const hostPath = newDirectory();
    mkdirSync(join(hostPath, 'd'));
    symlinkSync('x', join(hostPath, 'l'));
    const directory = fs.openDirectory(hostPath);
    const listing = fs.listDirectory(directory) as Uint8Array;
    const view = new DataView(listing.buffer);
    expect(listing.byteLength).toBe(2 * 17);
    const types = [8, 25].map((at) => view.getUint32(at, true));
    expect(types.sort()).toEqual([0o040000, 0o120000]);
    const status = newStatus();
    fs.statDescriptor(directory, status.words);
    expect(modeOf(status) & 0o170000).toBe(0o040000);
    expect(fs.listDirectory(9999)).toBe(-EBADF);
    expect(fs.openDirectory(join(hostPath, 'nope'))).toBe(-ENOENT);
    fs.close(directory);
  });

  it('are read and written at numbers and at BigInts', () => {
    const hostPath = newDirectory();
    const directory = fs.openDirectory(hostPath);
    const { O_RDWR, O_CREAT } = fs.constants;
    const fd = fs.open(directory, 'f', O_RDWR | O_CREAT, 0o600);
    const far = 2 ** 40;
    expect(fs.writeAt(fd, Buffer.from('near'), 0, 4, 0)).toBe(4);
    expect(fs.writeAt(fd, Buffer.from('far'), 0, 3, BigInt(far))).toBe(3);
    const bytes = new Uint8Array(4);
    expect(fs.readAt(fd, bytes, 1, 3, far)).toBe(3);
    expect(Buffer.from(bytes).toString()).toBe('\0far');
    expect(fs.readAt(fd, bytes, 0, 4, 1n << 63n)).toBe(-EINVAL);
    expect(fs.readAt(fd, bytes, 0, 4, -1)).toBe(-EINVAL);
    expect(fs.append(fd, Buffer.from('!'), 0, 1)).toBe(1);
    expect(fs.readAt(fd, bytes, 0, 4, far)).toBe(4);
    expect(fs.truncate(fd, 4n)).toBe(0);
    fs.close(fd);
    fs.close(directory);
    expect(readFileSync(join(hostPath, 'f'), 'utf8')).toBe('near');
  });

  it('are private to this process: no program that it starts inherits them', () => {
    const directory = fs.openDirectory(newDirectory());
    const fd = fs.open(directory, 'f', fs.constants.O_CREAT, 0o600);
    const inherited = execFileSync('sh', ['-c', 'cd /proc/self/fd && echo *'], { encoding: 'utf8' })
      .trim()
      .split(' ')
      .map(Number);
    expect(inherited).not.toContain(fd);
    expect(inherited).not.toContain(directory);
    fs.close(fd);
    fs.close(directory);
  });
});

describe('waiting', () => {
  it('ends when the time is over', () => {
    const before = fs.clockTime(false);
    expect(fs.wait(new Int32Array(0), 1.5)).toBe(0);
    expect(fs.clockTime(false) - before).toBeGreaterThanOrEqual(1_500_000n);
  });

  it('tells what is ready, and of descriptors that are none', () => {
    const { POLLIN, POLLOUT, POLLNVAL } = fs.constants;
    const fd = fs.open(fs.openDirectory('/dev'), 'null', fs.constants.O_RDWR, 0);
    const triples = Int32Array.of(fd, POLLIN | POLLOUT, 0, 9999, POLLIN, 0);
    expect(fs.wait(triples, 0)).toBe(2);
    expect([triples[2], triples[5]]).toEqual([POLLIN | POLLOUT, POLLNVAL]);
    fs.close(fd);
  });

  it('is not what a stream does', () => {
    const path = join(newDirectory(), 'pipe');
    execFileSync('mkfifo', [path]);
    const directory = fs.openDirectory(join(path, '..'));
    const fd = fs.open(directory, 'pipe', fs.constants.O_RDWR, 0);
    const bytes = new Uint8Array(200_000);
    expect(fs.readNow(fd, bytes, 0, 10, true)).toBe(-EAGAIN);
    let written = 0;
    for (let count = 0; count >= 0; written += Math.max(count, 0)) count = fs.writeNow(fd, bytes, 0, 100_000, true);
    expect(written).toBeGreaterThan(0);
    expect(fs.available(fd)).toBe(written);
    expect(fs.writeNow(fd, bytes, 0, 1, true)).toBe(-EAGAIN);
    let read = 0;
    for (let count = 0; count >= 0; read += Math.max(count, 0)) count = fs.readNow(fd, bytes, 0, 200_000, true);
    expect(read).toBe(written);
    fs.close(fd);
    fs.close(directory);
  });
});

describe('in workers', () => {
  const addon = addonPlaces().find((place) => existsSync(place)) ?? '';

  it('the room is loaded by each', async () => {
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const { fs } = require(workerData);
      const directory = fs.openDirectory('/');
      parentPort.postMessage(fs.close(directory));`;
    const workers = [1, 2, 3].map(() => new Worker(source, { eval: true, workerData: addon }));
    const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
    expect(answers).toEqual([0, 0, 0]);
  });

  it('one that waits in slices is ended at once', async () => {
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const { fs } = require(workerData);
      parentPort.postMessage('waiting');
      for (;;) fs.wait(new Int32Array(0), 50);`;
    const worker = new Worker(source, { eval: true, workerData: addon });
    await once(worker, 'message');
    expect(await worker.terminate()).toBe(1);
  });
});

describe('a removed directory', () => {
  it('is no place to make anything in', () => {
    const hostPath = mkdtempSync(join(newDirectory(), 'x-'));
    const directory = fs.openDirectory(hostPath);
    execFileSync('rmdir', [hostPath]);
    expect(fs.makeDirectory(directory, 'd', 0o777)).toBe(-ENOENT);
    expect(fs.open(directory, 'f/x', fs.constants.O_CREAT, 0o600)).toBe(-ENOENT);
    expect((fs.listDirectory(directory) as Uint8Array).byteLength ?? -ENOTDIR).toBe(0);
    fs.close(directory);
  });
});

it('a listening socket is never waited for, since another guest may be the first to accept', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const isNonblocking = () => {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '';
    return (Number.parseInt(flags, 8) & fileConstants.O_NONBLOCK) !== 0;
  };
  try {
    // To start a program with it makes it wait, as one is that was inherited.
    spawnSync('true', { stdio: [fd, 'ignore', 'ignore'] });
    expect(isNonblocking()).toBe(false);
    expect(fs.accept(fd)).toBe(-EAGAIN);
    expect(isNonblocking()).toBe(true);
  } finally {
    server.close();
  }
});

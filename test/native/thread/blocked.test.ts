/** A thread that is blocked in the system comes back when it is interrupted, wherever it is and whenever that comes. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addonPlaces, loadAddon } from '../../../src/native/addon.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const { thread } = loadAddon();
const { EINTR } = osConstants.errno;
const newDirectory = temporaryDirectories();

type Kind = 'sleep' | 'read' | 'write' | 'accept' | 'receive' | 'send';
interface Outcome {
  errno: number;
  moved: number;
}

interface Blocking {
  worker: Worker;
  token: number;
  /** Resolves when it is about to wait. */
  waits: Promise<unknown>;
  outcome: Promise<Outcome>;
}

async function blocking(kind: Kind, fd?: number): Promise<Blocking> {
  const workerData = { addon: addonPlaces()[0], kind, fd };
  const worker = new Worker(new URL('blocking-worker.mjs', import.meta.url), { workerData });
  let hasComeTo: (outcome: Outcome) => void;
  let isWaiting: (value: unknown) => void;
  const outcome = new Promise<Outcome>((resolve) => {
    hasComeTo = resolve;
  });
  const waits = new Promise((resolve) => {
    isWaiting = resolve;
  });
  const token = await new Promise<number>((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', (message: number | 'waits' | Outcome) => {
      if (typeof message === 'number') resolve(message);
      else if (message === 'waits') isWaiting(message);
      else hasComeTo(message);
    });
  });
  return { worker, token, waits, outcome };
}

const opened: number[] = [];
const sockets: Socket[] = [];
let server: Server;

/** Both ends of a pipe. */
function pipe(): number {
  const path = join(newDirectory(), 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  opened.push(fd);
  return fd;
}

const fdOf = (one: unknown) => (one as { _handle: { fd: number } })._handle.fd;

/** One end of a connection whose other end neither reads nor writes. */
async function socket(): Promise<number> {
  const one = connect(server.address() as string).pause();
  sockets.push(one);
  await once(one, 'connect');
  return fdOf(one);
}

beforeAll(async () => {
  server = createServer({ pauseOnConnect: true }, (accepted) => sockets.push(accepted));
  server.listen(join(newDirectory(), 'socket'));
  await once(server, 'listening');
});

async function closeAll(): Promise<void> {
  for (const fd of opened.splice(0)) closeSync(fd);
  await Promise.all(sockets.splice(0).map((one) => once(one.destroy(), 'close')));
}

afterEach(closeAll);
afterAll(() => server.close());

/** A listening socket that the event loop does not look at. */
async function listening(): Promise<number> {
  const idle = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const server = require('node:net').createServer().listen(workerData, () => {
       parentPort.postMessage(server._handle.fd);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true, workerData: join(newDirectory(), 'listening') },
  );
  const [fd] = (await once(idle, 'message')) as [number];
  idle.unref();
  return fd;
}

const KINDS: [string, Kind, (() => number | Promise<number>) | undefined][] = [
  ['in a sleep', 'sleep', undefined],
  ['in a read of a silent pipe', 'read', pipe],
  ['in a write to a full pipe', 'write', pipe],
  ['in a read of a silent socket', 'read', socket],
  ['in a write to a full socket', 'write', socket],
  ['in an accept', 'accept', listening],
  ['in a receive', 'receive', socket],
  ['in a send', 'send', socket],
];

describe.each(KINDS)('a thread %s', (_, kind, make) => {
  it('comes back when it is interrupted, and ends', async () => {
    const { worker, token, waits, outcome } = await blocking(kind, await make?.());
    await waits;
    expect(thread.interrupt(token)).toBe(true);
    expect(await outcome).toMatchObject({ errno: EINTR });
    expect(await worker.terminate()).toBe(1);
    expect(thread.interrupt(token)).toBe(false);
  });
});

it('tells what a pipe took before', async () => {
  const fd = pipe();
  const { worker, token, waits, outcome } = await blocking('write', fd);
  await waits;
  thread.interrupt(token);
  const { moved } = await outcome;
  await worker.terminate();
  const bytes = Buffer.alloc(2 ** 21);
  // Everything that is in it; the pipe takes no more than this reads.
  expect(readSync(fd, bytes)).toBe(moved);
  expect(moved).toBeGreaterThan(0);
});

it('an interrupt before the wait is not lost, nor one of a second wait', async () => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { fs, thread } = require(workerData);
     thread.interrupt(thread.interruptToken());
     const wait = (milliseconds) => fs.wait(new Int32Array(0), milliseconds);
     parentPort.postMessage([wait(2 ** 30), wait(0), wait(2 ** 30)]);`,
    { eval: true, workerData: addonPlaces()[0] },
  );
  expect(await once(worker, 'message')).toEqual([[-EINTR, -EINTR, -EINTR]]);
  await worker.terminate();
});

it('what is ready is told all the same', async () => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { fs, thread } = require(workerData.addon);
     thread.interrupt(thread.interruptToken());
     const triples = Int32Array.of(workerData.fd, fs.constants.POLLOUT, 0);
     parentPort.postMessage([fs.wait(triples, 2 ** 30), triples[2] === fs.constants.POLLOUT]);`,
    { eval: true, workerData: { addon: addonPlaces()[0], fd: pipe() } },
  );
  expect(await once(worker, 'message')).toEqual([[1, true]]);
  await worker.terminate();
});

describe('at any moment', () => {
  const ROUNDS = 25;
  const AT_ONCE = 8;
  /** A listening socket takes a thread of its own, which stays. */
  const AT_RANDOM = KINDS.filter(([, kind]) => kind !== 'accept');

  /** From nothing to some milliseconds, of which none is waited for: it burns them. */
  function someTime(): void {
    const until = performance.now() + Math.random() ** 3 * 4;
    while (performance.now() < until);
  }

  async function round(index: number): Promise<void> {
    const [, kind, make] = AT_RANDOM[index % AT_RANDOM.length] as (typeof KINDS)[number];
    const { worker, token, outcome } = await blocking(kind, await make?.());
    someTime();
    thread.interrupt(token);
    if (Math.random() < 0.5) expect(await outcome).toMatchObject({ errno: EINTR });
    await worker.terminate();
    expect(thread.interrupt(token)).toBe(false);
  }

  it('they end, and leave no descriptor open', async () => {
    const descriptors = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => round(index)));
    await closeAll();
    const before = descriptors();
    for (let done = 0; done < ROUNDS; done++) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => round(index)));
      await closeAll();
    }
    expect(descriptors()).toBeLessThan(before + AT_ONCE);
  });
});

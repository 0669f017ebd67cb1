/** A child process that runs guests one at a time, from its start to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { packageRoot } from '../native/addon.ts';
import { kindOf, MESSAGE_LIMITS } from '../worker/guest-process-encoding.ts';
import { type FrameKind, FrameReader, frameOf, framePrefix } from '../worker/guest-process-frames.ts';
import type { ProcessMessage, ProcessOrder } from '../worker/guest-process-messages.ts';
import { childEnvironment } from './process-environment.ts';
import { readMessage } from './process-message.ts';

/** How a child came to its end. */
export interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Of a process that could not be started, or that did not start in its time. */
  error?: Error | undefined;
}

/** Who has a child run something. */
export interface ChildListener {
  /** Also of how many bytes the head of the message was. */
  hear: (message: ProcessMessage, headBytes: number) => void;
  /** It said what no child of ours says, and is being killed: native code of a guest's model may have taken it over. */
  distrust: (error: unknown) => void;
  lost: (end: ChildEnd) => void;
}

export interface GuestChildOptions {
  /** Of the thread of its guests. Default: 512 MiB. */
  maxHeapBytes?: number | undefined;
  /** What it runs. Default: the package's own. */
  entry?: string | undefined;
  /** How long it may take to start. */
  patienceMs: number;
}

/** Beyond, one write more costs less than a copy. */
const MOST_COPIED_BYTES = 64 * 1024;

/** What it wrote is read to its end; a process that handed its pipe on would keep that from coming. */
const LONGEST_READING_MS = 1_000;

export class GuestChild {
  /** Settles when the child takes orders, and never where it ends before. */
  readonly ready: Promise<void>;
  /** Settles when the process is gone and everything that it wrote has been heard. */
  readonly end: Promise<ChildEnd>;
  /** What it was sent once and may still have. */
  readonly known = { modules: new Set<string>(), graphs: new Set<number>() };
  /** How many runs it was given. */
  runs = 0;
  readonly #process: ChildProcess | undefined;
  readonly #pipe: Socket | undefined;
  readonly #frames = new FrameReader((...frame) => this.#take(...frame), MESSAGE_LIMITS);
  #listener: ChildListener | undefined;
  #resolveReady: () => void = () => {};
  #isReady = false;
  #isLost = false;
  #isRetired = false;
  /** Of what it was sent and has not read: supplies, which may be large. */
  #suppliesUnderwayBytes = 0;
  #startTimer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;

  constructor({
    entry = join(packageRoot(), 'dist', 'guest-process.js'),
    maxHeapBytes,
    patienceMs,
  }: GuestChildOptions) {
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    try {
      // Without this process's own flags: `--inspect` would take its port, `--eval` its code.
      this.#process = spawn(process.execPath, [entry, ...heapArguments(maxHeapBytes)], {
        env: childEnvironment(process.env),
        stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      });
    } catch (error) {
      this.end = Promise.resolve({ exitCode: null, signal: null, error: error as Error });
      this.#isLost = true;
      return;
    }
    // Where there are no descriptors left, there is none.
    this.#pipe = this.#process.stdio?.[3] as Socket | undefined;
    this.#pipe?.on('data', (piece: Buffer) => this.#read(piece));
    // What was sent to a process that dies is lost with it, as its end tells.
    this.#pipe?.on('error', () => {});
    // It says nothing more then, whatever it does.
    this.#pipe?.once('close', () => this.kill());
    this.end = ended(this.#process, this.#pipe).then((end) => this.#ended(end));
    this.#process.on('error', () => {});
    this.#startTimer = setTimeout(() => this.#notStarted(patienceMs), patienceMs);
    this.#startTimer.unref();
  }

  /** Whether it ended because it was to. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether it ended, or is about to: it takes no more orders. */
  get isLost(): boolean {
    return this.#isLost || this.#pipe === undefined || !this.#pipe.writable || !this.#pipe.readable;
  }

  /** What it was sent and does not read, but for supplies. */
  get unreadBytes(): number {
    return (this.#pipe?.writableLength ?? 0) - this.#suppliesUnderwayBytes;
  }

  /** Listens in place of whoever did before. A child without a listener has nothing to say. */
  listen(listener: ChildListener | undefined): void {
    this.#listener = listener;
    if (listener === undefined && this.#isLost) this.#pipe?.destroy();
  }

  /** @throws DataCloneError for what cannot pass */
  send(order: ProcessOrder): void {
    const bytes = serialize(order);
    const pipe = this.#pipe;
    if (pipe === undefined || this.isLost) return;
    const suppliesBytes = 'supplies' in order ? bytes.byteLength : 0;
    this.#suppliesUnderwayBytes += suppliesBytes;
    const written = () => {
      this.#suppliesUnderwayBytes -= suppliesBytes;
    };
    if (suppliesBytes <= MOST_COPIED_BYTES) pipe.write(frameOf('order', bytes), written);
    else {
      pipe.cork();
      pipe.write(framePrefix('order', bytes.byteLength, 0));
      pipe.write(bytes, written);
      pipe.uncork();
    }
  }

  /** It has run as many guests as it is to run. */
  retire(): void {
    if (this.isLost) return;
    this.#isRetired = true;
    this.kill();
    this.#pipe?.destroy();
  }

  kill(): void {
    this.#isLost = true;
    this.#process?.kill('SIGKILL');
  }

  /** Keeps this process running, as a child does that starts: somebody may wait for it. */
  work(): void {
    this.#process?.ref();
    this.#pipe?.ref();
  }

  /** A child that waits for work does not keep this process running, and ends with it. */
  rest(): void {
    this.#process?.unref();
    this.#pipe?.unref();
  }

  #read(piece: Buffer): void {
    // Nobody is there to hear it, and it may never end.
    if (this.#isLost && this.#listener === undefined) {
      this.#pipe?.destroy();
      return;
    }
    try {
      this.#frames.push(piece);
    } catch (error) {
      this.#pipe?.destroy();
      this.kill();
      this.#listener?.distrust(error);
    }
  }

  /** @throws Error for what no child of ours says */
  #take(head: Buffer, body: Buffer, kind: FrameKind): void {
    const message = readMessage(head, body);
    if (kindOf(message) !== kind) throw new Error(`it says '${message.type}' as '${kind}'`);
    this.#hear(message, head.byteLength);
  }

  #hear(message: ProcessMessage, headBytes: number): void {
    if (this.#isReady && message.type !== 'ready' && this.#listener !== undefined) {
      this.#listener.hear(message, headBytes);
      return;
    }
    if (this.#isReady || message.type !== 'ready') throw new Error(`it was not asked for ${message.type}`);
    this.#isReady = true;
    clearTimeout(this.#startTimer);
    this.#resolveReady();
  }

  #notStarted(afterMs: number): void {
    // This process may have been busy for so long.
    setImmediate(() => {
      if (this.#isReady || this.#isLost) return;
      this.#failure = new Error(`did not start in ${afterMs} ms`);
      this.kill();
    });
  }

  #ended(end: ChildEnd): ChildEnd {
    clearTimeout(this.#startTimer);
    this.#isLost = true;
    this.#pipe?.destroy();
    const told = { ...end, error: end.error ?? this.#failure };
    this.#listener?.lost(told);
    return told;
  }
}

function heapArguments(maxHeapBytes: number | undefined): string[] {
  return maxHeapBytes === undefined ? [] : [String(maxHeapBytes)];
}

function ended(child: ChildProcess, pipe: Socket | undefined): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: null, error });
    });
    child.once('exit', (exitCode, signal) => {
      const end = { exitCode, signal };
      if (pipe === undefined || pipe.closed) return resolve(end);
      const timer = setTimeout(() => resolve(end), LONGEST_READING_MS);
      pipe.once('close', () => {
        clearTimeout(timer);
        resolve(end);
      });
    });
  });
}

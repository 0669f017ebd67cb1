/** A child process that runs guests one at a time, from its start to its end. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../native/addon.ts';
import type { ProcessMessage, ProcessOrder } from '../worker/guest-process-messages.ts';
import { childEnvironment } from './process-environment.ts';

/** How a child came to its end. */
export interface ChildEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Of a process that could not be started. */
  error?: Error | undefined;
}

/** Who has a child run something. */
export interface ChildListener {
  hear: (message: ProcessMessage) => void;
  lost: (end: ChildEnd) => void;
}

/** What it wrote is read to its end; a process that handed its channel on would keep that from coming. */
const LONGEST_READING_MS = 1_000;

export class GuestChild {
  /** Settles when the child takes orders, and never where it ends before. */
  readonly ready: Promise<void>;
  /** Settles when the process is gone and everything that it wrote has been heard. */
  readonly end: Promise<ChildEnd>;
  /** What it was sent once and may still have. */
  readonly known = { modules: new Set<string>(), graphs: new Set<number>() };
  readonly #process: ChildProcess;
  #listener: ChildListener | undefined;
  #isLost = false;

  /** @param maxHeapBytes of the thread of its guests. Undefined: the default */
  constructor(maxHeapBytes: number | undefined) {
    this.#process = fork(join(packageRoot(), 'dist', 'guest-process.js'), heapArguments(maxHeapBytes), {
      serialization: 'advanced',
      // Not this process's own flags: `--inspect` would take its port, `--eval` its code.
      execArgv: [],
      env: childEnvironment(process.env),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.ready = new Promise((resolve) => {
      this.#process.on('message', (message: ProcessMessage) => {
        if (message?.type === 'ready') resolve();
        else this.#listener?.hear(message);
      });
    });
    this.end = ended(this.#process).then((end) => {
      this.#isLost = true;
      this.#listener?.lost(end);
      return end;
    });
    // What was sent to a process that dies is lost with it, as its end tells.
    this.#process.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it ended, or is about to: it takes no more orders. */
  get isLost(): boolean {
    return this.#isLost || !this.#process.connected;
  }

  /** Listens in place of whoever did before. */
  listen(listener: ChildListener | undefined): void {
    this.#listener = listener;
  }

  /** @throws DataCloneError for what cannot pass */
  send(order: ProcessOrder): void {
    if (this.#process.connected) this.#process.send(order, undefined, undefined, () => {});
  }

  kill(): void {
    this.#isLost = true;
    this.#process.kill('SIGKILL');
  }

  /** Keeps this process running, as a child does that starts: somebody may wait for it. */
  work(): void {
    this.#process.ref();
    this.#process.channel?.ref();
  }

  /** A child that waits for work does not keep this process running, and ends with it. */
  rest(): void {
    this.#process.unref();
    this.#process.channel?.unref();
  }
}

function heapArguments(maxHeapBytes: number | undefined): string[] {
  return maxHeapBytes === undefined ? [] : [String(maxHeapBytes)];
}

function ended(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: null, error });
    });
    child.once('exit', (exitCode, signal) => {
      const end = { exitCode, signal };
      if (!child.connected) return resolve(end);
      const timer = setTimeout(() => resolve(end), LONGEST_READING_MS);
      child.once('disconnect', () => {
        clearTimeout(timer);
        resolve(end);
      });
    });
  });
}

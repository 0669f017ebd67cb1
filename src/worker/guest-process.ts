/**
 * The entry of a child process that runs guests, one at a time, on a thread of its own. This thread only relays, so that it
 * is always there to hear that its host is gone.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import type { ProcessOrder } from './guest-process-messages.ts';
import { HostPipe } from './guest-process-pipe.ts';
import { GuestProcessRun, type Home } from './guest-process-run.ts';
import { GraphShelf, ModuleShelf } from './guest-process-shelves.ts';
import { GuestThread, serveGuestThread } from './guest-process-thread.ts';

/** What a terminal or a service manager sends to all processes at once: the host says when its children are to end. */
const LEFT_TO_THE_HOST = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

class GuestProcess {
  readonly #pipe = new HostPipe((order) => this.#take(order), endNow);
  readonly #home: Home = {
    modules: new ModuleShelf(),
    graphs: new GraphShelf(),
    thread: new GuestThread(fileURLToPath(import.meta.url), maxHeapBytes()),
    send: (message, whenWritten) => this.#pipe.send(message, whenWritten),
  };
  #run: GuestProcessRun | undefined;

  constructor() {
    this.#home.thread.prepare();
    this.#pipe.send({ type: 'ready' });
  }

  #take(order: ProcessOrder): void {
    if (order.type === 'warm') this.#home.graphs.warm(order.nn, order.supplies.graphs);
    else if (order.type === 'run') {
      this.#run?.close();
      this.#run = new GuestProcessRun(this.#home, order);
    } else if (this.#run?.number === order.run) this.#run.take(order);
  }
}

/** The one argument of the process, where it has one. */
function maxHeapBytes(): number | undefined {
  const [, , bytes] = process.argv;
  return bytes === undefined ? undefined : Number(bytes);
}

/** Whatever the guest does: nobody is there to take what comes of it. */
function endNow(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('the host is gone');
}

/**
 * On Linux: where memory runs out, the system ends a child before the host, and what crashes leaves no image of its memory,
 * which takes long to write and holds what guests were given.
 */
function standBack(): void {
  for (const [file, text] of Object.entries({ oom_score_adj: '500', coredump_filter: '0' })) {
    try {
      writeFileSync(`/proc/self/${file}`, text);
    } catch {
      // Another system, or it is not for us to say.
    }
  }
}

if (isMainThread) {
  standBack();
  for (const signal of LEFT_TO_THE_HOST) process.on(signal, () => {});
  new GuestProcess();
} else {
  serveGuestThread();
}

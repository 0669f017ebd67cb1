/** Calls from a guest's thread that the thread beside it answers, in its own time: the guest waits for each. */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** What the guest's thread is given to call with, and to tell of itself. */
export interface CallPort {
  port: MessagePort;
  /** Counts the answers. */
  answered: SharedArrayBuffer;
}

/** @param target a number of the answering side's */
export interface ThreadCall {
  target: number;
  method: string;
  args: readonly unknown[];
}

type Reply = { value: unknown } | { error: string };

/** The side that answers, and hears what else the guest's thread posts. */
export class CallAnswerer<Message extends { type: string } = never> {
  readonly forCaller: CallPort;
  readonly #port: MessagePort;
  readonly #answered: Int32Array;
  readonly #answer: (call: ThreadCall) => unknown;
  readonly #hear: (message: Message) => void;

  /**
   * @param answer what it returns or throws, or what its promise comes to, is the answer; it must be cloneable
   * @param hear gets what is posted beside calls, in order
   */
  constructor(answer: (call: ThreadCall) => unknown, hear: (message: Message) => void = () => {}) {
    const { port1, port2 } = new MessageChannel();
    const answered = new SharedArrayBuffer(4);
    this.forCaller = { port: port2, answered };
    this.#port = port1;
    this.#answered = new Int32Array(answered);
    this.#answer = answer;
    this.#hear = hear;
    port1.on('message', (message: ThreadCall | Message) => {
      if ('type' in message) hear(message);
      else this.#take(message);
    });
  }

  /** Hears at once what was posted until now. Calls are not answered any more. */
  drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: ThreadCall | Message } | undefined;
      if (received === undefined) return;
      if ('type' in received.message) this.#hear(received.message);
    }
  }

  /** Lets the process end while nothing else keeps it, until {@link CallAnswerer.ref}. */
  unref(): void {
    this.#port.unref();
  }

  ref(): void {
    this.#port.ref();
  }

  /** Answers and hears nothing more. */
  close(): void {
    this.#port.removeAllListeners('message');
    this.#port.close();
  }

  async #take(call: ThreadCall): Promise<void> {
    let reply: Reply;
    try {
      reply = { value: await this.#answer(call) };
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : typeof error };
    }
    this.#port.postMessage(reply);
    Atomics.add(this.#answered, 0, 1);
    Atomics.notify(this.#answered, 0);
  }
}

/** The side that calls. */
export class ThreadCaller {
  readonly #port: MessagePort;
  readonly #answered: Int32Array;

  constructor({ port, answered }: CallPort) {
    this.#port = port;
    this.#answered = new Int32Array(answered);
  }

  /** Blocks the thread until the answer is there. @throws Error with the words of what was thrown there */
  call(target: number, method: string, ...args: readonly unknown[]): unknown {
    const before = Atomics.load(this.#answered, 0);
    this.#port.postMessage({ target, method, args } satisfies ThreadCall);
    Atomics.wait(this.#answered, 0, before);
    const reply = receiveMessageOnPort(this.#port)?.message as Reply;
    if ('error' in reply) throw new Error(reply.error);
    return reply.value;
  }
}

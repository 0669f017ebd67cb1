/** One run in a child process, on the thread beside the guest's: everything passes here between the guest and the host. */
import { HostError } from '../errors.ts';
import { EntrySender } from './guest-process-entries.ts';
import {
  GRAPHS_TARGET,
  MOST_PIECES,
  type OutputName,
  type ProcessMessage,
  type ProcessNnPlan,
  type ProcessOrder,
  type ProcessSink,
  type ProcessTask,
  type Supplies,
} from './guest-process-messages.ts';
import type { GraphShelf, ModuleShelf, OpenedGraph } from './guest-process-shelves.ts';
import type { GuestThread } from './guest-process-thread.ts';
import type { WorkerMessage, WorkerSink, WorkerTask } from './guest-worker-messages.ts';
import { OutputWindow } from './remote-stdio.ts';
import { ReportWindow } from './report-window.ts';
import { CallAnswerer, type ThreadCall } from './thread-call.ts';
import { packProgram } from './thread-state.ts';

/** What outlasts a run. */
export interface Home {
  modules: ModuleShelf;
  graphs: GraphShelf;
  thread: GuestThread;
  /** Returns of how many bytes the head was. */
  send: (message: ProcessMessage, whenWritten?: () => void) => number;
}

type RunOrder = Extract<ProcessOrder, { type: 'run' }>;
type Reply = Extract<ProcessOrder, { type: 'answer' }>['reply'];

export class GuestProcessRun {
  readonly number: number;
  readonly #home: Home;
  readonly #outputs: Record<OutputName, RelayedOutput> = { stdout: new RelayedOutput(), stderr: new RelayedOutput() };
  readonly #calls = new CallAnswerer<WorkerMessage>(
    (call) => (call.target === GRAPHS_TARGET ? this.#openGraph(call.args[0] as number) : this.#ask(call)),
    (message) => this.#hear(message),
  );
  readonly #asked = new Map<number, (reply: Reply) => void>();
  readonly #reports = ReportWindow.create(true);
  readonly #entries = new EntrySender((entries) =>
    this.#home.send({ type: 'relay', run: this.number, message: { type: 'entries', entries } }),
  );
  #nextCall = 0;
  #batch: { stream: OutputName; bytes: Uint8Array }[] = [];
  #onSupplied: () => void = () => {};
  readonly #nn: ProcessNnPlan | undefined;

  constructor(home: Home, { run, task, supplies }: RunOrder) {
    this.number = run;
    this.#home = home;
    this.#nn = task.nn;
    this.#stock(supplies);
    this.#begin(task).catch((error: unknown) => this.#fail(error));
  }

  take(order: Exclude<ProcessOrder, RunOrder | { type: 'warm' }>): void {
    if (order.type === 'taken') this.#outputs[order.stream].taken(order.pieces, order.errno);
    else if (order.type === 'answer') this.#answered(order.call, order.reply);
    else if (order.type === 'flush') this.#flush();
    else {
      this.#stock(order.supplies);
      this.#onSupplied();
    }
  }

  /** The run is over. */
  close(): void {
    this.#calls.close();
  }

  #stock({ modules, graphs }: Supplies): void {
    for (const module of modules) this.#home.modules.add(module);
    for (const graph of graphs) this.#home.graphs.add(graph);
  }

  async #begin(task: ProcessTask): Promise<void> {
    await this.#fetchModules(task);
    const { plan, nn, stdio, ...rest } = task;
    const { modules, graphs, thread, send } = this.#home;
    const preloads = [];
    for (const { name, program } of plan.preloads) {
      preloads.push({ name, program: packProgram(await modules.take(program)) });
    }
    const forThread: WorkerTask = {
      ...rest,
      plan: { ...plan, program: packProgram(await modules.take(plan.program)), preloads },
      // Where another is, and what it is compiled from, is asked for when the guest asks for it.
      nn: nn && { ...nn, granted: graphs.given(nn) },
      graphsTarget: GRAPHS_TARGET,
      stdio: {
        stdin: stdio.stdin,
        stdout: this.#sink('stdout', stdio.stdout),
        stderr: this.#sink('stderr', stdio.stderr),
      },
      calls: this.#calls.forCaller,
      reportWindow: this.#reports.shared,
    };
    // A guest that has begun is never run again, whatever became of it: so this has to be out before it begins.
    send({ type: 'accepted', run: this.number }, () => thread.run(forThread, (error) => this.#fail(error)));
  }

  async #fetchModules({ plan }: ProcessTask): Promise<void> {
    const programs = [plan.program, ...plan.preloads.map(({ program }) => program)];
    const modules = programs.map(({ key }) => key).filter((key) => !this.#home.modules.has(key));
    if (modules.length > 0) await this.#fetch([...new Set(modules)], []);
  }

  /** For the guest, which waits, and may be ended meanwhile. */
  async #openGraph(id: number): Promise<OpenedGraph> {
    const { graphs } = this.#home;
    const nn = this.#nn;
    const reference = nn?.granted.find((granted) => granted.id === id);
    if (nn === undefined || reference === undefined) throw new Error('the graph is not granted');
    if (!graphs.has(id)) await this.#fetch([], [id]);
    return await graphs.open(nn, reference);
  }

  async #fetch(modules: readonly string[], graphs: readonly number[]): Promise<void> {
    const supplied = new Promise<void>((resolve) => {
      this.#onSupplied = resolve;
    });
    this.#home.send({ type: 'need', run: this.number, modules, graphs });
    await supplied;
  }

  #sink(name: OutputName, sink: ProcessSink): WorkerSink {
    return sink.kind === 'post' ? { kind: 'post', window: this.#outputs[name].window.shared } : sink;
  }

  #hear(message: WorkerMessage): void {
    if (message.type === 'output') {
      this.#outputs[message.stream].sent(message.bytes.byteLength);
      // What is there at once goes in one message: each costs as much as the guest's own write.
      if (this.#batch.length === 0) setImmediate(() => this.#sendBatch());
      this.#batch.push({ stream: message.stream, bytes: message.bytes });
      if (this.#batch.length === MOST_PIECES) this.#sendBatch();
      return;
    }
    if (message.type === 'wasi-fault') {
      this.#reports.heard();
      return;
    }
    if (message.type === 'entry') {
      this.#entries.add(message.entry);
      return;
    }
    this.#sendBatch();
    const relayed = message.type === 'ended' ? { ...message, usage: this.#entries.rest(message.usage) } : message;
    // A guest that is refused without end waits until its host has read what came before.
    const whenWritten = message.type === 'refused' ? () => this.#reports.heard() : undefined;
    this.#home.send({ type: 'relay', run: this.number, message: relayed }, whenWritten);
    if (message.type === 'ended' || message.type === 'error') this.#tidy();
  }

  #sendBatch(): void {
    const pieces = this.#batch;
    this.#batch = [];
    if (pieces.length > 0) this.#home.send({ type: 'output', run: this.number, pieces });
  }

  #flush(): void {
    this.#sendBatch();
    this.#home.send({ type: 'flushed', run: this.number });
  }

  #fail(error: unknown): void {
    this.#sendBatch();
    const code = error instanceof HostError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    this.#home.send({ type: 'failed', run: this.number, code, message });
    this.#tidy();
  }

  #tidy(): void {
    this.#home.thread.rest();
    this.#home.modules.trim();
    this.#home.graphs.trim();
  }

  async #ask({ target, method, args }: ThreadCall): Promise<unknown> {
    const call = this.#nextCall++;
    this.#home.send({ type: 'call', run: this.number, call, target, method, args });
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#asked.set(call, (reply) => ('error' in reply ? reject(new Error(reply.error)) : resolve(reply.value)));
    });
    return await answer;
  }

  #answered(call: number, reply: Reply): void {
    this.#asked.get(call)?.(reply);
    this.#asked.delete(call);
  }
}

/** One output on its way to the host. */
class RelayedOutput {
  readonly window = OutputWindow.create(false);
  /** Of the pieces that the host has not taken yet. */
  readonly #underway: number[] = [];

  sent(byteLength: number): void {
    this.#underway.push(byteLength);
  }

  taken(pieces: number, errno: number): void {
    if (errno !== 0) this.window.fail(errno);
    for (const byteLength of this.#underway.splice(0, pieces)) this.window.taken(byteLength);
  }
}

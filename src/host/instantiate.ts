/** Makes instances that stay, in a thread of their own or on the calling one. */

import type { GuestPlan } from '../engine/guest-plan.ts';
import { type LiveAnswer, LiveGuest, type WasmValue } from '../engine/live-guest.ts';
import { HostError } from '../errors.ts';
import { checkNames, invalidOption, oneOf } from '../options.ts';
import { GuestStreams } from '../stdio/guest-streams.ts';
import { levelOfSubscribers } from '../telemetry/channels.ts';
import type { InstanceReply } from '../worker/instance-messages.ts';
import { InstanceThread } from '../worker/instance-thread.ts';
import type { CallOptions } from './call-arguments.ts';
import { GuestInstance, type InstancePlace } from './guest-instance.ts';
import { GuestModule } from './guest-module.ts';
import { guestPlanOf } from './guest-plan-of.ts';
import type { GraphLease } from './host-graphs.ts';
import type { HostRunOptions, PoolOptions } from './host-options.ts';
import type { RunContext } from './host-run.ts';
import { checkRunOptions } from './option-checks.ts';

/**
 * As for a run, but for what is of a program (`invoke`), of a queue (`tenant`, `priority`, `maxQueueMs`) or of a single run
 * (`timeline`).
 * `timeoutMs` and `signal` are of the instantiation alone, `_initialize` included: calls have their own.
 * `maxOutputBytes` is of all calls together, `maxCaptureBytes` of each.
 */
export interface HostInstanceOptions
  extends Omit<HostRunOptions, 'invoke' | 'maxQueueMs' | 'mode' | 'priority' | 'tenant' | 'timeline'> {
  /**
   * `thread`, the default: in a thread of its own, which can be ended. `calling-thread`: each call blocks the caller, and
   * cannot have a time limit or a signal.
   */
  mode?: 'thread' | 'calling-thread' | undefined;
}

const INSTANCE_OPTIONS: readonly (keyof HostInstanceOptions)[] = [
  ...(['args', 'argv0', 'env', 'preopens', 'stdin', 'stdout', 'stderr', 'wasiNn', 'graphs'] as const),
  ...(['maxMemoryBytes', 'maxTableElements', 'maxMemoryFileBytes', 'maxOutputBytes', 'maxCaptureBytes'] as const),
  ...(['timeoutMs', 'signal', 'mode'] as const),
];

const INSTANCE_MODES: readonly HostInstanceOptions['mode'][] = ['thread', 'calling-thread'];

/** What an instance is made with. */
interface InstanceContext extends Pick<RunContext, 'inference' | 'onRefused'>, Pick<PoolOptions, 'maxHeapBytes'> {
  /** Of the host, which ends with them. */
  instances: Set<GuestInstance>;
}

/** @throws as `Host.instantiate` */
export async function instantiateOnHost(
  { inference, onRefused, maxHeapBytes, instances }: InstanceContext,
  module: GuestModule,
  options: HostInstanceOptions,
): Promise<GuestInstance> {
  if (!(module instanceof GuestModule)) throw invalidOption('module', 'what compile() gave', module);
  checkNames('options', options, INSTANCE_OPTIONS);
  checkRunOptions(options);
  oneOf('mode', options.mode, INSTANCE_MODES);
  const { mode = 'thread', timeoutMs, signal, wasiNn, maxMemoryBytes, maxTableElements } = options;
  const program = await module.compiledFor({ maxMemoryBytes, maxTableElements });
  const plan = { ...guestPlanOf(program, module.name, options), record: levelOfSubscribers() };
  const lease = inference.graphs.lease(options.graphs ?? []);
  const resources = await InstanceResources.open(options, lease);
  try {
    const nn = wasiNn === false ? undefined : inference;
    const place =
      mode === 'thread'
        ? new ThreadPlace({ plan, nn: nn?.plan(lease), postRefusals: onRefused !== undefined }, resources, {
            onRefused,
            maxHeapBytes,
          })
        : new CallingThreadPlace(plan, resources, nn?.support(lease));
    const instance: GuestInstance = new GuestInstance(module.name, program, place, {
      told: (usage) => inference.told(usage),
      onDisposed: () => instances.delete(instance),
    });
    instances.add(instance);
    await instance.start({ ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) });
    return instance;
  } catch (error) {
    await resources.release();
    throw error;
  }
}

/** What one instance holds of the embedder's. */
class InstanceResources {
  readonly streams: GuestStreams;
  readonly #lease: GraphLease;
  #isReleased = false;

  private constructor(streams: GuestStreams, lease: GraphLease) {
    this.streams = streams;
    this.#lease = lease;
  }

  /** @throws HostError ERR_STDIO; the lease is released then */
  static async open(options: HostInstanceOptions, lease: GraphLease): Promise<InstanceResources> {
    try {
      return new InstanceResources(await GuestStreams.open(options), lease);
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Waits for the embedder's streams and functions. @throws what one of them failed with */
  async settle(): Promise<void> {
    await this.streams.flush();
    this.checkStreams();
  }

  /** @throws what a stream or function of the embedder has failed with */
  checkStreams(): void {
    const { failure } = this.streams;
    if (failure !== undefined) throw failure.error;
  }

  /** @param gone settles when the guest can touch no file any more, which is waited for */
  async release(gone?: Promise<void>): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#lease.release();
    await Promise.all([this.streams.release(gone), gone]);
  }
}

class CallingThreadPlace implements InstancePlace {
  readonly mode = 'calling-thread';
  readonly #guest: LiveGuest;
  readonly #resources: InstanceResources;

  constructor(plan: GuestPlan, resources: InstanceResources, nn: ConstructorParameters<typeof LiveGuest>[2]) {
    const { stdin, stdout, stderr } = resources.streams;
    if (stdin.kind === 'stream' || resources.streams.needThread) {
      throw invalidOption('mode', 'thread with a stream', 'calling-thread');
    }
    this.#resources = resources;
    this.#guest = new LiveGuest(plan, { stdin, stdout: stdout.sink, stderr: stderr.sink }, nn);
  }

  start(options: CallOptions): Promise<LiveAnswer> {
    return this.#answer(options, () => this.#guest.start());
  }

  call(name: string, args: readonly WasmValue[], options: CallOptions): Promise<LiveAnswer> {
    return this.#answer(options, () => this.#guest.call(name, args));
  }

  async #answer({ timeoutMs, signal }: CallOptions, ask: () => LiveAnswer): Promise<LiveAnswer> {
    if (timeoutMs !== undefined) throw invalidOption('timeoutMs', 'none on the calling thread', timeoutMs);
    if (signal !== undefined) throw invalidOption('signal', 'none on the calling thread', signal);
    const answer = ask();
    await this.#resources.settle();
    return answer;
  }

  async memoryByteLength(): Promise<number> {
    return this.#guest.memoryByteLength;
  }

  async read(offset: number, byteLength: number): Promise<Uint8Array | undefined> {
    return this.#guest.read(offset, byteLength);
  }

  async write(offset: number, bytes: Uint8Array): Promise<boolean> {
    return this.#guest.write(offset, bytes);
  }

  get streams(): GuestStreams {
    return this.#resources.streams;
  }

  dispose(): Promise<void> {
    this.#guest.dispose();
    return this.#resources.release();
  }
}

class ThreadPlace implements InstancePlace {
  readonly mode = 'thread';
  readonly #thread: InstanceThread;
  readonly #resources: InstanceResources;

  constructor(
    request: Omit<ConstructorParameters<typeof InstanceThread>[0], 'stdio'>,
    resources: InstanceResources,
    options: Omit<ConstructorParameters<typeof InstanceThread>[1], 'onAnswer'>,
  ) {
    const { stdin, stdout, stderr } = resources.streams;
    this.#resources = resources;
    this.#thread = new InstanceThread(
      { ...request, stdio: { stdin, stdout: stdout.sink, stderr: stderr.sink } },
      { ...options, onAnswer: () => resources.settle() },
    );
  }

  start(options: CallOptions): Promise<LiveAnswer> {
    return this.#answer(this.#thread.ask({ type: 'start' }, options));
  }

  call(name: string, args: readonly WasmValue[], options: CallOptions): Promise<LiveAnswer> {
    return this.#answer(this.#thread.ask({ type: 'call', name, args }, options));
  }

  async memoryByteLength(): Promise<number> {
    return expect('byteLength', await this.#thread.ask({ type: 'byteLength' })).byteLength;
  }

  async read(offset: number, byteLength: number): Promise<Uint8Array | undefined> {
    return expect('bytes', await this.#thread.ask({ type: 'read', offset, byteLength })).bytes;
  }

  async write(offset: number, bytes: Uint8Array): Promise<boolean> {
    return expect('written', await this.#thread.ask({ type: 'write', offset, bytes })).isDone;
  }

  get streams(): GuestStreams {
    return this.#resources.streams;
  }

  dispose(): Promise<void> {
    return this.#resources.release(this.#thread.end());
  }

  async #answer(asked: Promise<InstanceReply>): Promise<LiveAnswer> {
    const { answer } = expect('answer', await asked);
    this.#resources.checkStreams();
    return answer;
  }
}

type ReplyOf<Type extends InstanceReply['type']> = Extract<InstanceReply, { type: Type }>;

/** @throws what the thread could not do */
function expect<Type extends InstanceReply['type']>(type: Type, reply: InstanceReply): ReplyOf<Type> {
  if (reply.type === 'error') {
    throw reply.code === undefined ? new Error(reply.message) : new HostError(reply.code, reply.message);
  }
  if (reply.type !== type) throw new TypeError(`expected ${type}, received ${reply.type}`);
  return reply as ReplyOf<Type>;
}

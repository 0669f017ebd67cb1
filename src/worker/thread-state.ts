/** What a thread keeps from guest to guest: nothing that a guest could have had its hands on. */
import { deserialize, serialize } from 'node:v8';
import type { CompiledModule } from '../engine/compile.ts';
import { createNnSupport, type LocateGraph, type NnPlan, type OwnedNnSupport } from '../engine/nn-support.ts';
import { loadAddon } from '../native/addon.ts';
import type { Refusal } from '../nn/index.ts';
import type { PackedShape, WorkerProgram } from './guest-worker-messages.ts';

type Backend = ReturnType<OwnedNnSupport['backend']>;

/** Modules whose shapes stay known, and kinds of backends that stay made. */
const MOST_SHAPES = 256;
const MOST_BACKENDS = 16;

/** More than a guest can ask for before it is ended. */
const HEAP_HEADROOM_BYTES = 4 * 2 ** 30;

export class ThreadState {
  readonly #shapes = new Map<number, CompiledModule['shape']>();
  readonly #backends = new Map<string, () => Backend>();
  readonly interruptToken: number | undefined = ownInterruptToken();

  /**
   * Has the guest ended when its objects fill the heap, where V8 would end the process: whoever watches the flag is to end
   * the thread then.
   */
  guardHeap(flag: Int32Array): void {
    if (this.interruptToken !== undefined) loadAddon().thread.guardHeap(flag, HEAP_HEADROOM_BYTES);
  }

  /** The module as it was packed, or not, for its way to this thread. */
  program({ shape, ...rest }: WorkerProgram): CompiledModule {
    return { ...rest, shape: 'bytes' in shape ? this.#shape(shape) : shape };
  }

  #shape({ id, bytes }: PackedShape): CompiledModule['shape'] {
    return kept(this.#shapes, id, MOST_SHAPES, () => deserialize(new Uint8Array(bytes)));
  }

  /** Graphs are each guest's own; what opens the runtime for them is not made anew. @throws BackendError */
  nnSupport(plan: NnPlan, onRefused?: (refusal: Refusal) => void, locate?: LocateGraph): OwnedNnSupport {
    const { backend, openvinoDir, env, insideWorker } = plan;
    const key = JSON.stringify([backend, openvinoDir, env, insideWorker]);
    const keptBackend = this.#backends.get(key);
    const support = createNnSupport(plan, onRefused, keptBackend, locate);
    if (keptBackend === undefined) kept(this.#backends, key, MOST_BACKENDS, () => support.backend);
    return support;
  }
}

/** What the map has, or is given now; the oldest make room. */
function kept<Key, Value>(map: Map<Key, Value>, key: Key, most: number, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  for (const oldest of map.keys()) {
    if (map.size < most) break;
    map.delete(oldest);
  }
  map.set(key, value);
  return value;
}

function ownInterruptToken(): number | undefined {
  try {
    return loadAddon().thread.interruptToken();
  } catch {
    return undefined;
  }
}

const packed = new WeakMap<CompiledModule['shape'], PackedShape>();
let nextId = 0;

/** As it costs least to post. */
export function packProgram(program: CompiledModule): WorkerProgram {
  const { shape } = program;
  let known = packed.get(shape);
  if (known === undefined) {
    const own = serialize(shape);
    const bytes = new SharedArrayBuffer(own.byteLength);
    new Uint8Array(bytes).set(own);
    known = { id: nextId++, bytes };
    packed.set(shape, known);
  }
  return { ...program, shape: known };
}

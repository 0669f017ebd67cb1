/**
 * What of a guest is called, in which order. Each step is a generator that yields calls into the guest and is given what
 * they returned: whoever drives it may call at once, or wait for a guest that is suspended.
 */
import { ModuleError } from '../errors.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestImports } from './guest-imports.ts';
import type { GuestPhase, GuestPlan } from './guest-plan.ts';
import {
  type Callable,
  deferredStart,
  type ExportedFunction,
  exportedFunction,
  InstanceCount,
  initializer,
  instantiate,
} from './instantiation.ts';
import { checkInvocable, parseArguments, resultTexts } from './invoke.ts';
import { linkImports } from './link.ts';
import { memoryCeilings } from './module-rewrite.ts';
import { nowMs } from './run-recorder.ts';

/** A call into a guest. Its result goes to `next`; what it throws ends the run. */
export interface GuestCall {
  call: ExportedFunction;
  args: readonly unknown[];
}

type GuestCalls<Result> = Generator<GuestCall, Result, unknown>;

export class GuestCallOrder {
  readonly #plan: GuestPlan;
  readonly #imports: GuestImports;
  readonly #count = new InstanceCount();
  /** How far the guest came. */
  phase: GuestPhase = { at: 'instantiate' };
  /** When the program had an instance; undefined before. */
  instantiatedAtMs: number | undefined;

  constructor(plan: GuestPlan, imports: GuestImports) {
    this.#plan = plan;
    this.#imports = imports;
  }

  /** From instantiation to the end; the results of what was invoked, as text. */
  *run(): GuestCalls<string[]> {
    const instance = yield* this.instantiate();
    const { program, invoke } = this.#plan;
    if (invoke === undefined) return yield* this.#start(program, instance);
    this.phase = { at: 'invoke', name: invoke.name };
    const called = exportedFunction(program, instance, invoke.name);
    if (called === undefined) {
      throw new ModuleError('ERR_MODULE_EXPORT', `no func export named \`${invoke.name}\` found`);
    }
    return yield* callWithText(`\`${invoke.name}\``, called, invoke.args);
  }

  /** The program's instance, after its preloads, ready to be called. */
  *instantiate(): GuestCalls<WebAssembly.Instance> {
    for (const { name, program } of this.#plan.preloads) {
      this.phase = { at: 'preload', name };
      const instance = yield* this.#instantiate(program, true);
      yield* initialize(program, instance);
      this.#imports.offer(name, program, instance);
    }
    this.phase = { at: 'instantiate' };
    const { program } = this.#plan;
    const instance = yield* this.#instantiate(program, false);
    this.phase = { at: 'initialize' };
    yield* initialize(program, instance);
    return instance;
  }

  /** A module without a start, such as a reactor, does nothing more. */
  *#start(program: CompiledModule, instance: WebAssembly.Instance): GuestCalls<string[]> {
    this.phase = { at: 'invoke' };
    const start = exportedFunction(program, instance, '') ?? exportedFunction(program, instance, '_start');
    return start === undefined ? [] : yield* callWithText('command default', start, []);
  }

  *#instantiate(program: CompiledModule, isPreload: boolean): GuestCalls<WebAssembly.Instance> {
    const { limits, unknownImports } = this.#plan;
    this.#count.add(program, limits);
    let own: WebAssembly.Memory | undefined;
    const linked = linkImports(program.shape.imports, {
      providers: this.#imports.providers(isPreload ? () => own : undefined),
      memoryCeiling: (memory) => memoryCeilings(program.shape, limits)(memory),
      // As in wasmtime, the option is about the program alone.
      unknownImports: isPreload ? 'refuse' : unknownImports,
      onUnknownCall: (error) => this.#imports.exit.fail(error),
    });
    const instance = instantiate(program, linked.imports);
    const { memory } = instance.exports;
    own = memory instanceof WebAssembly.Memory ? memory : linked.memory;
    this.#imports.noteMemories(instance, linked.memory);
    if (!isPreload) {
      this.instantiatedAtMs = nowMs();
      // A timeline has memory from here on, not from the first call.
      this.#imports.recorder.sample(this.instantiatedAtMs);
    }
    if (!isPreload) this.#imports.attach(own);
    const start = deferredStart(program, instance);
    if (start !== undefined) yield { call: start, args: [] };
    return instance;
  }
}

function* initialize(program: CompiledModule, instance: WebAssembly.Instance): GuestCalls<void> {
  const call = initializer(program, instance);
  if (call !== undefined) yield { call, args: [] };
}

function* callWithText(name: string, { call, type }: Callable, texts: readonly string[]): GuestCalls<string[]> {
  checkInvocable(name, type);
  const returned = yield { call, args: parseArguments(name, type, texts) };
  return resultTexts(type, returned);
}

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CompiledModule } from '../engine/compile.ts';
import type { ModuleLimits } from '../engine/module-rewrite.ts';
import { ModuleError, systemReason } from '../errors.ts';
import { invalidOption } from '../options.ts';
import type { KeyedSource, ModuleCache } from './module-cache.ts';

/** A module that was read and found valid. It may be run any number of times, with other limits too. */
export class GuestModule {
  readonly #source: KeyedSource;
  readonly #cache: ModuleCache;

  /** @internal Made by {@link Host.compile}. */
  constructor(source: KeyedSource, cache: ModuleCache) {
    this.#source = source;
    this.#cache = cache;
  }

  /** The path that it was read from, or the name that it was given. */
  get name(): string {
    return this.#source.name;
  }

  /** The length of its binary form, in bytes. */
  get byteLength(): number {
    return this.#source.bytes.byteLength;
  }

  /** @internal Whether it imports anything of wasi-nn, as far as that can be told. */
  get usesWasiNn(): boolean {
    const { shape } = this.#source;
    return shape === undefined || shape.imports.some(({ module }) => module === 'wasi_ephemeral_nn');
  }

  /** @internal Whether it can fill the heap of JavaScript of its thread, as far as that can be told. */
  get makesObjects(): boolean {
    return this.#source.shape?.makesObjects ?? true;
  }

  /**
   * @internal Compiled once for each pair of limits, as long as it is kept.
   * @param onCompiled told where it had to be compiled, with the time of its beginning
   * @throws ModuleError ERR_MODULE_LIMIT
   */
  compiledFor(limits: ModuleLimits, onCompiled?: (startMs: number) => void): Promise<CompiledModule> {
    return this.#cache.compile(this.#source, limits, onCompiled);
  }
}

/** What `Host.compile` takes: the path or `file:` URL of a module, or its bytes. Binary or text, in either case. */
export type ModuleInput = string | URL | Uint8Array | ArrayBuffer;

/**
 * The bytes of a module, which nobody else has, and what to call it.
 * @throws ModuleError ERR_MODULE_NOT_FOUND with the system's reason; OptionError
 */
export async function readModuleInput(source: ModuleInput): Promise<{ name: string; bytes: Uint8Array }> {
  if (source instanceof Uint8Array) return { name: 'module', bytes: new Uint8Array(source) };
  if (source instanceof ArrayBuffer) return { name: 'module', bytes: new Uint8Array(source.slice(0)) };
  const isPath = typeof source === 'string' || (source instanceof URL && source.protocol === 'file:');
  if (!isPath) throw invalidOption('source', 'a path, a file: URL or bytes', source);
  const path = source instanceof URL ? fileURLToPath(source) : source;
  try {
    return { name: path, bytes: await readFile(path) };
  } catch (error) {
    const reason = systemReason(error);
    throw new ModuleError('ERR_MODULE_NOT_FOUND', `failed to open wasm module "${path}": ${reason}`, { cause: error });
  }
}

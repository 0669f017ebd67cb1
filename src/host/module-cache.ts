/** Compiled modules, kept by content. */
import { type CompiledModule, compileModuleAsync, type ModuleSource, readModuleSource } from '../engine/compile.ts';
import type { ModuleLimits } from '../engine/module-rewrite.ts';
import { nowMs } from '../engine/run-recorder.ts';
import { publishPhase } from '../telemetry/channels.ts';
import { assembleLongText } from '../worker/text-assembly.ts';

/** A module's bytes with their name in the cache, which no other bytes have. */
export interface KeyedSource extends ModuleSource {
  key: string;
}

/** Compiled modules of one host. */
export interface ModuleStats {
  /** Modules, each as often as it is there with other limits. */
  kept: number;
  /** What they take, estimated as five times the length of each, or as its machine code where that is more, in bytes. */
  keptBytes: number;
  /** What they may take, in bytes, see `maxModuleBytes` of the host's options. */
  maxKeptBytes: number;
  /** Requests that found their module compiled, or compiling. */
  hits: number;
  /** Requests for which it was compiled. */
  misses: number;
}

interface Compiled {
  source: KeyedSource;
  compiled: CompiledModule;
}

interface Item {
  promise: Promise<Compiled>;
  /** 0 until it is compiled. */
  byteLength: number;
}

/**
 * What a compiled module takes, over the length of its binary: our copy, V8's copy with its tables (measured: 1.4 to 3 of
 * it, the more the smaller), and the machine code of functions that were called, which V8 makes when they are.
 */
const BYTES_PER_BYTE = 5;

/**
 * Compiles modules in V8's threads, each once however many ask for it at a time, and keeps those that were used last
 * within a budget. Modules are the same where a SHA-256 of their bytes is: tenants may try to forge them.
 */
export class ModuleCache {
  readonly #maxBytes: number;
  /** The one used last is last. */
  readonly #items = new Map<string, Item>();
  #keptBytes = 0;
  #isClosed = false;
  #hits = 0;
  #misses = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads and compiles what may be a module, binary or text of at most 1 MiB.
   * @param bytes must not change any more
   * @throws ModuleError ERR_MODULE_COMPILE, ERR_MODULE_LIMIT
   */
  async read(name: string, bytes: Uint8Array): Promise<KeyedSource> {
    const key = await contentKey(bytes);
    const { source } = await this.#get(itemKey(key, {}), async () => {
      const startMs = nowMs();
      const binary = await assembleLongText(name, bytes);
      const read = { ...(await readModuleSource(name, binary, { measuresCode: true })), key };
      const compiled = await compileModuleAsync(read, {});
      const detail = { module: name, byteLength: bytes.byteLength };
      publishPhase({ name: 'compile', startMs, endMs: nowMs(), detail });
      return { source: read, compiled };
    });
    return { ...source, name };
  }

  /** @throws ModuleError ERR_MODULE_COMPILE, ERR_MODULE_LIMIT */
  async compile(
    source: KeyedSource,
    limits: ModuleLimits,
    onCompiled: (startMs: number) => void = () => {},
  ): Promise<CompiledModule> {
    const { name } = source;
    const { compiled } = await this.#get(itemKey(source.key, limits), async () => {
      const startMs = nowMs();
      const made = { source, compiled: await compileModuleAsync(source, limits) };
      onCompiled(startMs);
      return made;
    });
    return compiled.name === name ? compiled : { ...compiled, name };
  }

  get stats(): ModuleStats {
    const [kept, keptBytes, maxKeptBytes] = [this.#items.size, this.#keptBytes, this.#maxBytes];
    return { kept, keptBytes, maxKeptBytes, hits: this.#hits, misses: this.#misses };
  }

  /** Keeps nothing from now on. */
  close(): void {
    this.#isClosed = true;
    this.#items.clear();
    this.#keptBytes = 0;
  }

  async #get(key: string, make: () => Promise<Compiled>): Promise<Compiled> {
    const known = this.#items.get(key);
    if (known === undefined) return await this.#add(key, make);
    this.#items.delete(key);
    this.#items.set(key, known);
    try {
      const found = await known.promise;
      this.#hits++;
      return found;
    } catch {
      // The message of a module that cannot be compiled names it, perhaps as another tenant does.
      return await make();
    }
  }

  async #add(key: string, make: () => Promise<Compiled>): Promise<Compiled> {
    this.#misses++;
    if (this.#isClosed) return await make();
    const item: Item = { promise: make(), byteLength: 0 };
    this.#items.set(key, item);
    try {
      const made = await item.promise;
      if (this.#items.get(key) === item) this.#count(item, made);
      return made;
    } catch (error) {
      if (this.#items.get(key) === item) this.#items.delete(key);
      throw error;
    }
  }

  #count(item: Item, { source }: Compiled): void {
    item.byteLength = Math.max(source.bytes.byteLength * BYTES_PER_BYTE, source.shape?.codeBytes ?? 0);
    this.#keptBytes += item.byteLength;
    for (const [key, { byteLength }] of this.#items) {
      if (this.#keptBytes <= this.#maxBytes || this.#items.size === 1) return;
      // One that is still being compiled takes nothing that is counted yet.
      if (byteLength === 0) continue;
      this.#items.delete(key);
      this.#keptBytes -= byteLength;
    }
  }
}

function itemKey(key: string, { maxMemoryBytes, maxTableElements }: ModuleLimits): string {
  return `${key},${maxMemoryBytes},${maxTableElements}`;
}

/** In a thread of Node's pool. */
async function contentKey(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString('base64');
}

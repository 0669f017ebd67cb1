/** Finds for each import of a module what provides it. */
import { ModuleError } from '../errors.ts';
import { functionTypeText, sameFunctionType } from './import-types.ts';
import type { FunctionType, Limits, ModuleImport } from './module-binary.ts';

export type HostFunction = (...args: never[]) => unknown;

/** Something that a module may import. */
export interface Provided {
  value: WebAssembly.ImportValue | HostFunction;
  /** Of functions, where the host knows it; V8 compares those that come from another module itself. */
  type?: FunctionType | undefined;
}

/** What stands behind a module's name: the thing, or undefined where it has none of that name. */
export type ImportProvider = (name: string) => Provided | undefined;

/** What an import of a function becomes that nobody provides. */
export type UnknownImports = 'refuse' | 'trap' | 'default';

export interface LinkOptions {
  /** By module name; of several for one name the first that has the thing is taken. */
  providers: ReadonlyMap<string, readonly ImportProvider[]>;
  /** Pages that a memory may have which is made for the module. @throws ModuleError ERR_MODULE_LIMIT */
  memoryCeiling: (memory: Limits) => number | undefined;
  unknownImports: UnknownImports;
  /** Called from a guest that calls an import that nobody provides. Never returns. */
  onUnknownCall: (error: ModuleError) => never;
}

export interface LinkedImports {
  imports: WebAssembly.Imports;
  /** The memory that was made for a module that imports one which nobody provides. */
  memory: WebAssembly.Memory | undefined;
}

/**
 * Makes the import object with nothing but what the module imports.
 * @throws ModuleError ERR_MODULE_LINK when nobody provides an import, or of another type; ERR_MODULE_LIMIT for a memory
 */
export function linkImports(imports: readonly ModuleImport[], options: LinkOptions): LinkedImports {
  const linked: LinkedImports = { imports: emptyObject(), memory: undefined };
  for (const entry of imports) {
    linked.imports[entry.module] ??= emptyObject();
    const namespace = linked.imports[entry.module] as WebAssembly.ModuleImports;
    const provided = findProvided(entry, options);
    if (provided !== undefined) checkType(entry, provided);
    const value = provided?.value ?? substitute(entry, options);
    if (provided === undefined && value instanceof WebAssembly.Memory) linked.memory ??= value;
    namespace[entry.name] = value as WebAssembly.ImportValue;
  }
  return linked;
}

/** Names come from the module, and may be `__proto__`: an object without a prototype has no names of its own. */
function emptyObject<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

function findProvided({ module, name }: ModuleImport, { providers }: LinkOptions): Provided | undefined {
  for (const provider of providers.get(module) ?? []) {
    const provided = provider(name);
    if (provided !== undefined) return provided;
  }
  return undefined;
}

const importName = ({ module, name }: ModuleImport) => `${module}::${name}`;

function checkType(entry: ModuleImport, provided: Provided): void {
  const kind = kindOf(provided.value);
  if (kind !== entry.kind) throw incompatible(entry, `expected ${entry.kind}, but found ${kind}`);
  if (entry.type === undefined || provided.type === undefined || sameFunctionType(entry.type, provided.type)) return;
  throw incompatible(
    entry,
    `expected type \`${functionTypeText(entry.type)}\`, found type \`${functionTypeText(provided.type)}\``,
  );
}

function incompatible(entry: ModuleImport, reason: string): ModuleError {
  return new ModuleError('ERR_MODULE_LINK', `incompatible import type for \`${importName(entry)}\`: ${reason}`);
}

/** A function of the host during which the guest is suspended, where V8 can. */
const { Suspending } = WebAssembly as { Suspending?: new (call: HostFunction) => object };

function kindOf(value: Provided['value']): ModuleImport['kind'] {
  if (typeof value === 'function' || (Suspending !== undefined && value instanceof Suspending)) return 'func';
  if (value instanceof WebAssembly.Memory) return 'memory';
  if (value instanceof WebAssembly.Table) return 'table';
  return value instanceof WebAssembly.Global ? 'global' : 'tag';
}

/** The one function of wasi-threads. */
const THREAD_SPAWN = 'wasi::thread-spawn';

/** What stands in for an import that nobody provides. */
function substitute(entry: ModuleImport, options: LinkOptions): WebAssembly.Memory | HostFunction {
  if (entry.kind === 'memory' && entry.limits !== undefined) return importedMemory(entry, entry.limits, options);
  const name = importName(entry);
  const why = name === THREAD_SPAWN ? ' (wasi-threads is not supported: a guest has one thread)' : '';
  const unknown = new ModuleError('ERR_MODULE_LINK', `unknown import: \`${name}\` has not been defined${why}`);
  if (entry.kind !== 'func' || options.unknownImports === 'refuse') throw unknown;
  if (options.unknownImports === 'trap') return () => options.onUnknownCall(unknown);
  return defaultResults(entry, unknown);
}

/** A function that answers zero, or null, or as many of them as the type has results. */
function defaultResults(entry: ModuleImport, unknown: ModuleError): HostFunction {
  const zeros = (entry.type?.results ?? []).map((type) => {
    if (type === 'i64') return 0n;
    if (type === 'v128' || /^\(ref (?!null )/.test(type)) throw unknown;
    return type.includes('ref') ? null : 0;
  });
  if (zeros.length <= 1) return () => zeros[0];
  return () => zeros;
}

function importedMemory(entry: ModuleImport, declared: Limits, options: LinkOptions): WebAssembly.Memory {
  const ceiling = options.memoryCeiling(declared);
  const maximum = Math.min(declared.maximum ?? Infinity, ceiling ?? Infinity);
  const bounds = declared.address64
    ? { initial: BigInt(declared.minimum), ...(maximum < Infinity && { maximum: BigInt(maximum) }), address: 'i64' }
    : { initial: declared.minimum, ...(maximum < Infinity && { maximum }) };
  try {
    return new WebAssembly.Memory({ ...(bounds as WebAssembly.MemoryDescriptor), shared: declared.shared });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^WebAssembly\.Memory\(\): /, '') : String(error);
    throw new ModuleError('ERR_MODULE_LIMIT', `cannot make memory \`${importName(entry)}\`: ${reason}`, {
      cause: error,
    });
  }
}

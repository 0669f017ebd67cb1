/** From the bytes or the file of a module to what V8 can instantiate. */
import { readFileSync } from 'node:fs';
import { ModuleError, systemReason } from '../errors.ts';
import { ExcessiveModule, type ModuleShape, moduleKind, readModuleShape } from './module-binary.ts';
import { type ModuleLimits, rewriteModule } from './module-rewrite.ts';
import { hasSlowInstructions } from './slow-instructions.ts';
import { withoutPrefix } from './trap.ts';

/** A module and what the host knows of it. Can be posted to a worker thread. */
export interface CompiledModule {
  /** As the user named it: a path, or a word for bytes. */
  name: string;
  module: WebAssembly.Module;
  shape: ModuleShape;
  /** See {@link rewriteModule}. */
  codeShiftBytes: number;
  /** Whether the start function became an export, to be called once there is an instance. */
  startDeferred: boolean;
}

/** A module's bytes and what was read of them. */
export interface ModuleSource {
  name: string;
  bytes: Uint8Array;
  /** Undefined where our reader could not read what V8 perhaps can; it is not run. */
  shape: ModuleShape | undefined;
  unreadable: string | undefined;
  /** Whether it has more of something than may be. */
  isExcessive?: boolean | undefined;
}

/** @throws ModuleError ERR_MODULE_NOT_FOUND with the system's reason */
export function readModuleFile(path: string): Uint8Array {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    const reason = systemReason(error);
    throw new ModuleError('ERR_MODULE_NOT_FOUND', `failed to open wasm module "${path}": ${reason}`, { cause: error });
  }
}

/**
 * Reads what is needed before compilation. Text modules are assembled first.
 * @param options `measuresCode`: whether the length of its machine code is wanted, for which all of it is looked at
 * @throws ModuleError ERR_MODULE_COMPILE for components, precompiled files and bad text; ERR_MODULE_LIMIT for what would take
 *   too much to compile
 */
export async function readModuleSource(
  name: string,
  bytes: Uint8Array,
  options: { measuresCode?: boolean } = {},
): Promise<ModuleSource> {
  const kind = moduleKind(bytes);
  if (kind === 'text')
    return readShape(name, await (await import('./text-module.ts')).assembleText(name, bytes), options);
  if (kind === 'module') return readShape(name, bytes, options);
  const reason =
    kind === 'component'
      ? 'is a component; only core modules (wasm32-wasip1) run here'
      : 'is an ELF file, such as wasmtime precompiles; only WebAssembly modules and their text run here';
  throw new ModuleError('ERR_MODULE_COMPILE', `${name} ${reason}`);
}

function readShape(name: string, bytes: Uint8Array, options: { measuresCode?: boolean }): ModuleSource {
  try {
    return { name, bytes, shape: readModuleShape(bytes, options), unreadable: undefined };
  } catch (error) {
    if (error instanceof ModuleError) throw new ModuleError(error.code, `${name}: ${error.message}`, { cause: error });
    const unreadable = error instanceof Error ? error.message : String(error);
    return { name, bytes, shape: undefined, unreadable, isExcessive: error instanceof ExcessiveModule };
  }
}

/**
 * Compiles a module with its limits written into it.
 * @throws ModuleError ERR_MODULE_COMPILE, ERR_MODULE_LIMIT
 */
export function compileModule(source: ModuleSource, limits: ModuleLimits): CompiledModule {
  const { bytes, ...rest } = prepared(source, limits);
  const module = compileBytes(source.name, bytes);
  origins.set(module, { bytes: source.bytes, limits });
  return { ...rest, module };
}

/** The same in V8's own threads, but for a copy of the bytes, and so that a thread that runs the module can be ended. */
export async function compileModuleAsync(source: ModuleSource, limits: ModuleLimits): Promise<CompiledModule> {
  const { bytes, ...rest } = prepared(source, limits);
  try {
    const module = await WebAssembly.compile(
      (await interruptible(source.bytes, rest.shape, bytes)) as Uint8Array<ArrayBuffer>,
    );
    origins.set(module, { bytes: source.bytes, limits });
    return { ...rest, module };
  } catch (error) {
    throw compileError(source.name, error);
  }
}

/** A custom section, named `ends`. */
const MARK = Uint8Array.of(0, 5, 4, 0x65, 0x6e, 0x64, 0x73);

/**
 * For a module with slow instructions, has V8 look for requests to end in each round of a loop, from now on and in the whole
 * process: Node 26 asks for the flag when it compiles a function, at its first call in whatever thread. Functions are
 * optimized at their first call then, and not when they turn out to be hot. V8 shares what it compiled of equal bytes,
 * which somebody may have had it compile before: the mark makes them others.
 */
async function interruptible(original: Uint8Array, shape: ModuleShape, bytes: Uint8Array): Promise<Uint8Array> {
  if (!hasSlowInstructions(original, shape)) return bytes;
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  const marked = new Uint8Array(bytes.byteLength + MARK.byteLength);
  marked.set(bytes);
  marked.set(MARK, bytes.byteLength);
  return marked;
}

/** What a module was made of: binary, whatever it was read from, and before its limits were written into it. */
export interface ModuleOrigin {
  bytes: Uint8Array;
  limits: ModuleLimits;
}

const origins = new WeakMap<WebAssembly.Module, ModuleOrigin>();

/** For other processes, which cannot be given the module itself. Undefined: it was compiled on another thread. */
export function moduleOrigin({ module }: CompiledModule): ModuleOrigin | undefined {
  return origins.get(module);
}

/** What is to be compiled. @throws ModuleError ERR_MODULE_COMPILE, ERR_MODULE_LIMIT */
function prepared(source: ModuleSource, limits: ModuleLimits) {
  const { name, shape } = source;
  if (shape === undefined) return unread(source);
  const startDeferred = shape.startFunction !== undefined && shape.imports.some(({ kind }) => kind === 'func');
  return { name, shape, startDeferred, ...rewritten(source, shape, limits, startDeferred) };
}

function rewritten({ name, bytes }: ModuleSource, shape: ModuleShape, limits: ModuleLimits, deferStart: boolean) {
  try {
    return rewriteModule(bytes, shape, limits, deferStart);
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    throw new ModuleError(error.code, `failed to instantiate "${name}": ${error.message}`, { cause: error });
  }
}

/**
 * V8's verdict comes first: mostly the bytes are not valid. What it takes and we cannot read is not run: nothing of it could
 * be bounded.
 */
function unread({ name, bytes, unreadable, isExcessive }: ModuleSource): never {
  compileBytes(name, bytes);
  const why = isExcessive
    ? 'it has more than may be'
    : 'it has a form that is not known here, so that it has no bounds';
  throw new ModuleError('ERR_MODULE_LIMIT', `${name}: ${why}: ${unreadable}`);
}

function compileBytes(name: string, bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw compileError(name, error);
  }
}

function compileError(name: string, error: unknown): ModuleError {
  const words = error instanceof Error ? withoutPrefix(error.message) : String(error);
  const what = words.startsWith('Compiling function') ? 'failed to compile' : 'failed to parse WebAssembly module';
  return new ModuleError('ERR_MODULE_COMPILE', `${what} ${name}: ${inUsersWords(words)}`, { cause: error });
}

/** V8 names flags for what it does not take yet: older ones have not all of it, or lack the flag. */
function inUsersWords(words: string): string {
  const [flag] = /, enable with --experimental-wasm-[\w-]+/.exec(words) ?? [];
  if (flag === undefined) return words;
  const lack = `Node ${process.version} lacks a part of WebAssembly that the module uses; a newer one may have it`;
  return `${words.replace(flag, '')} (${lack})`;
}

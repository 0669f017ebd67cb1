/** Instances of modules, and what of their exports the host calls. */
import { ModuleError } from '../errors.ts';
import type { CompiledModule } from './compile.ts';
import type { InstanceLimits } from './guest-plan.ts';
import type { FunctionType } from './module-binary.ts';
import { startExportName } from './module-rewrite.ts';
import { withoutPrefix } from './trap.ts';

export type ExportedFunction = (...args: unknown[]) => unknown;

/** An exported function and its type. */
export interface Callable {
  call: ExportedFunction;
  type: FunctionType;
}

/** @throws ModuleError ERR_MODULE_LINK; what V8 throws for segments that do not fit, and where memory runs out */
export function instantiate({ module, shape }: CompiledModule, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError)) throw error;
    // V8 names an import by its index where a memory, table or global does not fit.
    const words = withoutPrefix(error.message).replace(/^Import #\d+ .*?: /, '');
    const entry = shape.imports[Number(/import #?(\d+)/i.exec(error.message)?.[1] ?? -1)];
    const what = entry && `incompatible import type for \`${entry.module}::${entry.name}\`: `;
    throw new ModuleError('ERR_MODULE_LINK', `${what ?? ''}${words}`, { cause: error });
  }
}

/** The start function that became an export, to be called before anything else; undefined where there is none. */
export function deferredStart(program: CompiledModule, instance: WebAssembly.Instance): ExportedFunction | undefined {
  if (!program.startDeferred) return undefined;
  return instance.exports[startExportName(program.shape)] as ExportedFunction;
}

/** What a reactor wants called before anything else. @throws ModuleError ERR_MODULE_EXPORT where it takes something */
export function initializer(program: CompiledModule, instance: WebAssembly.Instance): ExportedFunction | undefined {
  const exported = exportedFunction(program, instance, '_initialize');
  const count = exported?.type.params.length ?? 0;
  if (count > 0) throw new ModuleError('ERR_MODULE_EXPORT', `_initialize: expected 0 parameters, found ${count}`);
  return exported?.call;
}

export function exportedFunction(
  { shape }: CompiledModule,
  { exports }: WebAssembly.Instance,
  name: string,
): Callable | undefined {
  const entry = shape.exports.find((candidate) => candidate.name === name && candidate.kind === 'func');
  if (entry === undefined) return undefined;
  const type = entry.type ?? { params: [], results: [] };
  return { call: exports[name] as ExportedFunction, type };
}

/** Counts what the instances of one run have. */
export class InstanceCount {
  #instances = 0;
  #memories = 0;
  #tables = 0;

  /** @throws ModuleError ERR_MODULE_LIMIT when one more module would be too many */
  add({ shape }: CompiledModule, limits: InstanceLimits): void {
    this.#instances += 1;
    this.#memories += shape.memories.length;
    this.#tables += shape.tables.length;
    this.#check('instance', this.#instances, limits.maxInstances);
    this.#check('memory', this.#memories, limits.maxMemories);
    this.#check('table', this.#tables, limits.maxTables);
  }

  #check(what: string, count: number, limit: number | undefined): void {
    if (limit === undefined || count <= limit) return;
    throw new ModuleError('ERR_MODULE_LIMIT', `resource limit exceeded: ${what} count too high at ${count}`);
  }
}

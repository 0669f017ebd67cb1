import { type CompiledModule, compileModule, readModuleSource } from '../../src/engine/compile.ts';
import type { ModuleLimits } from '../../src/engine/module-rewrite.ts';
import { assembleText } from '../../src/engine/text-module.ts';

/** A binary module from its text. */
export function assemble(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return assembleText('test.wat', new TextEncoder().encode(text)) as Promise<Uint8Array<ArrayBuffer>>;
}

/** A module, text or binary, as the host compiles it, named `test.wat`. */
export async function compileText(module: string | Uint8Array, limits: ModuleLimits = {}): Promise<CompiledModule> {
  const bytes = typeof module === 'string' ? new TextEncoder().encode(module) : module;
  return compileModule(await readModuleSource('test.wat', bytes), limits);
}

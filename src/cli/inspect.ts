/** The command `inspect`: what a model or a module takes and gives, read without running anything of it. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parseArgs } from 'node:util';
import { readModuleSource } from '../engine/compile.ts';
import { moduleKind } from '../engine/module-binary.ts';
import { ModuleError, systemReason } from '../errors.ts';
import { inspectModel, type ModelInspection } from './inspect-model.ts';
import { inspectModule, type ModuleInspection } from './inspect-module.ts';
import { modelText, moduleText } from './inspect-text.ts';
import type { CliIo } from './io.ts';

const USAGE = `Usage: wasi-nn-host inspect [--json] FILE

Shows what a file takes and gives, without running or compiling a model of it:
  a model (OpenVINO IR, ONNX, TensorFlow Lite, TensorFlow GraphDef): inputs and outputs with
  types and shapes, versions, and how often each operation comes
  a WebAssembly module, binary or text: imports and which of them this host provides,
  exports, memories, tables, and the size of each section

  --json  the same for programs

Exit code 0, 1 for a file that cannot be read or is broken, 2 for wrong usage.
`;

/**
 * @param args what stands behind the command
 * @returns the exit code: 0, or 2 for wrong usage
 * @throws ModuleError, BackendError for a file that cannot be read or is broken
 */
export async function inspect(args: readonly string[], io: CliIo): Promise<number> {
  const options = readArguments(args, io);
  if (typeof options === 'number') return options;
  const inspection = await inspectFile(options.file);
  if (options.json) io.stdout(`${printableJson(inspection)}\n`);
  else io.stdout(inspection.kind === 'model' ? modelText(inspection) : moduleText(inspection));
  return 0;
}

function readArguments(args: readonly string[], io: CliIo): { json: boolean; file: string } | number {
  const wrong = (reason: string) => {
    io.stderr(`wasi-nn-host inspect: ${reason}\n${USAGE}`);
    return 2;
  };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    const [file, ...more] = positionals;
    if (values.help) {
      io.stdout(USAGE);
      return 0;
    }
    if (file === undefined || more.length > 0) return wrong('one file is expected');
    return { json: values.json === true, file };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

async function inspectFile(file: string): Promise<ModelInspection | ModuleInspection> {
  const bytes = read(file);
  if (isModule(file, bytes)) return inspectModule(file, await readModuleSource(file, bytes));
  return inspectModel(file, bytes);
}

/** @throws ModuleError ERR_MODULE_NOT_FOUND */
function read(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const reason = `failed to open "${file}": ${systemReason(error)}`;
    throw new ModuleError('ERR_MODULE_NOT_FOUND', reason, { cause: error });
  }
}

/** Text modules are told by their name, or as they begin: models in text begin with `<`. */
function isModule(file: string, bytes: Uint8Array): boolean {
  if (moduleKind(bytes) !== 'text') return true;
  return extname(file) === '.wat' || /^\s*(?:\(|;;)/.test(Buffer.from(bytes.subarray(0, 200)).toString('latin1'));
}

/** Names come from the file: what a terminal would obey is written as JSON may write it. */
function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) =>
    [...Array(sign.length).keys()].map((at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

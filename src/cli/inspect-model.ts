/** `inspect` of a model: what it says of itself. */
import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { BackendError } from '../errors.ts';
import { describeModel, type ModelDescription } from '../nn/model-content/describe/index.ts';

/** What `inspect --json` prints of a model. */
export interface ModelInspection extends ModelDescription {
  kind: 'model';
  file: string;
  byteLength: number;
  /** Of an OpenVINO IR: the file of its weights beside it. Undefined: there is none, or the encoding has no such file. */
  weights: { file: string; byteLength: number } | undefined;
}

/** @throws BackendError for what is no model, or broken, with the name of the file */
export function inspectModel(file: string, bytes: Uint8Array): ModelInspection {
  const model = described(file, bytes);
  const weights = model.encoding === 'openvino' ? weightsBeside(file) : undefined;
  return { kind: 'model', file, byteLength: bytes.byteLength, weights, ...model };
}

function described(file: string, bytes: Uint8Array): ModelDescription {
  try {
    return describeModel(bytes);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new BackendError(error.code, `"${file}": ${error.message}`, { cause: error });
  }
}

function weightsBeside(file: string): ModelInspection['weights'] {
  const beside = `${file.slice(0, file.length - extname(file).length)}.bin`;
  const byteLength = statSync(beside, { throwIfNoEntry: false })?.size;
  return byteLength === undefined ? undefined : { file: beside, byteLength };
}

import { BackendError } from '../../../errors.ts';
import { sniff } from '../sniff.ts';
import { describeGraphDef } from './graph-def.ts';
import { describeIr } from './ir.ts';
import type { ModelDescription } from './model-description.ts';
import { describeOnnx } from './onnx.ts';
import { describeTfLite } from './tflite.ts';

export type { ModelDescription, PortDescription } from './model-description.ts';

/**
 * Reads what a model says of itself, whatever its file is called.
 * @throws BackendError ERR_NN_INVALID_MODEL, ERR_NN_EXTERNAL_DATA, ERR_NN_UNSUPPORTED_ENCODING
 */
export function describeModel(bytes: Uint8Array): ModelDescription {
  const content = sniff(bytes);
  if (content === 'openvino') return describeIr(bytes);
  if (content === 'onnx') return describeOnnx(bytes);
  if (content === 'tensorflow') return describeGraphDef(bytes);
  if (content === 'tensorflowlite') return describeTfLite(bytes);
  if (content === 'unknown') {
    throw new BackendError('ERR_NN_INVALID_MODEL', 'the bytes are neither a WebAssembly module nor a model known here');
  }
  throw new BackendError('ERR_NN_UNSUPPORTED_ENCODING', `it is a ${content} model, which is not read here`);
}

import { BackendError } from '../../errors.ts';
import type { Encoding } from '../backend.ts';
import { requireGraphDef } from './graph-def-scan.ts';
import { refuseWeightsPath } from './ir-scan.ts';
import { refuseExternalData } from './onnx-scan.ts';
import { LESS_THAN, sniff, xmlStart } from './sniff.ts';
import { requireWholeTfLite } from './tflite-scan.ts';

/** The encodings that OpenVINO reads, in its own words. */
export type CheckedEncoding = 'ir' | 'onnx' | 'tensorflow' | 'tensorflowlite';

/** A model that may be given to OpenVINO. */
export interface CheckedModel {
  encoding: CheckedEncoding;
  /** IR: xml, then weights where given. Others: one. Weights may still view guest memory; the rest are copies. */
  builders: Uint8Array[];
}

/**
 * Looks at a guest's model before OpenVINO does: finds what it is, copies what is looked at (in a shared memory another
 * thread may change it in between), and refuses what would make OpenVINO open a file of the host.
 *
 * IR given as IR may be ONNX in truth, as under wasmtime, where OpenVINO finds out: it is checked as what it is.
 *
 * @param builders IR: xml and weights. Others: one
 * @param isPrivate whether the first of them is in memory that nobody else changes, and need not be copied
 * @throws BackendError ERR_NN_INVALID_ARGUMENT for the wrong number of builders, ERR_NN_UNSUPPORTED_ENCODING,
 *   ERR_NN_INVALID_MODEL, ERR_NN_EXTERNAL_DATA
 */
export function checkModel(
  builders: readonly Uint8Array[],
  encoding: Encoding,
  { isPrivate = false } = {},
): CheckedModel {
  const given = builders[0] ?? new Uint8Array(0);
  const first = isPrivate ? given : privateCopy(given);
  if (encoding !== 'autodetect') requireCount(builders.length, encoding === 'openvino' ? 2 : 1, encoding);
  const content = sniff(first);
  switch (encoding) {
    case 'openvino':
      if (content === 'onnx') return checkedOnnx(first);
      return checkedIr(first, builders[1]);
    case 'onnx':
      return checkedOnnx(first);
    case 'tensorflow':
      return checkedTensorFlow(first);
    case 'tensorflowlite':
      return checkedTensorFlowLite(first);
    case 'autodetect':
      return checkDetected(first, builders, content);
    default:
      throw unsupported(encoding);
  }
}

function checkDetected(
  first: Uint8Array,
  builders: readonly Uint8Array[],
  content: ReturnType<typeof sniff>,
): CheckedModel {
  if (content === 'openvino') {
    if (builders.length !== 1) requireCount(builders.length, 2, content);
    return checkedIr(first, builders[1]);
  }
  if (content === 'pytorch' || content === 'ggml') throw unsupported(content);
  if (content === 'unknown') throw new BackendError('ERR_NN_INVALID_MODEL', 'the bytes are of no encoding known here');
  requireCount(builders.length, 1, content);
  if (content === 'onnx') return checkedOnnx(first);
  return content === 'tensorflow' ? checkedTensorFlow(first) : checkedTensorFlowLite(first);
}

function checkedIr(xml: Uint8Array, weights: Uint8Array | undefined): CheckedModel {
  const text = xml.subarray(xmlStart(xml));
  if (text[0] !== LESS_THAN) {
    throw new BackendError('ERR_NN_INVALID_MODEL', 'the first builder is no OpenVINO IR: it does not begin as XML');
  }
  refuseWeightsPath(text);
  return { encoding: 'ir', builders: weights === undefined ? [text] : [text, weights] };
}

function checkedOnnx(bytes: Uint8Array): CheckedModel {
  refuseExternalData(bytes);
  return { encoding: 'onnx', builders: [bytes] };
}

function checkedTensorFlow(bytes: Uint8Array): CheckedModel {
  requireGraphDef(bytes);
  return { encoding: 'tensorflow', builders: [bytes] };
}

function checkedTensorFlowLite(bytes: Uint8Array): CheckedModel {
  requireWholeTfLite(bytes);
  return { encoding: 'tensorflowlite', builders: [bytes] };
}

/** Over memory of its own, shared with nobody. */
function privateCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

function requireCount(count: number, expected: number, encoding: Encoding): void {
  if (count !== expected) {
    throw new BackendError('ERR_NN_INVALID_ARGUMENT', `${encoding} takes ${expected} builders, got ${count}`);
  }
}

function unsupported(encoding: Encoding): BackendError {
  const hint = 'convert it to OpenVINO IR, ONNX or TensorFlow Lite';
  return new BackendError('ERR_NN_UNSUPPORTED_ENCODING', `OpenVINO does not read ${encoding} models here; ${hint}`);
}

import { BackendError } from '../../errors.ts';
import { FlatBuffer, type FlatTable } from './flatbuffer.ts';

/**
 * Fields of the TensorFlow Lite schema, by number.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */
const MODEL = { operatorCodes: 1, subgraphs: 2, buffers: 4, externalBufferGroups: 8, externalBuffers: 9 } as const;
const BUFFER = { data: 0, offset: 1, size: 2 } as const;
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 } as const;
const TENSOR = {
  shape: 0,
  buffer: 2,
  name: 3,
  quantization: 4,
  sparsity: 6,
  shapeSignature: 7,
  externalBuffer: 10,
} as const;
const QUANTIZATION = { min: 0, max: 1, scale: 2, zeroPoint: 3 } as const;
const OPERATOR = {
  code: 0,
  inputs: 1,
  outputs: 2,
  options: 4,
  customOptions: 5,
  intermediates: 8,
  options2: 12,
} as const;
const OPERATOR_CODE = { customCode: 1 } as const;

const IDENTIFIER = 'TFL3';

/** `-1` stands for an optional input that is not given. */
const NO_TENSOR = -1;

/**
 * Makes sure that the bytes are a whole TensorFlow Lite model: every table, vector and text lies inside, every index has
 * its element, and all weights are in the model.
 *
 * @throws BackendError ERR_NN_INVALID_MODEL; ERR_NN_EXTERNAL_DATA where weights lie in files of their own
 */
export function requireWholeTfLite(bytes: Uint8Array): void {
  requireHead(bytes);
  const file = new FlatBuffer(bytes);
  const model = file.root();
  if (model.vector(MODEL.externalBufferGroups, 4)?.length || model.vector(MODEL.externalBuffers, 4)?.length) {
    throw new BackendError('ERR_NN_EXTERNAL_DATA', 'the TensorFlow Lite model keeps weights in files of their own');
  }
  const operatorCodes = model.tables(MODEL.operatorCodes);
  for (const code of operatorCodes) code.checkString(OPERATOR_CODE.customCode);
  const buffers = model.tables(MODEL.buffers);
  for (const buffer of buffers) checkBuffer(buffer, file.byteLength);
  const subgraphs = model.tables(MODEL.subgraphs);
  if (subgraphs.length === 0) throw invalid('it has no graph');
  for (const subgraph of subgraphs) checkSubgraph(subgraph, operatorCodes.length, buffers.length);
}

/**
 * The first eight bytes: where the root table lies, and the identifier.
 *
 * OpenVINO asks every frontend whether the file is for it, so the file must not be ONNX at the same time. With a root
 * below 256 on a multiple of 4, which is where writers put it, protobuf meets field 0 or the end of a group at once.
 */
function requireHead(bytes: Uint8Array): void {
  const isIdentified = [...IDENTIFIER].every((letter, index) => bytes[4 + index] === letter.charCodeAt(0));
  if (!isIdentified) throw invalid('it does not begin as such a model');
  if (bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) throw invalid('its root table lies far from its start');
}

/** A buffer's bytes lie in it, or behind the tables in the same file. */
function checkBuffer(buffer: FlatTable, fileBytes: number): void {
  buffer.vector(BUFFER.data, 1);
  const offset = buffer.uint64(BUFFER.offset);
  if (offset > 1n && offset + buffer.uint64(BUFFER.size) > BigInt(fileBytes)) {
    throw invalid('weights lie behind its end');
  }
}

function checkSubgraph(subgraph: FlatTable, codeCount: number, bufferCount: number): void {
  subgraph.checkString(SUBGRAPH.name);
  const tensors = subgraph.tables(SUBGRAPH.tensors);
  for (const tensor of tensors) checkTensor(tensor, bufferCount);
  checkIndices(subgraph.int32s(SUBGRAPH.inputs), tensors.length, 0);
  checkIndices(subgraph.int32s(SUBGRAPH.outputs), tensors.length, 0);
  for (const operator of subgraph.tables(SUBGRAPH.operators)) {
    if (operator.uint32(OPERATOR.code) >= codeCount) throw invalid('an operator has no code');
    checkIndices(operator.int32s(OPERATOR.inputs), tensors.length, NO_TENSOR);
    checkIndices(operator.int32s(OPERATOR.outputs), tensors.length, 0);
    checkIndices(operator.int32s(OPERATOR.intermediates), tensors.length, NO_TENSOR);
    operator.table(OPERATOR.options);
    operator.table(OPERATOR.options2);
    operator.vector(OPERATOR.customOptions, 1);
  }
}

function checkTensor(tensor: FlatTable, bufferCount: number): void {
  tensor.checkString(TENSOR.name);
  if (tensor.int32s(TENSOR.shape).some((dimension) => dimension < 0)) throw invalid('a shape is negative');
  tensor.int32s(TENSOR.shapeSignature);
  // A model without any buffers is older than buffer 0, which stands for none.
  const buffer = tensor.uint32(TENSOR.buffer);
  if (buffer !== 0 && buffer >= bufferCount) throw invalid('a tensor has no buffer');
  if (tensor.uint32(TENSOR.externalBuffer) !== 0) {
    throw new BackendError('ERR_NN_EXTERNAL_DATA', 'a tensor of the TensorFlow Lite model lies in a file of its own');
  }
  const quantization = tensor.table(TENSOR.quantization);
  quantization?.vector(QUANTIZATION.min, 4);
  quantization?.vector(QUANTIZATION.max, 4);
  quantization?.vector(QUANTIZATION.scale, 4);
  quantization?.vector(QUANTIZATION.zeroPoint, 8);
  tensor.table(TENSOR.sparsity);
}

function checkIndices(indices: readonly number[], count: number, least: number): void {
  if (indices.some((index) => index < least || index >= count)) throw invalid('an index has no tensor');
}

function invalid(why: string): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `the TensorFlow Lite model is damaged: ${why}`);
}

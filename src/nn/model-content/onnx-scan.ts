import { BackendError } from '../../errors.ts';
import { ProtobufFields, WIRE } from './protobuf.ts';

type Message = 'model' | 'graph' | 'node' | 'attribute' | 'tensor' | 'sparse' | 'function' | 'training';

/**
 * The fields of ONNX's messages that hold a tensor, or a message in which one may lie, by field number.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const FIELDS: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  tensor: {},
  sparse: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  training: { 1: 'graph', 2: 'graph' },
};

/** TensorProto's two fields about files. */
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;

/**
 * Refuses an ONNX model any tensor of which lies outside its own bytes: OpenVINO opens such files, wherever they are,
 * and their content comes back through inference.
 *
 * Every occurrence of every field is walked, since protobuf merges a message that comes twice; a known field in another
 * wire type than its own is refused, since a parser may skip it or not. Names of files are not repeated in the message.
 *
 * @param bytes that nobody else can change between this check and their use
 * @throws BackendError ERR_NN_EXTERNAL_DATA; ERR_NN_INVALID_MODEL for what is no ONNX model at all
 */
export function refuseExternalData(bytes: Uint8Array): void {
  let hasGraph = false;
  const fields = new ProtobufFields(bytes);
  while (fields.next()) {
    const inner = FIELDS.model[fields.number];
    if (inner === undefined) continue;
    hasGraph ||= inner === 'graph';
    walk(inner, fields.message());
  }
  if (!hasGraph) throw new BackendError('ERR_NN_INVALID_MODEL', 'the bytes are no ONNX model: it has no graph');
}

function walk(message: Message, fields: ProtobufFields): void {
  while (fields.next()) {
    const inner = FIELDS[message][fields.number];
    if (inner !== undefined) walk(inner, fields.message());
    else if (message === 'tensor') checkTensorField(fields);
  }
}

function checkTensorField(fields: ProtobufFields): void {
  if (fields.number === EXTERNAL_DATA) throw outside();
  if (fields.number !== DATA_LOCATION) return;
  if (fields.wireType !== WIRE.varint) {
    throw new BackendError('ERR_NN_INVALID_MODEL', 'a tensor tells where its data lies in an unknown form');
  }
  if (fields.isNonZero) throw outside();
}

function outside(): BackendError {
  return new BackendError(
    'ERR_NN_EXTERNAL_DATA',
    'a tensor of the ONNX model lies in a file of its own; the data has to be inside the model',
  );
}

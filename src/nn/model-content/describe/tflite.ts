import { FlatBuffer, type FlatTable } from '../flatbuffer.ts';
import { requireWholeTfLite } from '../tflite-scan.ts';
import { type ModelDescription, OperationCount, type PortDescription, textOf } from './model-description.ts';

/** Numbers of the schema's fields. @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs */
const MODEL = { version: 0, operatorCodes: 1, subgraphs: 2, description: 3 } as const;
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 } as const;
const TENSOR = { shape: 0, type: 1, name: 3, shapeSignature: 7 } as const;
const OPERATOR = { code: 0 } as const;
const OPERATOR_CODE = { olderBuiltin: 0, custom: 1, builtin: 3 } as const;

const ELEMENT_TYPES: readonly string[] = [
  ...['f32', 'f16', 'i32', 'u8', 'i64', 'string', 'boolean', 'i16', 'complex64', 'i8', 'f64', 'complex128', 'u64'],
  ...['resource', 'variant', 'u32', 'u16', 'i4', 'bf16'],
];

/** Built-in operators by number; later ones are shown by theirs. */
const BUILTIN = `ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP
FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION
LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP
TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER
GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT
RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK
REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL`.split(/\s+/);

/** Reads what a TensorFlow Lite model says of itself; of several graphs the first. @throws BackendError ERR_NN_INVALID_MODEL, ERR_NN_EXTERNAL_DATA */
export function describeTfLite(bytes: Uint8Array): ModelDescription {
  requireWholeTfLite(bytes);
  const model = new FlatBuffer(bytes).root();
  const codes = model.tables(MODEL.operatorCodes).map((code) => operatorName(bytes, code));
  const [graph] = model.tables(MODEL.subgraphs);
  const tensors = graph?.tables(SUBGRAPH.tensors) ?? [];
  const operations = new OperationCount();
  for (const operator of graph?.tables(SUBGRAPH.operators) ?? []) {
    operations.add(codes[operator.uint32(OPERATOR.code)] ?? 'unknown');
  }
  const portsOf = (field: number) =>
    (graph?.int32s(field) ?? []).flatMap((index) => tensors[index] ?? []).map((tensor) => portOf(bytes, tensor));
  return {
    encoding: 'tensorflowlite',
    name: (graph && textAt(bytes, graph, SUBGRAPH.name)) || undefined,
    producer: textAt(bytes, model, MODEL.description) || undefined,
    versions: [`schema ${model.uint32(MODEL.version)}`],
    inputs: portsOf(SUBGRAPH.inputs),
    outputs: portsOf(SUBGRAPH.outputs),
    operations: operations.sorted,
  };
}

/** The number was one byte at first; writers fill both fields, and readers take the larger. */
function operatorName(bytes: Uint8Array, code: FlatTable): string {
  const number = Math.max(code.uint8(OPERATOR_CODE.olderBuiltin), code.uint32(OPERATOR_CODE.builtin));
  const name = BUILTIN[number] ?? `operator ${number}`;
  return name === 'CUSTOM' ? `CUSTOM ${textAt(bytes, code, OPERATOR_CODE.custom)}`.trim() : name;
}

function portOf(bytes: Uint8Array, tensor: FlatTable): PortDescription {
  const signature = tensor.int32s(TENSOR.shapeSignature);
  return {
    name: textAt(bytes, tensor, TENSOR.name),
    elementType: ELEMENT_TYPES[tensor.uint8(TENSOR.type)] ?? 'unknown',
    shape: signature.length > 0 ? signature : tensor.int32s(TENSOR.shape),
  };
}

function textAt(bytes: Uint8Array, table: FlatTable, field: number): string {
  const text = table.vector(field, 1);
  return text === undefined ? '' : textOf(bytes, text.start, text.start + text.length);
}

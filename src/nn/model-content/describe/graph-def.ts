import { requireGraphDef } from '../graph-def-scan.ts';
import { ProtobufFields, WIRE } from '../protobuf.ts';
import { type ModelDescription, OperationCount, type PortDescription, textOf } from './model-description.ts';
import { varintOf } from './varint.ts';

/** Numbers of TensorFlow's fields. @see https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework */
const GRAPH = { node: 1, versions: 4 } as const;
const VERSIONS = { producer: 1 } as const;
const NODE = { name: 1, op: 2, input: 3, attribute: 5 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const ATTRIBUTE = { type: 6, shape: 7 } as const;
const SHAPE = { dimension: 2, unknownRank: 3 } as const;
const DIMENSION = { size: 1 } as const;

const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  ...{ 1: 'f32', 2: 'f64', 3: 'i32', 4: 'u8', 5: 'i16', 6: 'i8', 7: 'string', 8: 'complex64', 9: 'i64', 10: 'boolean' },
  ...{ 14: 'bf16', 17: 'u16', 18: 'complex128', 19: 'f16', 22: 'u32', 23: 'u64' },
};

interface Node {
  name: string;
  op: string;
  inputs: string[];
  elementType: string;
  shape: readonly number[] | null;
}

/**
 * Reads what a TensorFlow GraphDef says of itself. Its inputs are its placeholders, its outputs the nodes that no other
 * takes.
 * @throws BackendError ERR_NN_INVALID_MODEL
 */
export function describeGraphDef(bytes: Uint8Array): ModelDescription {
  requireGraphDef(bytes);
  const nodes: Node[] = [];
  const versions: string[] = [];
  for (const fields = new ProtobufFields(bytes); fields.next(); ) {
    if (fields.number === GRAPH.node) nodes.push(readNode(bytes, fields.message()));
    else if (fields.number === GRAPH.versions) versions.push(...producerVersions(bytes, fields.message()));
  }
  const operations = new OperationCount();
  for (const { op } of nodes) operations.add(op);
  const taken = new Set(nodes.flatMap(({ inputs }) => inputs.map((input) => input.replace(/^\^|:\d+$/g, ''))));
  const isInput = ({ op }: Node) => op === 'Placeholder' || op === 'PlaceholderWithDefault';
  const portOf = ({ name, elementType, shape }: Node): PortDescription => ({ name, elementType, shape });
  return {
    encoding: 'tensorflow',
    name: undefined,
    producer: undefined,
    versions,
    inputs: nodes.filter(isInput).map(portOf),
    outputs: nodes.filter(({ name, op }) => !taken.has(name) && op !== 'NoOp' && op !== 'Placeholder').map(portOf),
    operations: operations.sorted,
  };
}

function producerVersions(bytes: Uint8Array, fields: ProtobufFields): string[] {
  const versions: string[] = [];
  while (fields.next()) {
    if (fields.number !== VERSIONS.producer || fields.wireType !== WIRE.varint) continue;
    versions.push(`producer version ${varintOf(bytes, fields.start, fields.end)}`);
  }
  return versions;
}

function readNode(bytes: Uint8Array, fields: ProtobufFields): Node {
  const node: Node = { name: '', op: '', inputs: [], elementType: 'unknown', shape: null };
  while (fields.next()) {
    if (fields.wireType !== WIRE.bytes) continue;
    if (fields.number === NODE.name) node.name = textOf(bytes, fields.start, fields.end);
    else if (fields.number === NODE.op) node.op = textOf(bytes, fields.start, fields.end);
    else if (fields.number === NODE.input) node.inputs.push(textOf(bytes, fields.start, fields.end));
    else if (fields.number === NODE.attribute) readAttribute(bytes, fields.message(), node);
  }
  return node;
}

function readAttribute(bytes: Uint8Array, entry: ProtobufFields, node: Node): void {
  let key = '';
  while (entry.next()) {
    if (entry.number === ENTRY.key) key = textOf(bytes, entry.start, entry.end);
    else if (entry.number === ENTRY.value && entry.wireType === WIRE.bytes) {
      const value = entry.message();
      while (value.next()) {
        if (key === 'shape' && value.number === ATTRIBUTE.shape) node.shape = readShape(bytes, value.message());
        else if ((key === 'dtype' || key === 'T') && value.number === ATTRIBUTE.type) {
          node.elementType = ELEMENT_TYPES[varintOf(bytes, value.start, value.end)] ?? 'unknown';
        }
      }
    }
  }
}

function readShape(bytes: Uint8Array, fields: ProtobufFields): number[] | null {
  const shape: number[] = [];
  while (fields.next()) {
    if (fields.number === SHAPE.unknownRank && fields.isNonZero) return null;
    if (fields.number !== SHAPE.dimension) continue;
    let size = 0;
    for (const dimension = fields.message(); dimension.next(); ) {
      if (dimension.number === DIMENSION.size) size = varintOf(bytes, dimension.start, dimension.end);
    }
    shape.push(size);
  }
  return shape;
}

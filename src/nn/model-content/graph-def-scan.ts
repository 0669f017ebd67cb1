import { BackendError } from '../../errors.ts';
import { ProtobufFields, WIRE } from './protobuf.ts';

/** Fields of TensorFlow's GraphDef and NodeDef. @see https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework */
const GRAPH = { node: 1, library: 2, version: 3, versions: 4 } as const;
const NODE = { name: 1, op: 2 } as const;

/**
 * Makes sure that the bytes are a TensorFlow GraphDef: well-formed protobuf whose nodes have a name and an operation.
 *
 * A GraphDef names no file that OpenVINO would open: operations that read some (`RestoreV2`, `ReadFile`, tables from text
 * files, readers) are refused by its frontend in 2024.6, 2025.4 and 2026.4, seen in a trace of its system calls. What does
 * open files is a SavedModel or MetaGraph with its variables beside it, and those are not taken for a GraphDef here.
 *
 * @throws BackendError ERR_NN_INVALID_MODEL
 */
export function requireGraphDef(bytes: Uint8Array): void {
  const fields = new ProtobufFields(bytes);
  let nodeCount = 0;
  while (fields.next()) {
    if (fields.number === GRAPH.node) {
      requireNode(bytes, fields.message());
      nodeCount++;
    } else if (fields.number === GRAPH.library || fields.number === GRAPH.versions) {
      walkWhole(fields.message());
    } else if (fields.number !== GRAPH.version) {
      throw noGraphDef(`it has a field ${fields.number}`);
    }
  }
  if (nodeCount === 0) throw noGraphDef('it has no node');
}

function requireNode(bytes: Uint8Array, fields: ProtobufFields): void {
  const seen = new Set<number>();
  while (fields.next()) {
    if (fields.number !== NODE.name && fields.number !== NODE.op) continue;
    if (fields.wireType !== WIRE.bytes || !isPlainText(bytes, fields.start, fields.end)) {
      throw noGraphDef('a node has no name or operation in plain text');
    }
    seen.add(fields.number);
  }
  if (seen.size !== 2) throw noGraphDef('a node lacks its name or operation');
}

function walkWhole(fields: ProtobufFields): void {
  while (fields.next());
}

function isPlainText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return end > start;
}

function noGraphDef(why: string): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `the bytes are no TensorFlow GraphDef: ${why}`);
}

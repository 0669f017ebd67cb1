/**
 * Writes TensorFlow's GraphDef byte by byte, so that tests can make what no exporter makes.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto
 */

export interface GraphNode {
  name: string | Uint8Array;
  op: string | Uint8Array;
  /** A function given as the attribute `f`. */
  calls?: string;
}

export interface GraphFunction {
  name: string;
  nodes: readonly GraphNode[];
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function field(number: number, payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
}

function node({ name, op, calls }: GraphNode): Buffer {
  const parts = [field(1, name), field(2, op)];
  if (calls) parts.push(field(5, Buffer.concat([field(1, 'f'), field(2, field(10, field(1, calls)))])));
  return Buffer.concat(parts);
}

export function graphDef(graph: { nodes: readonly GraphNode[]; functions?: readonly GraphFunction[] }): Buffer {
  const functions = (graph.functions ?? []).map(({ name, nodes }) =>
    field(1, Buffer.concat([field(1, field(1, name)), ...nodes.map((one) => field(3, node(one)))])),
  );
  const library = functions.length > 0 ? [field(2, Buffer.concat(functions))] : [];
  return Buffer.concat([...graph.nodes.map((one) => field(1, node(one))), ...library]);
}

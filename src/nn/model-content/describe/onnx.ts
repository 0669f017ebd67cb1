import { BackendError } from '../../../errors.ts';
import { ProtobufFields, WIRE } from '../protobuf.ts';
import { type ModelDescription, OperationCount, type PortDescription, textOf } from './model-description.ts';
import { varintOf } from './varint.ts';

/** Numbers of ONNX's fields. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const MODEL = { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opset: 8 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { type: 4 } as const;
const TENSOR = { name: 8 } as const;
const OPSET = { domain: 1, version: 2 } as const;
const VALUE = { name: 1, type: 2 } as const;
const TYPE = { tensor: 1 } as const;
const TENSOR_TYPE = { element: 1, shape: 2 } as const;
const SHAPE = { dimension: 1 } as const;
const DIMENSION = { size: 1, name: 2 } as const;

const ELEMENT_TYPES: readonly string[] = [
  ...['undefined', 'f32', 'u8', 'i8', 'u16', 'i16', 'i32', 'i64', 'string', 'boolean', 'f16', 'f64', 'u32', 'u64'],
  ...['complex64', 'complex128', 'bf16', 'f8e4m3', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'u4', 'i4'],
];

/** Reads what an ONNX model says of itself. @throws BackendError ERR_NN_INVALID_MODEL */
export function describeOnnx(bytes: Uint8Array): ModelDescription {
  return new OnnxReader(bytes).describe();
}

class OnnxReader {
  readonly #bytes: Uint8Array;
  readonly #operations = new OperationCount();
  readonly #inputs: PortDescription[] = [];
  readonly #outputs: PortDescription[] = [];
  readonly #initializers = new Set<string>();
  #name: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  describe(): ModelDescription {
    const versions: string[] = [];
    const producer: string[] = [];
    let hasGraph = false;
    for (const fields = new ProtobufFields(this.#bytes); fields.next(); ) {
      if (fields.number === MODEL.irVersion) versions.push(`IR version ${this.#number(fields)}`);
      else if (fields.number === MODEL.producerName || fields.number === MODEL.producerVersion) {
        producer.push(this.#text(fields));
      } else if (fields.number === MODEL.opset) versions.push(this.#opset(fields.message()));
      else if (fields.number === MODEL.graph) {
        hasGraph = true;
        this.#graph(fields.message());
      }
    }
    if (!hasGraph) throw new BackendError('ERR_NN_INVALID_MODEL', 'the bytes are no ONNX model: it has no graph');
    return {
      encoding: 'onnx',
      name: this.#name || undefined,
      producer: producer.filter((part) => part !== '').join(' ') || undefined,
      versions,
      // Older models list their weights among the inputs.
      inputs: this.#inputs.filter(({ name }) => !this.#initializers.has(name)),
      outputs: this.#outputs,
      operations: this.#operations.sorted,
    };
  }

  #opset(fields: ProtobufFields): string {
    let domain = '';
    let version = 0;
    while (fields.next()) {
      if (fields.number === OPSET.domain) domain = this.#text(fields);
      else if (fields.number === OPSET.version) version = this.#number(fields);
    }
    return `opset ${domain === '' ? '' : `${domain} `}${version}`;
  }

  #graph(fields: ProtobufFields): void {
    while (fields.next()) {
      if (fields.number === GRAPH.name) this.#name = this.#text(fields);
      else if (fields.number === GRAPH.node) this.#operations.add(this.#textIn(fields.message(), NODE.type));
      else if (fields.number === GRAPH.initializer) this.#initializers.add(this.#textIn(fields.message(), TENSOR.name));
      else if (fields.number === GRAPH.input) this.#inputs.push(this.#port(fields.message()));
      else if (fields.number === GRAPH.output) this.#outputs.push(this.#port(fields.message()));
    }
  }

  #port(fields: ProtobufFields): PortDescription {
    let port: PortDescription = { name: '', elementType: 'unknown', shape: null };
    while (fields.next()) {
      if (fields.number === VALUE.name) port = { ...port, name: this.#text(fields) };
      else if (fields.number === VALUE.type) port = { ...port, ...this.#type(fields.message()) };
    }
    return port;
  }

  #type(fields: ProtobufFields): Partial<PortDescription> {
    let type: Partial<PortDescription> = { elementType: 'no tensor' };
    while (fields.next()) if (fields.number === TYPE.tensor) type = this.#tensorType(fields.message());
    return type;
  }

  #tensorType(fields: ProtobufFields): Partial<PortDescription> {
    const type: { elementType?: string; shape?: (number | string)[] } = {};
    while (fields.next()) {
      if (fields.number === TENSOR_TYPE.element) type.elementType = ELEMENT_TYPES[this.#number(fields)] ?? 'unknown';
      else if (fields.number === TENSOR_TYPE.shape) type.shape = this.#shape(fields.message());
    }
    return type;
  }

  #shape(fields: ProtobufFields): (number | string)[] {
    const shape: (number | string)[] = [];
    while (fields.next()) if (fields.number === SHAPE.dimension) shape.push(this.#dimension(fields.message()));
    return shape;
  }

  #dimension(fields: ProtobufFields): number | string {
    let dimension: number | string = -1;
    while (fields.next()) {
      if (fields.number === DIMENSION.size) dimension = this.#number(fields);
      else if (fields.number === DIMENSION.name) dimension = this.#text(fields);
    }
    return dimension;
  }

  #textIn(fields: ProtobufFields, number: number): string {
    let text = '';
    while (fields.next()) if (fields.number === number) text = this.#text(fields);
    return text;
  }

  #text(fields: ProtobufFields): string {
    return fields.wireType === WIRE.bytes ? textOf(this.#bytes, fields.start, fields.end) : '';
  }

  #number(fields: ProtobufFields): number {
    return fields.wireType === WIRE.varint ? varintOf(this.#bytes, fields.start, fields.end) : 0;
  }
}

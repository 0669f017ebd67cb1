/**
 * Reads and computes the small IR models of `fixtures/models/`, so that rules around a runtime can be tested where none
 * is: a handful of layer types, one thread, no optimisation.
 */

/** As OpenVINO spells it, in small letters. */
type ElementType = string;

export interface TinyTensor {
  elementType: ElementType;
  shape: readonly number[];
  data: Uint8Array;
}

export interface TinyPort {
  name: string;
  elementType: ElementType;
  /** -1 is a dimension known only when computed. */
  shape: readonly number[];
}

interface Layer {
  id: string;
  kind: string;
  attributes: Record<string, string>;
  name: string;
  outputs: { port: string; elementType: ElementType; shape: number[]; names: string }[];
}

export const BYTES_OF: Record<ElementType, number> = { f16: 2, bf16: 2, f32: 4, f64: 8, u8: 1, i32: 4, i64: 8 };
const PRECISIONS: Record<string, ElementType> = {
  FP16: 'f16',
  BF16: 'bf16',
  FP32: 'f32',
  FP64: 'f64',
  U8: 'u8',
  I32: 'i32',
  I64: 'i64',
};

export class TinyModel {
  readonly inputs: readonly TinyPort[];
  readonly outputs: readonly TinyPort[];
  readonly #layers: readonly Layer[];
  /** Producer of each input: `layer:port` of the consumer to `layer:port` of the producer. */
  readonly #edges = new Map<string, string>();
  readonly #weights: Uint8Array;

  /** @throws Error when the text is no such model, or names weights that are not there */
  constructor(xml: Uint8Array, weights: Uint8Array) {
    const text = new TextDecoder().decode(xml);
    if (!/<net\b[^>]*>[\s\S]*<\/net>/.test(text)) throw new Error('not an IR model');
    this.#weights = weights;
    this.#layers = [...text.matchAll(/<layer ([^>]*)>([\s\S]*?)<\/layer>/g)].map(([, head, body]) =>
      parseLayer(head ?? '', body ?? ''),
    );
    for (const [, tag] of text.matchAll(/<edge ([^>]*)\/>/g)) {
      const edge = parseAttributes(tag ?? '');
      this.#edges.set(`${edge['to-layer']}:${edge['to-port']}`, `${edge['from-layer']}:${edge['from-port']}`);
    }
    for (const layer of this.#layers) if (layer.kind === 'Const') this.#constant(layer);
    const parameters = this.#layers.filter((layer) => layer.kind === 'Parameter');
    this.inputs = parameters.map((layer) => portOf(layer.outputs[0]));
    this.outputs = this.#layers.filter((layer) => layer.kind === 'Result').map((layer) => this.#resultPort(layer));
  }

  /** Outputs in the model's order. @param inputs in the model's order */
  compute(inputs: readonly TinyTensor[]): TinyTensor[] {
    const parameters = this.#layers.filter((layer) => layer.kind === 'Parameter');
    const known = new Map<string, TinyTensor>();
    parameters.forEach((layer, index) => {
      const tensor = inputs[index];
      if (tensor) known.set(`${layer.id}:${layer.outputs[0]?.port}`, tensor);
    });
    return this.#layers.filter((layer) => layer.kind === 'Result').map((layer) => this.#input(layer, 0, known));
  }

  #resultPort(result: Layer): TinyPort {
    const producer = this.#edges.get(`${result.id}:0`) ?? '';
    const [id, port] = producer.split(':');
    const layer = this.#layers.find((one) => one.id === id);
    return portOf(layer?.outputs.find((one) => one.port === port));
  }

  #constant(layer: Layer): TinyTensor {
    const offset = Number(layer.attributes.offset);
    const size = Number(layer.attributes.size);
    if (offset + size > this.#weights.byteLength) throw new Error(`weights end before constant ${layer.name}`);
    const { elementType, shape } = portOf(layer.outputs[0]);
    return { elementType, shape, data: this.#weights.slice(offset, offset + size) };
  }

  #input(layer: Layer, index: number, known: Map<string, TinyTensor>): TinyTensor {
    const producer = this.#edges.get(`${layer.id}:${index}`);
    const [id, port] = producer?.split(':') ?? [];
    const source = this.#layers.find((one) => one.id === id);
    if (!producer || !source || port === undefined) throw new Error(`layer ${layer.name} has no input ${index}`);
    let tensor = known.get(producer);
    if (!tensor) {
      tensor = source.kind === 'Const' ? this.#constant(source) : this.#evaluate(source, port, known);
      known.set(producer, tensor);
    }
    return tensor;
  }

  #evaluate(layer: Layer, _port: string, known: Map<string, TinyTensor>): TinyTensor {
    const a = this.#input(layer, 0, known);
    switch (layer.kind) {
      case 'ReLU':
        return mapF32([a], (x) => Math.max(x, 0));
      case 'Add':
        return mapF32([a, this.#input(layer, 1, known)], (x, y) => x + y);
      case 'Multiply':
        return mapF32([a, this.#input(layer, 1, known)], (x, y) => x * y);
      case 'ReduceSum':
        return f32Tensor([1], [f32Values(a).reduce((sum, x) => sum + x, 0)]);
      case 'Concat':
        return twice(a);
      case 'TopK':
        return argmax(a);
      default:
        throw new Error(`layer type ${layer.kind} is not among the few that are known here`);
    }
  }
}

function parseAttributes(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

function parseLayer(head: string, body: string): Layer {
  const { id = '', name = '', type = '' } = parseAttributes(head);
  const data = /<data ([^>]*?)\/?>/.exec(body)?.[1] ?? '';
  const output = /<output>([\s\S]*?)<\/output>/.exec(body)?.[1] ?? '';
  const outputs = [...output.matchAll(/<port ([^>]*?)(?:\/>|>([\s\S]*?)<\/port>)/g)].map(([, tag, dims]) => {
    const port = parseAttributes(tag ?? '');
    const shape = [...(dims ?? '').matchAll(/<dim>(-?\d+)<\/dim>/g)].map(([, dim]) => Number(dim));
    const elementType = PRECISIONS[port.precision ?? ''] ?? port.precision ?? '';
    return { port: port.id ?? '', elementType, shape, names: port.names ?? '' };
  });
  return { id, name, kind: type, attributes: parseAttributes(data), outputs };
}

function portOf(output: Layer['outputs'][number] | undefined): TinyPort {
  if (!output) throw new Error('a layer has no output');
  return { name: output.names.split(',')[0] ?? '', elementType: output.elementType, shape: output.shape };
}

function f32Values(tensor: TinyTensor): number[] {
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Array.from({ length: tensor.data.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}

function f32Tensor(shape: readonly number[], values: readonly number[]): TinyTensor {
  return { elementType: 'f32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

function mapF32([a, b]: readonly TinyTensor[], operation: (x: number, y: number) => number): TinyTensor {
  const right = b ? f32Values(b) : [];
  return f32Tensor(
    a?.shape ?? [],
    f32Values(a as TinyTensor).map((x, index) => operation(x, right[index] ?? 0)),
  );
}

function twice(tensor: TinyTensor): TinyTensor {
  const data = new Uint8Array(tensor.data.byteLength * 2);
  data.set(tensor.data, 0);
  data.set(tensor.data, tensor.data.byteLength);
  const [rows = 1, columns = 0] = tensor.shape;
  return { elementType: tensor.elementType, shape: [rows, columns * 2], data };
}

function argmax(tensor: TinyTensor): TinyTensor {
  const values = f32Values(tensor);
  const index = values.indexOf(Math.max(...values));
  return { elementType: 'i64', shape: [1, 1], data: new Uint8Array(BigInt64Array.of(BigInt(index)).buffer) };
}

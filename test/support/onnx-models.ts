/**
 * Writes small ONNX models byte by byte, so that tests can make those that no well-meaning exporter makes: tensors whose
 * bytes lie in a file of the host, at every place of the format that can hold a tensor.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto for the field numbers
 */

/** A message, or fields in a row to be joined into one. */
type Fields = Uint8Array[];
type Value = number | bigint | string | Uint8Array;

const ELEMENT_TYPE = { f32: 1, u8: 2, i64: 7, bool: 9 } as const;
const ATTRIBUTE_TYPE = { tensor: 4, graph: 5, tensors: 9, graphs: 10, sparseTensor: 11 } as const;
const WIRE = { varint: 0, bytes: 2, groupStart: 3, groupEnd: 4 } as const;
const OPSET = 16;

/** Which part of a host file a tensor claims to be. */
export interface ExternalFile {
  /** As written in the model: absolute, relative, or with `..` in it. */
  location: string;
  /** First byte; left out when undefined. */
  offset?: number;
  /** Bytes; left out when undefined. */
  length?: number;
}

/**
 * Ways to say the same in protobuf that a careless reader misses, all lawful:
 * `long-varints` pads every tag and length with empty bytes; `split` gives messages in two parts, which a parser
 * merges; `high-bits` puts bits above the 32nd into the enum that a parser drops; `last-wins` says first that the data
 * is inside, then that it is not; `unknown-fields` precedes each field by one of an unknown number and by a group.
 */
export const DISGUISES = ['none', 'long-varints', 'split', 'high-bits', 'last-wins', 'unknown-fields'] as const;
export type Disguise = (typeof DISGUISES)[number];

/** Every place of a model in which {@link externalDataModel} can put its tensor. */
export const EXTERNAL_PLACES = [
  'initializer',
  'sparse-values',
  'sparse-indices',
  'constant-attribute',
  'sparse-constant-attribute',
  'tensors-attribute',
  'if-branch',
  'loop-body',
  'nested-subgraphs',
  'graphs-attribute',
  'function',
  'function-subgraph',
  'function-attribute-default',
  'training-initialization',
  'training-algorithm',
] as const;
export type ExternalPlace = (typeof EXTERNAL_PLACES)[number];

/** `y = max(x, 0)`, both `[1, 4] f32`. */
export function reluModel(): Uint8Array {
  const onnx = new OnnxWriter('none');
  return onnx.model(onnx.graph({ nodes: [onnx.node('Relu', ['x'], ['y'])] }));
}

/** `y = x + [1, 2, 3, 4]`, both `[1, 4] f32`, with its weights inside, where they belong. */
export function innerDataModel(disguise: Disguise = 'none'): Uint8Array {
  const onnx = new OnnxWriter(disguise);
  const inner = onnx.tensor('w', 'f32', [4], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
  return onnx.model(onnx.graph({ nodes: [onnx.node('Add', ['x', 'w'], ['y'])], initializers: [inner] }));
}

/**
 * `y = x + w`, x and y `[1, 4] f32`, where w is the first four f32 of a file of the host, by ONNX's external data.
 *
 * @param place which of the format's places holds the tensor; in some of them nothing reads it, and it is to be refused
 *   all the same
 */
export function externalDataModel(place: ExternalPlace, file: ExternalFile, disguise: Disguise = 'none'): Uint8Array {
  const onnx = new OnnxWriter(disguise);
  return MODELS[place](onnx, file);
}

/** A tensor with `external_data` entries whose `data_location` says nothing or says that the data is inside. */
export function undeclaredExternalDataModel(file: ExternalFile): Uint8Array {
  const onnx = new OnnxWriter('none');
  const entries = onnx.externalEntries(file);
  const tensor = [...onnx.tensor('w', 'f32', [4], new Uint8Array(16)), ...entries];
  return onnx.model(onnx.graph({ nodes: [onnx.node('Add', ['x', 'w'], ['y'])], initializers: [tensor] }));
}

const ADD_W = (onnx: OnnxWriter) => onnx.node('Add', ['x', 'w'], ['y']);

const MODELS: Record<ExternalPlace, (onnx: OnnxWriter, file: ExternalFile) => Uint8Array> = {
  initializer(onnx, file) {
    return onnx.model(onnx.graph({ nodes: [ADD_W(onnx)], initializers: [onnx.external('w', file)] }));
  },
  'sparse-values'(onnx, file) {
    const indices = onnx.tensor('', 'i64', [4], i64Bytes(0, 1, 2, 3));
    const sparse = onnx.sparse(onnx.external('w', file), indices, [4]);
    return onnx.model(onnx.graph({ nodes: [ADD_W(onnx)], sparseInitializers: [sparse] }));
  },
  'sparse-indices'(onnx, file) {
    const values = onnx.tensor('w', 'f32', [4], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    const sparse = onnx.sparse(values, onnx.external('', file, 'i64', [4]), [4]);
    return onnx.model(onnx.graph({ nodes: [ADD_W(onnx)], sparseInitializers: [sparse] }));
  },
  'constant-attribute'(onnx, file) {
    return onnx.model(onnx.graph({ nodes: [onnx.constantW(file), ADD_W(onnx)] }));
  },
  'sparse-constant-attribute'(onnx, file) {
    const indices = onnx.tensor('', 'i64', [4], i64Bytes(0, 1, 2, 3));
    const sparse = onnx.sparse(onnx.external('', file), indices, [4]);
    const attribute = onnx.attribute('sparse_value', ATTRIBUTE_TYPE.sparseTensor, 22, sparse);
    return onnx.model(onnx.graph({ nodes: [onnx.node('Constant', [], ['w'], [attribute]), ADD_W(onnx)] }));
  },
  'tensors-attribute'(onnx, file) {
    const attribute = onnx.attribute('spare', ATTRIBUTE_TYPE.tensors, 10, onnx.external('', file));
    return onnx.model(onnx.graph({ nodes: [onnx.node('Relu', ['x'], ['y'], [attribute])] }));
  },
  'if-branch'(onnx, file) {
    return onnx.model(onnx.graph(onnx.ifGraph(onnx.branch([onnx.node('Add', ['x', 'w'], ['b'])], file))));
  },
  'loop-body'(onnx, file) {
    return onnx.model(onnx.graph(onnx.loopGraph(file)));
  },
  'nested-subgraphs'(onnx, file) {
    const inner = onnx.branch([onnx.node('Add', ['x', 'w'], ['b'])], file);
    const middle = onnx.graph({
      nodes: [onnx.ifNode(inner, 'm')],
      inputs: [],
      outputs: [onnx.valueInfo('m')],
      initializers: [onnx.condition()],
    });
    return onnx.model(onnx.graph(onnx.ifGraph(middle)));
  },
  'graphs-attribute'(onnx, file) {
    const body = onnx.branch([onnx.node('Add', ['x', 'w'], ['b'])], file);
    const attribute = onnx.attribute('spare', ATTRIBUTE_TYPE.graphs, 11, body);
    return onnx.model(onnx.graph({ nodes: [onnx.node('Relu', ['x'], ['y'], [attribute])] }));
  },
  function(onnx, file) {
    return onnx.modelWithFunction([onnx.constantW(file), ADD_W(onnx)]);
  },
  'function-subgraph'(onnx, file) {
    const body = onnx.branch([onnx.node('Add', ['x', 'w'], ['b'])], file);
    const condition = onnx.attribute('value', ATTRIBUTE_TYPE.tensor, 5, onnx.condition());
    return onnx.modelWithFunction([onnx.node('Constant', [], ['condition'], [condition]), onnx.ifNode(body, 'y')]);
  },
  'function-attribute-default'(onnx, file) {
    const fallback = onnx.attribute('w', ATTRIBUTE_TYPE.tensor, 5, onnx.external('', file));
    const reference = [...onnx.field(1, 'value'), ...onnx.field(20, ATTRIBUTE_TYPE.tensor), ...onnx.field(21, 'w')];
    const nodes = [onnx.node('Constant', [], ['w'], [reference]), ADD_W(onnx)];
    return onnx.modelWithFunction(nodes, onnx.field(11, fallback));
  },
  'training-initialization'(onnx, file) {
    return onnx.modelWithTraining(1, file);
  },
  'training-algorithm'(onnx, file) {
    return onnx.modelWithTraining(2, file);
  },
};

interface GraphParts {
  nodes: Fields[];
  inputs?: Fields[];
  outputs?: Fields[];
  initializers?: Fields[];
  sparseInitializers?: Fields[];
}

class OnnxWriter {
  readonly #disguise: Disguise;

  constructor(disguise: Disguise) {
    this.#disguise = disguise;
  }

  /** One field: numbers as varints, texts, bytes and messages with their length before them. */
  field(number: number, value: Value | Fields): Fields {
    const decoys = this.#disguise === 'unknown-fields' ? this.#decoys() : [];
    if (typeof value === 'number' || typeof value === 'bigint') {
      return [...decoys, this.#tag(number, WIRE.varint), this.#varint(value)];
    }
    const bytes = Array.isArray(value) ? concat(value) : typeof value === 'string' ? Buffer.from(value) : value;
    return [...decoys, this.#tag(number, WIRE.bytes), this.#varint(bytes.length), bytes];
  }

  /** A field that a message has once, in two halves; parsers merge what comes twice. */
  #splitField(number: number, fields: Fields): Fields {
    if (this.#disguise !== 'split') return this.field(number, fields);
    const [first, second] = halves(fields);
    return [...this.field(number, first), ...this.field(number, second)];
  }

  #decoys(): Fields {
    const group = [this.#tag(1001, WIRE.groupStart), this.#tag(1, WIRE.varint), this.#varint(5)];
    const bytes = [this.#tag(1000, WIRE.bytes), this.#varint(3), Uint8Array.of(0x3a, 0x7f, 0xff)];
    // One part, so that no message is ever cut within a group.
    return [concat([...bytes, ...group, this.#tag(1001, WIRE.groupEnd)])];
  }

  #tag(number: number, wireType: number): Uint8Array {
    const bytes = this.#varint(BigInt(number) * 8n + BigInt(wireType));
    TAGS.add(bytes);
    return bytes;
  }

  #varint(value: number | bigint): Uint8Array {
    const bytes = varintBytes(BigInt.asUintN(64, BigInt(value)));
    if (this.#disguise !== 'long-varints') return Uint8Array.from(bytes);
    // A tag or length may take five bytes at most in every parser.
    while (bytes.length < 5) {
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) | 0x80;
      bytes.push(0);
    }
    return Uint8Array.from(bytes);
  }

  /**
   * Frontends tell ONNX by the first few fields, each once and without disguise, so the first half of the graph comes
   * plain and only what follows is disguised at this level.
   */
  model(graph: Fields, more: Fields = []): Uint8Array {
    const plain = new OnnxWriter('none');
    const opset = plain.field(8, [...plain.field(1, ''), ...plain.field(2, OPSET)]);
    const head = [...plain.field(1, 8), ...opset];
    if (this.#disguise === 'none') return concat([...head, ...plain.field(7, graph), ...more]);
    const [first, second] = halves(graph);
    return concat([...head, ...plain.field(7, first), ...this.field(7, second), ...more]);
  }

  /** A model whose graph calls the model's own function F with these nodes. */
  modelWithFunction(nodes: Fields[], more: Fields = []): Uint8Array {
    const own = 'test.own';
    const body = [
      ...this.field(1, 'F'),
      ...this.field(4, 'x'),
      ...this.field(5, 'y'),
      ...nodes.flatMap((node) => this.field(7, node)),
      ...this.field(9, [...this.field(1, ''), ...this.field(2, OPSET)]),
      ...this.field(10, own),
      ...more,
    ];
    const opset = this.field(8, [...this.field(1, own), ...this.field(2, 1)]);
    const call = [...this.node('F', ['x'], ['y']), ...this.field(7, own)];
    return this.model(this.graph({ nodes: [call] }), [...opset, ...this.field(25, body)]);
  }

  /** A model with training information, whose graph in that field has an external initializer. */
  modelWithTraining(field: 1 | 2, file: ExternalFile): Uint8Array {
    const training = this.branch([this.node('Identity', ['w'], ['b'])], file);
    const graph = this.graph({ nodes: [this.node('Relu', ['x'], ['y'])] });
    return this.model(graph, this.field(20, this.#splitField(field, training)));
  }

  graph(parts: GraphParts): Fields {
    const { nodes, initializers = [], sparseInitializers = [] } = parts;
    const { inputs = [this.valueInfo('x')], outputs = [this.valueInfo('y')] } = parts;
    return [
      ...nodes.flatMap((node) => this.field(1, node)),
      ...this.field(2, 'graph'),
      ...initializers.flatMap((tensor) => this.field(5, tensor)),
      ...inputs.flatMap((info) => this.field(11, info)),
      ...outputs.flatMap((info) => this.field(12, info)),
      ...sparseInitializers.flatMap((sparse) => this.field(15, sparse)),
    ];
  }

  /** A graph without inputs that puts out `b`, with w from the file. */
  branch(nodes: Fields[], file: ExternalFile): Fields {
    const initializers = [this.external('w', file)];
    return this.graph({ nodes, inputs: [], outputs: [this.valueInfo('b')], initializers });
  }

  ifGraph(thenBranch: Fields): GraphParts {
    return { nodes: [this.ifNode(thenBranch, 'y')], initializers: [this.condition()] };
  }

  ifNode(thenBranch: Fields, output: string): Fields {
    const otherwise = this.graph({
      nodes: [this.node('Neg', ['x'], ['b'])],
      inputs: [],
      outputs: [this.valueInfo('b')],
    });
    const attributes = [
      this.attribute('then_branch', ATTRIBUTE_TYPE.graph, 6, thenBranch),
      this.attribute('else_branch', ATTRIBUTE_TYPE.graph, 6, otherwise),
    ];
    return this.node('If', ['condition'], [output], attributes);
  }

  loopGraph(file: ExternalFile): GraphParts {
    const scalar = (name: string, type: keyof typeof ELEMENT_TYPE) => this.valueInfo(name, type, []);
    const body = this.graph({
      nodes: [this.node('Identity', ['c'], ['c2']), this.node('Add', ['s', 'w'], ['s2'])],
      inputs: [scalar('i', 'i64'), scalar('c', 'bool'), this.valueInfo('s')],
      outputs: [scalar('c2', 'bool'), this.valueInfo('s2')],
      initializers: [this.external('w', file)],
    });
    const attribute = this.attribute('body', ATTRIBUTE_TYPE.graph, 6, body);
    const count = this.tensor('count', 'i64', [], i64Bytes(1));
    const loop = this.node('Loop', ['count', 'condition', 'x'], ['y'], [attribute]);
    return { nodes: [loop], initializers: [count, this.condition()] };
  }

  condition(): Fields {
    return this.tensor('condition', 'bool', [], Uint8Array.of(1));
  }

  constantW(file: ExternalFile): Fields {
    const attribute = this.attribute('value', ATTRIBUTE_TYPE.tensor, 5, this.external('', file));
    return this.node('Constant', [], ['w'], [attribute]);
  }

  node(operator: string, inputs: string[], outputs: string[], attributes: Fields[] = []): Fields {
    return [
      ...inputs.flatMap((name) => this.field(1, name)),
      ...outputs.flatMap((name) => this.field(2, name)),
      ...this.field(4, operator),
      ...attributes.flatMap((attribute) => this.field(5, attribute)),
    ];
  }

  /** @param field number of the field that holds a value of this type */
  attribute(name: string, type: number, field: number, value: Fields): Fields {
    const isRepeated = field === 10 || field === 11;
    const fields = isRepeated ? this.field(field, value) : this.#splitField(field, value);
    return [...this.field(1, name), ...this.field(20, type), ...fields];
  }

  tensor(name: string, type: keyof typeof ELEMENT_TYPE, dimensions: number[], bytes: Uint8Array): Fields {
    return [...this.#tensorHead(name, type, dimensions), ...this.field(9, bytes)];
  }

  /** A tensor whose bytes are a file's. */
  external(
    name: string,
    file: ExternalFile,
    type: keyof typeof ELEMENT_TYPE = 'f32',
    dimensions: number[] = [4],
  ): Fields {
    const inside = this.#disguise === 'last-wins' ? this.field(14, 0) : [];
    const outside = this.field(14, this.#disguise === 'high-bits' ? 0x1_0000_0001n : 1);
    return [...this.#tensorHead(name, type, dimensions), ...inside, ...this.externalEntries(file), ...outside];
  }

  externalEntries(file: ExternalFile): Fields {
    const entries = Object.entries(file).filter(([, value]) => value !== undefined);
    return entries.flatMap(([key, value]) => this.field(13, [...this.field(1, key), ...this.field(2, String(value))]));
  }

  sparse(values: Fields, indices: Fields, dimensions: number[]): Fields {
    const sizes = dimensions.flatMap((size) => this.field(3, size));
    return [...this.#splitField(1, values), ...this.#splitField(2, indices), ...sizes];
  }

  valueInfo(name: string, type: keyof typeof ELEMENT_TYPE = 'f32', dimensions: number[] = [1, 4]): Fields {
    const shape = dimensions.flatMap((size) => this.field(1, this.field(1, size)));
    const tensorType = [...this.field(1, ELEMENT_TYPE[type]), ...this.field(2, shape)];
    return [...this.field(1, name), ...this.field(2, this.field(1, tensorType))];
  }

  #tensorHead(name: string, type: keyof typeof ELEMENT_TYPE, dimensions: number[]): Fields {
    const sizes = dimensions.flatMap((size) => this.field(1, size));
    return [...sizes, ...this.field(2, ELEMENT_TYPE[type]), ...this.field(8, name)];
  }
}

/** Which byte arrays are tags, so that a message can be cut between two fields. */
const TAGS = new WeakSet<Uint8Array>();

/** Cuts a message between two fields: tag, length and value of a field stand apart in the array. */
function halves(fields: Fields): [Fields, Fields] {
  const starts = fields.flatMap((part, index) => (TAGS.has(part) ? [index] : []));
  const middle = starts[Math.ceil(starts.length / 2)] ?? fields.length;
  return [fields.slice(0, middle), fields.slice(middle)];
}

function varintBytes(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
}

function i64Bytes(...values: number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

function concat(parts: Fields): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

import { BackendError } from '../../../errors.ts';
import { LESS_THAN, xmlStart } from '../sniff.ts';
import { type ModelDescription, OperationCount, type PortDescription, textOf } from './model-description.ts';

interface Port {
  id: string;
  names: string;
  precision: string;
  shape: number[];
}

interface Layer {
  id: string;
  name: string;
  type: string;
  version: string;
  data: ReadonlyMap<string, string>;
  ports: Port[];
}

const ATTRIBUTE = /(?<=\s)([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/**
 * Reads what an OpenVINO IR says of itself, from its first file. Operations of bodies inside of loops are not counted, nor
 * are constants.
 * @throws BackendError ERR_NN_INVALID_MODEL
 */
export function describeIr(bytes: Uint8Array): ModelDescription {
  const start = xmlStart(bytes);
  if (bytes[start] !== LESS_THAN) throw invalid('it does not begin as XML');
  const reader = new IrReader();
  const text = textOf(bytes, start, bytes.byteLength);
  for (const tag of tagsOf(text)) {
    if (!tag.isEnd) reader.open(tag.name, attributesOf(tag.attributes), tag.end);
    if (tag.isEnd || tag.isEmpty) reader.close(tag.name, text.slice(reader.contentStart, tag.start));
  }
  return reader.describe();
}

interface Tag {
  /** Of its `<`, and behind its `>`. */
  start: number;
  end: number;
  name: string;
  attributes: string;
  isEnd: boolean;
  isEmpty: boolean;
}

/** The tags of elements, in one pass: comments, declarations and instructions are left out. */
function* tagsOf(text: string): Generator<Tag> {
  for (let start = text.indexOf('<'); start >= 0; start = text.indexOf('<', start)) {
    if (text.startsWith('<!--', start)) {
      start = endOf(text, '-->', start);
      continue;
    }
    const end = tagEnd(text, start);
    const isEnd = text[start + 1] === '/';
    const isEmpty = text[end - 2] === '/';
    const inner = text.slice(start + (isEnd ? 2 : 1), end - (isEmpty ? 2 : 1));
    const [name = ''] = /^[\w:-]*/.exec(inner) ?? [];
    if (name !== '') yield { start, end, name, attributes: inner.slice(name.length), isEnd, isEmpty };
    start = end;
  }
}

/** Values in quotes may hold any sign. */
function tagEnd(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const sign = text[at];
    if (sign === '>') return at + 1;
    if (sign === '"' || sign === "'") at = endOf(text, sign, at + 1) - 1;
  }
  throw invalid('a tag does not end');
}

function endOf(text: string, sign: string, from: number): number {
  const at = text.indexOf(sign, from);
  if (at < 0) throw invalid(`${sign} is missing at its end`);
  return at + sign.length;
}

class IrReader {
  /** Where the text of the element that was opened last begins. */
  contentStart = 0;
  readonly #layers: Layer[] = [];
  /** Which port each input port takes from: `layer/port` by `layer/port`. */
  readonly #edges = new Map<string, string>();
  readonly #path: string[] = [];
  #net: ReadonlyMap<string, string> | undefined;
  #layer: Layer | undefined;

  open(name: string, attributes: ReadonlyMap<string, string>, contentStart: number): void {
    this.contentStart = contentStart;
    this.#path.push(name);
    const get = (key: string) => attributes.get(key) ?? '';
    const path = this.#path.join('/');
    if (path === 'net') this.#net = attributes;
    else if (path === 'net/layers/layer') {
      const [id, layerName, type, version] = [get('id'), get('name'), get('type'), get('version')];
      this.#layer = { id, name: layerName, type, version, data: new Map(), ports: [] };
      this.#layers.push(this.#layer);
    } else if (path === 'net/layers/layer/data' && this.#layer) this.#layer.data = attributes;
    else if (/^net\/layers\/layer\/(?:input|output)\/port$/.test(path)) {
      this.#layer?.ports.push({ id: get('id'), names: get('names'), precision: get('precision'), shape: [] });
    } else if (path === 'net/edges/edge') {
      this.#edges.set(`${get('to-layer')}/${get('to-port')}`, `${get('from-layer')}/${get('from-port')}`);
    }
  }

  close(name: string, content: string): void {
    if (this.#path.at(-1) !== name) throw invalid(`an element </${name}> ends that never began`);
    if (name === 'dim' && /\/port\/dim$/.test(this.#path.join('/')))
      this.#layer?.ports.at(-1)?.shape.push(dimension(content));
    this.#path.pop();
  }

  describe(): ModelDescription {
    const net = this.#net;
    if (net === undefined) throw invalid('it has no element <net>');
    if (this.#path.length > 0) throw invalid(`its element <${this.#path.at(-1)}> does not end`);
    const operations = new OperationCount();
    const opsets = new Set<string>();
    for (const { type, version } of this.#layers) {
      if (!NO_OPERATIONS.has(type)) operations.add(type);
      if (version !== '') opsets.add(version);
    }
    return {
      encoding: 'openvino',
      name: net.get('name') || undefined,
      producer: undefined,
      versions: [`version ${net.get('version') ?? 'unknown'}`, ...[...opsets].sort(byNumber)],
      inputs: this.#layers.filter(({ type }) => type === 'Parameter').map((layer) => this.#inputOf(layer)),
      outputs: this.#layers.filter(({ type }) => type === 'Result').map((layer) => this.#outputOf(layer)),
      operations: operations.sorted,
    };
  }

  #inputOf({ name, data, ports }: Layer): PortDescription {
    const text = data.get('shape') ?? '';
    return {
      name: firstName(ports[0]?.names) || this.#nameBefore11(name),
      elementType: data.get('element_type') ?? 'unknown',
      shape: text === '...' ? null : text.split(',').flatMap((part) => dimensionsOf(part.trim())),
    };
  }

  /** Tensors have names since version 11; before, they went by the operations' own. */
  #nameBefore11(name: string): string {
    return Number(this.#net?.get('version')) < 11 ? name : '';
  }

  /** A result has the name of what it takes, where that has one. */
  #outputOf({ id, name, ports }: Layer): PortDescription {
    const [port] = ports;
    const [layerId, portId] = this.#edges.get(`${id}/${port?.id}`)?.split('/') ?? [];
    const source = this.#layers.find((layer) => layer.id === layerId);
    const from = source?.ports.find((candidate) => candidate.id === portId);
    return {
      name: firstName(from?.names) || this.#nameBefore11(source?.name ?? name),
      elementType: (from?.precision || port?.precision || 'unknown').toLowerCase().replace(/^fp/, 'f'),
      shape: port?.shape ?? null,
    };
  }
}

const NO_OPERATIONS: ReadonlySet<string> = new Set(['Parameter', 'Result', 'Const']);

function dimension(text: string): number {
  const size = Number(text);
  return Number.isInteger(size) ? size : -1;
}

function dimensionsOf(text: string): (number | string)[] {
  if (text === '') return [];
  return text === '?' ? [-1] : [Number.isInteger(Number(text)) ? Number(text) : text];
}

function firstName(names: string | undefined): string {
  return names?.split(',')[0] ?? '';
}

/** `opset9` before `opset13`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = '', double, single] of text.matchAll(ATTRIBUTE))
    attributes.set(name, unescaped(double ?? single ?? ''));
  return attributes;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(\w+);/g, (reference, name: string) => ENTITIES[name] ?? reference);
}

function invalid(why: string): BackendError {
  return new BackendError('ERR_NN_INVALID_MODEL', `the file is no OpenVINO IR: ${why}`);
}

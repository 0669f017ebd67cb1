/** Writes IR as text, damaged in ways that no writer of models would. */

export interface IrParts {
  /** In front of `<net`. */
  before?: string;
  net?: string;
  /** Attributes of the one constant. */
  data?: string;
  layerType?: string;
  elementType?: string;
  shape?: readonly number[];
  /** Between the edges and the end of the net. */
  tail?: string;
}

const port = (id: number, shape: readonly number[], precision: string) =>
  `<port id="${id}" precision="${precision}">${shape.map((dim) => `<dim>${dim}</dim>`).join('')}</port>`;

/** A constant of 8 bytes, handed through to the output. */
export function constantIr(parts: IrParts = {}): Buffer {
  const { elementType = 'u8', shape = [8] } = parts;
  const data = parts.data ?? `element_type="${elementType}" shape="${shape.join()}" offset="0" size="8"`;
  return Buffer.from(
    `${parts.before ?? '<?xml version="1.0"?>'}${parts.net ?? '<net name="c" version="11">'}<layers>` +
      `<layer id="0" name="c" type="${parts.layerType ?? 'Const'}" version="opset1"><data ${data}/>` +
      `<output>${port(0, shape, elementType)}</output></layer>` +
      `<layer id="1" name="r" type="Result" version="opset1"><input>${port(0, shape, elementType)}</input></layer>` +
      `</layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges>${parts.tail ?? ''}</net>`,
    'latin1',
  );
}

/** A row of `count` operations, each over one number. */
export function chainIr(count: number): Buffer {
  const dim = '<dim>1</dim>';
  const out = (id: number) => `<output><port id="${id}" precision="FP32">${dim}</port></output>`;
  const layers = [
    `<layer id="0" name="p" type="Parameter" version="opset1"><data shape="1" element_type="f32"/>${out(0)}</layer>`,
  ];
  const edges = ['<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>'];
  for (let id = 1; id <= count; id++) {
    const type = id % 2 === 0 ? 'Tanh' : 'Sinh';
    layers.push(
      `<layer id="${id}" name="n${id}" type="${type}" version="opset1"><input><port id="0">${dim}</port></input>${out(1)}</layer>`,
    );
    edges.push(`<edge from-layer="${id}" from-port="1" to-layer="${id + 1}" to-port="0"/>`);
  }
  layers.push(
    `<layer id="${count + 1}" name="r" type="Result" version="opset1"><input><port id="0">${dim}</port></input></layer>`,
  );
  return Buffer.from(
    `<net name="chain" version="11"><layers>${layers.join('')}</layers><edges>${edges.join('')}</edges></net>`,
  );
}

/** The sum of two inputs of f32; a dimension of -1 is known only when it is computed. */
export function sumIr(left: readonly number[], right: readonly number[], sum: readonly number[]): Buffer {
  const parameter = (id: number, shape: readonly number[]) =>
    `<layer id="${id}" name="p${id}" type="Parameter" version="opset1">` +
    `<data shape="${shape.map((dim) => (dim < 0 ? '?' : dim)).join()}" element_type="f32"/>` +
    `<output>${port(0, shape, 'FP32')}</output></layer>`;
  const edge = (from: string, to: string) => {
    const [fromLayer, fromPort] = from.split(':');
    const [toLayer, toPort] = to.split(':');
    return `<edge from-layer="${fromLayer}" from-port="${fromPort}" to-layer="${toLayer}" to-port="${toPort}"/>`;
  };
  return Buffer.from(
    `<net name="sum" version="11"><layers>${parameter(0, left)}${parameter(1, right)}` +
      `<layer id="2" name="s" type="Add" version="opset1"><data auto_broadcast="numpy"/>` +
      `<input>${port(0, left, 'FP32')}${port(1, right, 'FP32')}</input><output>${port(2, sum, 'FP32')}</output></layer>` +
      `<layer id="3" name="r" type="Result" version="opset1"><input>${port(0, sum, 'FP32')}</input></layer></layers>` +
      `<edges>${edge('0:0', '2:0')}${edge('1:0', '2:1')}${edge('2:2', '3:0')}</edges></net>`,
  );
}

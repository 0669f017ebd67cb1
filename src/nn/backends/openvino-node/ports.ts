import { BackendError } from '../../../errors.ts';
import type { TensorInfo } from '../../backend.ts';
import type { OvCompiledModel, OvPort, OvTensor } from './binding.ts';

/**
 * Inputs and outputs of a compiled model. Ports do not tell their element types; a request's tensors do.
 * @throws BackendError ERR_NN_COMPILE for outputs without names, which the package cannot compute
 */
export function portInfos(compiled: OvCompiledModel): { inputs: TensorInfo[]; outputs: TensorInfo[] } {
  const request = compiled.createInferRequest();
  const inputs = compiled.inputs.map((port, index) => infoOf(port, () => request.getInputTensor(index)));
  const outputs = compiled.outputs.map((port, index) => infoOf(port, () => request.getOutputTensor(index)));
  const unnamed = outputs.findIndex((output) => output.name === '');
  if (unnamed >= 0) {
    throw new BackendError('ERR_NN_COMPILE', `openvino-node cannot compute output ${unnamed}, which has no name`);
  }
  return { inputs, outputs };
}

export function elementTypeOf(tensor: OvTensor): string {
  return String(tensor.getElementType());
}

function infoOf(port: OvPort, tensor: () => OvTensor): TensorInfo {
  return {
    name: orElse(() => port.anyName, ''),
    elementType: orElse(() => elementTypeOf(tensor()), 'undefined'),
    shape: orElse(() => port.getPartialShape().getDimensions().map(lengthOf), null),
  };
}

/** An interval of lengths is known only when computed. */
function lengthOf(dimension: number | readonly [number, number]): number {
  return typeof dimension === 'number' ? dimension : -1;
}

/** What the package cannot tell (a name, a dynamic rank) it throws for. */
function orElse<Value>(read: () => Value, fallback: Value): Value {
  try {
    return read();
  } catch {
    return fallback;
  }
}

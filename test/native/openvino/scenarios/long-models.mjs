/** Models that keep the runtime busy: while they compile, or while they compute. */
import { IrWriter } from '../../../../fixtures/ir-writer.mjs';

/**
 * Constants alone make a row of `steps` operations over millions of numbers, which are computed while the model is compiled: about
 * 50 ms each. Models of different `salt` are different.
 */
export function longToCompile(steps, salt = 0) {
  const ir = new IrWriter('long-to-compile');
  const x = ir.parameter('x', 'f32', [1, 1]);
  let value = wide(ir, ir.constant('seed', 'f32', [1, 1], Float32Array.of(0.5 + salt / 1024)));
  for (let step = 0; step < steps; step++) {
    value = ir.layer(step % 2 === 0 ? 'Atan' : 'Sinh', { name: `step${step}`, inputs: [value] });
  }
  const sum = { name: 'sum', inputs: [x, mean(ir, value)], attributes: { auto_broadcast: 'numpy' }, tensorName: 'y' };
  ir.result('result', ir.layer('Add', sum));
  return [Buffer.from(ir.xml()), Buffer.from(ir.weights())];
}

/** The same row over numbers that depend on the input: computed with each inference. */
export function longToInfer(steps) {
  const ir = new IrWriter('long-to-infer');
  const x = ir.parameter('x', 'f32', [1, 1]);
  const scalar = (name, value) => ir.constant(name, 'f32', [], Float32Array.of(value));
  const bounds = [scalar('start', 0), scalar('stop', 1), scalar('step', 1 / COUNT)];
  const range = {
    name: 'range',
    version: 'opset4',
    inputs: bounds,
    attributes: { output_type: 'f32' },
    shape: [COUNT],
  };
  const inputs = [x, ir.layer('Range', range)];
  let value = ir.layer('Add', { name: 'spread', inputs, attributes: { auto_broadcast: 'numpy' }, shape: [1, COUNT] });
  for (let step = 0; step < steps; step++) {
    value = ir.layer(step % 2 === 0 ? 'Atan' : 'Sinh', { name: `step${step}`, inputs: [value] });
  }
  ir.result('result', mean(ir, value));
  return [Buffer.from(ir.xml()), Buffer.from(ir.weights())];
}

const COUNT = 1 << 22;

function wide(ir, value) {
  const shape = ir.constant('shape', 'i64', [2], BigInt64Array.of(1n, BigInt(COUNT)));
  const options = {
    name: 'wide',
    version: 'opset3',
    inputs: [value, shape],
    attributes: { mode: 'numpy' },
    shape: [1, COUNT],
  };
  return ir.layer('Broadcast', options);
}

function mean(ir, value) {
  const axes = ir.constant('axes', 'i64', [1], BigInt64Array.of(1n));
  const attributes = { keep_dims: true };
  return ir.layer('ReduceMean', { name: 'mean', inputs: [value, axes], attributes, shape: [1, 1], tensorName: 'mean' });
}

/** A worker: loads the digits model, classifies all ten tensors, tells, and keeps the model until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { digits, fixture, openRoom } from './room.mjs';

const room = openRoom(workerData.addonPath, workerData.libraryPath);
const model = room.compileModel('ir', digits.ir(), 'CPU', []);
const request = model.createInferRequest();
const classes = [];
for (let digit = 0; digit < 10; digit++) {
  request.setInput(0, 'f32', model.inputs[0].shape, fixture(`digits/tensors/${digit}.f32`));
  request.infer();
  const probabilities = new Float32Array(10);
  request.getOutput(0, new Uint8Array(probabilities.buffer));
  classes.push(probabilities.indexOf(Math.max(...probabilities)));
}
parentPort.on('message', () => request.release());
parentPort.postMessage({ shared: model.shared, classes });

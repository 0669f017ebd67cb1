/** A worker that adopts a compiled model, or reserves a budget, and holds it until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { fixture, openRoom } from './room.mjs';

const { addonPath, libraryPath, id, budget } = workerData;
const room = openRoom(addonPath, libraryPath);
const held = budget === undefined ? adopt() : { budget: room.reserveModelBudget(budget), answer: [] };
parentPort.on('message', () => held);
parentPort.postMessage(held.answer);

function adopt() {
  const model = room.adopt(id);
  const request = model.createInferRequest();
  const answer = [];
  for (let digit = 0; digit <= 9; digit++) {
    request.setInput(0, 'f32', [1, 1, 28, 28], fixture(`digits/tensors/${digit}.f32`));
    request.infer();
    const output = new Float32Array(10);
    request.getOutput(0, new Uint8Array(output.buffer));
    answer.push(output.indexOf(Math.max(...output)));
  }
  return { model, request, answer };
}

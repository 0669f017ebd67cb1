/** A worker that loads, computes with, shares, adopts and lets go of the same few models, in a random order, until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { openAddon, smallModel, thrownBy } from './room.mjs';

const { addonPath, libraryPath, ids, rounds } = workerData;
const { openvino: room, thread } = openAddon(addonPath, libraryPath);
const held = [];
const input = new Uint8Array(Float32Array.of(1, 1, 1, 1).buffer);
const output = new Float32Array(4);
let wrong = 0;

const below = (count) => Math.floor(Math.random() * count);

/** Variants of one model whose first output is the variant's number. */
function load() {
  const variant = below(ids.length);
  const [xml, weights] = smallModel('two-outputs');
  weights.writeFloatLE(variant, 0);
  const model = room.compileModel('ir', [xml, weights], 'CPU', []);
  Atomics.store(ids, variant, BigInt(model.share()));
  held.push({ model, variant });
}

function adopt() {
  const variant = below(ids.length);
  held.push({ model: room.adopt(Number(Atomics.load(ids, variant))), variant });
}

function compute() {
  const { model, variant } = held[below(held.length)];
  const request = model.createInferRequest();
  request.setInput(0, 'f32', [1, 4], input);
  request.infer();
  request.getOutput(0, new Uint8Array(output.buffer));
  if (output[0] !== variant) wrong++;
  request.release();
}

const letGo = () => held.splice(below(held.length), 1)[0].model.release();
const budget = () => room.reserveModelBudget(below(6) * 1_500_000).release();

parentPort.postMessage(thread.interruptToken());
for (let round = 0; round < rounds; round++) {
  // Ids of models that are gone, compiles that are too many, interrupts, and no model held: all of it may be.
  thrownBy([load, load, adopt, adopt, compute, compute, letGo, letGo, budget][below(9)]);
  if (held.length > 8) letGo();
}
parentPort.postMessage({ wrong });

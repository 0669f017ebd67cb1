/** A worker that does one thing until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { digits, openRoom, smallModel } from './room.mjs';

const { addonPath, libraryPath, what, round } = workerData;
const room = openRoom(addonPath, libraryPath);
const half = new Uint8Array(Float32Array.of(0.5).buffer);

function slowRequest() {
  const request = room.compileModel('ir', smallModel('slow'), 'CPU', []).createInferRequest();
  request.setInput(0, 'f32', [1, 1], half);
  return request;
}

/** Weights that no other round has: each compile is a new one. */
function newModel(count) {
  const [xml, weights] = digits.ir();
  weights.writeFloatLE(round * 1000 + count, 0);
  return [xml, weights];
}

const works = {
  load: () => {
    for (;;) room.compileModel('ir', smallModel('relu'), 'CPU', []).createInferRequest().infer();
  },
  compile: () => {
    for (let count = 0; ; count++) room.compileModel('ir', newModel(count), 'CPU', []);
  },
  infer: () => {
    const request = slowRequest();
    for (;;) request.infer();
  },
  'infer-async': async () => {
    const requests = [slowRequest(), slowRequest()];
    for (;;) await Promise.all(requests.map((request) => request.inferAsync()));
  },
  'compile-async': async () => {
    for (let count = 0; ; count += 2) {
      const compile = (number) => room.compileModelAsync('ir', newModel(number), 'CPU', []);
      const models = await Promise.all([compile(count), compile(count + 1)]);
      await models[0].createInferRequest().inferAsync();
    }
  },
};
parentPort.postMessage('starting');
works[what]();

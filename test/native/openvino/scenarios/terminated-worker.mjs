/** A worker that does one thing until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { longToCompile, longToInfer } from './long-models.mjs';
import { digits, openAddon, smallModel, thrownBy } from './room.mjs';

const { addonPath, libraryPath, what, round } = workerData;
const { openvino: room, thread } = openAddon(addonPath, libraryPath);
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
    // Those that workers left behind may be as many as may be: then it is refused, and tried again.
    const compile = async (number) => room.compileModelAsync('ir', newModel(number), 'CPU', []);
    for (let count = 0; ; count += 2) {
      const [first] = await Promise.allSettled([compile(count), compile(count + 1)]);
      await first.value?.createInferRequest().inferAsync();
      await new Promise(setImmediate);
    }
  },
  'long-compile': () => {
    for (let count = 0; ; count++)
      thrownBy(() => room.compileModel('ir', longToCompile(8, round * 1000 + count), 'CPU', []));
  },
  'long-infer': () => {
    let request;
    for (;;) {
      thrownBy(() => {
        request ??= room.compileModel('ir', longToInfer(100), 'CPU', []).createInferRequest();
        request.infer();
      });
    }
  },
};
parentPort.postMessage(thread.interruptToken());
works[what]();

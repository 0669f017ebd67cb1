/** A worker that begins what takes minutes, tells how to interrupt it, and posts how that ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { longToCompile, longToInfer } from './long-models.mjs';
import { openAddon, thrownBy } from './room.mjs';

const { addonPath, libraryPath, what, steps, salt } = workerData;
const { openvino, thread } = openAddon(addonPath, libraryPath);

const works = {
  compile: () => {
    const model = longToCompile(steps, salt);
    return () => openvino.compileModel('ir', model, 'CPU', []);
  },
  infer: () => {
    const request = openvino.compileModel('ir', longToInfer(steps), 'CPU', []).createInferRequest();
    return () => request.infer();
  },
};
const work = works[what]();
parentPort.postMessage(thread.interruptToken());
const first = thrownBy(work);
// Once interrupted it stays so.
const second = thrownBy(work);
parentPort.postMessage([first, second]);
// Nothing keeps it: it ends with what it holds.

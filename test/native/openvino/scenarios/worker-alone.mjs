/**
 * Loads the addon in a worker and nowhere else; the worker ends, in several ways, with what it began or without, and then the
 * process, with exit code 7. Node gives up an addon with the last thread that uses it.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { longToCompile } from './long-models.mjs';
import { openAddon, smallModel } from './room.mjs';

const MINUTES_OF_STEPS = 8000;

const works = {
  'having computed': (room) => {
    room.compileModel('ir', smallModel('relu'), 'CPU', []).createInferRequest().infer();
  },
  'during a compile': async (room) => {
    room.compileModelAsync('ir', longToCompile(MINUTES_OF_STEPS), 'CPU', []);
    while (room.tableStats().compiling === 0) await new Promise(setImmediate);
    process.exit();
  },
  'terminated during a compile': async (room) => {
    room.compileModelAsync('ir', longToCompile(MINUTES_OF_STEPS), 'CPU', []);
    while (room.tableStats().compiling === 0) await new Promise(setImmediate);
    parentPort.postMessage('compiling');
  },
  'while models are freed': async (room) => {
    const models = Array.from({ length: 8 }, (_, salt) =>
      room.compileModelAsync('ir', longToCompile(1, salt), 'CPU', []),
    );
    for (const model of await Promise.all(models)) model.release();
  },
};

if (isMainThread) {
  const [, , addonPath, libraryPath, what] = process.argv;
  const worker = new Worker(new URL(import.meta.url), { workerData: { addonPath, libraryPath, what } });
  worker.once('message', () => worker.terminate());
  await once(worker, 'exit');
  process.exitCode = 7;
} else {
  const { addonPath, libraryPath, what } = workerData;
  await works[what](openAddon(addonPath, libraryPath).openvino);
}

/** Every way to open a runtime, or to fail to. */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { thrownBy } from './room.mjs';

const [, , addonPath, libraryPath] = process.argv;
const addon = createRequire(import.meta.url)(addonPath);
addon.initialize((code, message) => Object.assign(new Error(message), { code }));
const room = addon.openvino;
const result = {};

result.beforeOpen = thrownBy(() => room.availableDevices());
result.noLibrary = thrownBy(() => room.open('/nonexistent/libopenvino_c.so'));
result.notALibrary = thrownBy(() => room.open(import.meta.filename));
// A library of the runtime, but not this one.
result.anotherLibrary = thrownBy(() => room.open(libraryPath.replace('libopenvino_c', 'libopenvino')));
room.preload('/nonexistent/libopenvino_c.so');
result.failedPreload = thrownBy(() => room.open('/nonexistent/libopenvino_c.so'));

room.preload('/nonexistent/libopenvino_c.so');
room.preload(libraryPath);
const worker = () =>
  new Promise((resolve, reject) => {
    const code = `const { workerData, parentPort } = require('node:worker_threads');
      const addon = require(workerData.addonPath);
      addon.initialize((code, message) => Object.assign(new Error(message), { code }));
      parentPort.postMessage(addon.openvino.open(workerData.libraryPath).version);`;
    const thread = new Worker(code, { eval: true, workerData: { addonPath, libraryPath } });
    thread.once('message', resolve);
    thread.once('error', reject);
  });
const versions = await Promise.all([worker(), worker(), worker()]);
const { version } = room.open(libraryPath);
result.afterFailedPreload = /^\d{4}\.\d/.test(version);
result.preloadAgain = thrownBy(() => room.preload(libraryPath));
result.conflict = thrownBy(() => room.open('/nonexistent/libopenvino_c.so'));
result.workers = versions.map((one) => one === version);
process.stdout.write(JSON.stringify(result));

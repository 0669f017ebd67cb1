/** Leaves with process.exit(7) while threads of the addon or of the runtime are at work. */
import { createRequire } from 'node:module';
import { digits, smallModel, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath, what] = process.argv;
const addon = createRequire(import.meta.url)(addonPath);
addon.initialize((code, message) => Object.assign(new Error(message), { code }));
const room = addon.openvino;

const ways = {
  preload: () => room.preload(libraryPath),
  'preload-and-open': () => {
    room.preload(libraryPath);
    room.open(libraryPath);
  },
  'infer-async': () => {
    room.open(libraryPath);
    const request = room.compileModel('ir', smallModel('slow'), 'CPU', []).createInferRequest();
    request.setInput(0, 'f32', [1, 1], new Uint8Array(Float32Array.of(0.5).buffer));
    request.inferAsync().catch(() => {});
  },
  'compile-async': () => {
    room.open(libraryPath);
    room.compileModelAsync('ir', digits.ir(), 'CPU', []).catch(() => {});
  },
  // A model that no frontend recognises must not leave one behind that breaks the process's end.
  'after-garbage': () => {
    room.open(libraryPath);
    for (const encoding of Object.keys(digits)) {
      thrownBy(() => room.compileModel(encoding, [Buffer.from('no model at all, but some text')], 'CPU', []));
      thrownBy(() => room.compileModel(encoding, [digits[encoding]()[0].subarray(0, 1000)], 'CPU', []));
    }
  },
};
ways[what]();
process.exit(7);

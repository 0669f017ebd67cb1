/**
 * Meddles with the files of models that lie in a directory, in one of three ways, until it is told to stop.
 *
 *     node meddler.mjs DIRECTORY rewrite|replace|swap
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const [, , directory = '', way = ''] = process.argv;
const decoy = join(directory, 'decoy.tflite');
const bytes = readFileSync(decoy);
let met = 0;

function attempt(call) {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

const WAYS = {
  rewrite: (place) => attempt(() => writeFileSync(join(place, 'model.tflite'), bytes, { flag: 'r+' })),
  replace(place) {
    attempt(() => unlinkSync(join(place, 'model.tflite')));
    attempt(() => symlinkSync(decoy, join(place, 'model.tflite')));
  },
  swap(place) {
    if (!attempt(() => renameSync(place, join(directory, 'gone')))) return;
    attempt(() => rmSync(join(directory, 'gone'), { recursive: true }));
    attempt(() => mkdirSync(place));
    attempt(() => symlinkSync(decoy, join(place, 'model.tflite')));
    attempt(() => rmSync(place, { recursive: true }));
  },
};

function meddle() {
  for (let round = 0; round < 20; round++) {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith('wasi-nn-host.')) continue;
      met++;
      WAYS[way](join(directory, name));
    }
  }
  setImmediate(meddle);
}

process.on('message', (word) => {
  if (word === 'stop') process.exit(0);
  process.send(met);
});
process.send('ready');
meddle();

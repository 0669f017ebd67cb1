/**
 * Loads models in a working directory that holds a file `.bin`, as OpenVINO looks for beside a model without a path, and
 * prints what the constant of the model turned out to be.
 */
import { readFileSync } from 'node:fs';
import { openRoom, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath, xmlPath, weights, cacheDir] = process.argv;
const room = openRoom(addonPath, libraryPath);
const properties = cacheDir ? ['CACHE_DIR', cacheDir] : [];
let text = '';
const builders = weights ? [readFileSync(xmlPath), Buffer.from(weights)] : [readFileSync(xmlPath)];
const code = thrownBy(() => {
  const request = room.compileModel('ir', builders, 'CPU', properties).createInferRequest();
  request.infer();
  const output = Buffer.alloc(8);
  request.getOutput(0, output);
  text = output.toString('latin1');
});
process.stdout.write(JSON.stringify({ code, text, directory: process.cwd() }));

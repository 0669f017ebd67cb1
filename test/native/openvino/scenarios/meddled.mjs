/**
 * Loads a model that the runtime reads by path, again and again, while another process does to its files whatever a guest
 * with the same directory could. Prints how often the right model came, none, or another; and how often the other process
 * came upon files.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digits, openRoom } from './room.mjs';

const [, , addonPath, libraryPath, way, least] = process.argv;
const directory = process.env.TMPDIR;
const room = openRoom(addonPath, libraryPath);
const [model] = digits.tensorflowlite();

function nameOfInput() {
  const compiled = room.compileModel('tensorflowlite', [model], 'CPU', []);
  const { name } = compiled.inputs[0];
  // Else the next load would find it in the table and read nothing.
  compiled.release();
  return name;
}

const name = nameOfInput();
// The same model but for that name, everywhere it stands.
const decoy = Buffer.from(model);
const other = Buffer.from(name.toUpperCase().replaceAll(/[A-Z]/g, 'X'));
for (let at = decoy.indexOf(name); at >= 0; at = decoy.indexOf(name, at + 1)) decoy.set(other, at);
writeFileSync(join(directory, 'decoy.tflite'), decoy);

const counts = { right: 0, refused: 0, wrong: 0, codes: [], met: 0 };
const child = fork(fileURLToPath(new URL('meddler.mjs', import.meta.url)), [directory, way]);
await once(child, 'message');
while (counts.met < Number(least)) {
  for (let round = 0; round < 5; round++) {
    try {
      counts[nameOfInput() === name ? 'right' : 'wrong']++;
    } catch (error) {
      counts.refused++;
      if (!counts.codes.includes(error.code)) counts.codes.push(error.code);
    }
  }
  child.send('count');
  [counts.met] = await once(child, 'message');
}
child.send('stop');
await once(child, 'exit');
process.stdout.write(JSON.stringify(counts));

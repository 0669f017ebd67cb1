/** The same inferences with and without times of operations. */
import { digits, fixture, openRoom } from './room.mjs';

const [, , addonPath, libraryPath] = process.argv;
const room = openRoom(addonPath, libraryPath);
const request = (...properties) => room.compileModel('ir', digits.ir(), 'CPU', properties).createInferRequest();
const plain = request();
const profiled = request('PERF_COUNT', 'YES');

function outputOf(one, digit) {
  one.setInput(0, 'f32', [1, 1, 28, 28], fixture(`digits/tensors/${digit}.f32`));
  one.infer();
  const output = Buffer.alloc(40);
  one.getOutput(0, output);
  return output.toString('hex');
}

let same = true;
for (let digit = 0; digit <= 9; digit++) same &&= outputOf(plain, digit) === outputOf(profiled, digit);
const counts = [profiled.profile().length];
await profiled.inferAsync();
counts.push(profiled.profile().length);
process.stdout.write(JSON.stringify({ same, counts, plain: plain.profile() }));

/** Classifies every tensor of the digits with the model in each encoding; prints the classes found, by encoding. */
import { digits, fixture, openRoom } from './room.mjs';

const [, , addonPath, libraryPath] = process.argv;
const room = openRoom(addonPath, libraryPath);

function classify(encoding) {
  const model = room.compileModel(encoding, digits[encoding](), 'CPU', []);
  const [input] = model.inputs;
  const request = model.createInferRequest();
  return Array.from({ length: 10 }, (_, digit) => {
    request.setInput(0, input.elementType, input.shape, fixture(`digits/tensors/${digit}.f32`));
    request.infer();
    const probabilities = new Float32Array(10);
    request.getOutput(0, new Uint8Array(probabilities.buffer));
    return probabilities.indexOf(Math.max(...probabilities));
  });
}

const classes = Object.fromEntries(Object.keys(digits).map((encoding) => [encoding, classify(encoding)]));
const types = ['u8', 'i32', 'i64', 'f16', 'f32', 'f64'].map((type) => {
  const folder = `models/twice-${type}`;
  const model = room.compileModel('ir', [fixture(`${folder}/model.xml`), fixture(`${folder}/model.bin`)], 'CPU', []);
  return [model.inputs[0].elementType, model.outputs[0].elementType];
});
process.stdout.write(JSON.stringify({ classes, types }));

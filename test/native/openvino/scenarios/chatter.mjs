/** Loads every model of a list of damaged ones in every encoding; prints nothing itself but the codes, at the end, as JSON. */
import { digits, openRoom, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath] = process.argv;
const room = openRoom(addonPath, libraryPath);

/** The same numbers in every run. */
function* numbers(seed) {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

function damaged(bytes, random) {
  const copy = Buffer.from(bytes);
  for (let change = 0; change < 3; change++) {
    // Structure lies at both ends, weights in the middle.
    const near = random.next().value % Math.min(copy.length, 3000);
    const at = random.next().value % 2 === 0 ? near : copy.length - 1 - near;
    copy[at] = random.next().value;
  }
  return copy;
}

const codes = new Set();
const texts = [Buffer.from('node { name: "x" op: "Const" }'), Buffer.from('ISO-8859-1'), Buffer.alloc(64)];
for (const encoding of Object.keys(digits)) {
  const random = numbers(17);
  const [first, ...rest] = digits[encoding]();
  const models = [...texts, ...Object.values(digits).map((other) => other()[0])];
  for (let index = 0; index < 60; index++) models.push(damaged(first, random));
  for (const model of models)
    codes.add(thrownBy(() => room.compileModel(encoding, [model, ...rest], 'CPU', []).release()));
}
process.stdout.write(JSON.stringify([...codes].sort()));

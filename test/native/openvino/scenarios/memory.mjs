/** Does one thing again and again; prints by how much resident memory grew after it had warmed up. */
import { digits, openRoom, smallModel, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath, what] = process.argv;
const room = openRoom(addonPath, libraryPath);
const MEBIBYTE = 1 << 20;

/** One piece of memory for all rounds: what JavaScript allocates would be measured, too. */
const heavyWeights = Buffer.alloc(8 * MEBIBYTE);

/** A model of 8 MiB of weights, of which it needs few; other ones in each round. */
function heavyModel(round) {
  const [xml, weights] = smallModel('two-outputs');
  weights.copy(heavyWeights);
  heavyWeights.writeUInt32LE(round, heavyWeights.length - 4);
  return [xml, heavyWeights];
}

function dynamicRequest() {
  const model = room.compileModel('ir', smallModel('dynamic-batch'), 'CPU', []);
  const request = model.createInferRequest();
  model.release();
  return request;
}

const works = {
  // 1,000 requests, each computed once.
  requests: {
    rounds: 1000,
    start: () => room.compileModel('ir', digits.ir(), 'CPU', []),
    work: (_round, model) => {
      const request = model.createInferRequest();
      request.infer();
      request.release();
    },
    end: (model) => model.release(),
  },
  // 24 models with 8 MiB of weights each.
  models: {
    rounds: 24,
    work: (round) => {
      const model = room.compileModel('ir', heavyModel(round), 'CPU', []);
      const request = model.createInferRequest();
      model.release();
      request.infer();
      request.release();
    },
  },
  // 24 refused ones.
  refused: {
    rounds: 24,
    work: (round) => {
      const [xml, weights] = heavyModel(round);
      thrownBy(() => room.compileModel('ir', [xml, weights], 'ABACUS', []));
      thrownBy(() => room.compileModel('ir', [weights, xml], 'CPU', []));
      thrownBy(() => room.compileModel('onnx', [weights], 'CPU', []));
      thrownBy(() => room.compileModel('tensorflowlite', [weights], 'CPU', []));
    },
  },
  // 24 that nobody releases but the garbage collector.
  collected: {
    rounds: 24,
    work: async (round) => {
      room.compileModel('ir', heavyModel(round), 'CPU', []).createInferRequest().infer();
      globalThis.gc();
      await new Promise(setImmediate);
    },
  },
  // 200 inputs of 4 MiB, each of another size than the last.
  inputs: {
    rounds: 200,
    start: dynamicRequest,
    work: (round, request) => {
      const rows = (4 * MEBIBYTE) / 16 + (round % 2);
      request.setInput(0, 'f32', [rows, 4], heavyWeights.subarray(0, rows * 16));
      request.infer();
    },
    end: (request) => request.release(),
  },
};

async function settle() {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
}

const { rounds, work, start = () => undefined, end = () => {} } = works[what];
const subject = start();
for (let round = 0; round < rounds / 4; round++) await work(round, subject);
await settle();
const before = process.memoryUsage.rss();
for (let round = 0; round < rounds; round++) await work(round, subject);
await settle();
const growthBytes = process.memoryUsage.rss() - before;
end(subject);
await settle();
process.stdout.write(JSON.stringify({ growthBytes, compiledModels: room.tableStats().compiledModels }));

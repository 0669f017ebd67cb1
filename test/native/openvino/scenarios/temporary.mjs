/** Loads models that the runtime reads by path. Ends as it is told to: well, or killed in the middle of its loads. */
import { digits, openRoom } from './room.mjs';

const [, , addonPath, libraryPath, end] = process.argv;
const room = openRoom(addonPath, libraryPath);
const load = () => {
  for (const encoding of ['tensorflow', 'tensorflowlite'])
    room.compileModel(encoding, digits[encoding](), 'CPU', []).release();
};
load();
if (end === 'killed') {
  const models = Array.from({ length: 20 }, () =>
    room.compileModelAsync('tensorflowlite', digits.tensorflowlite(), 'CPU', []),
  );
  process.kill(process.pid, 'SIGKILL');
  await Promise.all(models);
}

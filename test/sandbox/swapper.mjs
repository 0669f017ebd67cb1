/**
 * Swaps what a guest uses between its own contents and a way out until it is told to stop; asked, it says how often it did.
 *
 *     node swapper.mjs DIRECTORY OUTSIDE KIND
 *
 * KIND `link`: the directory `race` for a link to OUTSIDE, absolute and relative in turn. `leaf`: the file `race/secret`
 * for a link to the one of OUTSIDE, in turn as well. `directory`: `race` itself is carried to OUTSIDE and back.
 */
import { linkSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory = '', outside = '', kind = ''] = process.argv.slice(2);
const race = join(directory, 'race');
const kept = join(directory, 'kept');
const links = [join(directory, 'out-absolute'), join(directory, 'out-relative')];
const targets = [join(outside, 'secret'), '../../outside/secret'];
const harmless = join(directory, 'harmless');
let swaps = 0;

/** The guest renames and removes in between: a swap that does not fit is none. */
function attempt(from, to) {
  try {
    renameSync(from, to);
  } catch {}
}

function swapLink() {
  const link = links[swaps % 2] ?? '';
  attempt(race, kept);
  attempt(link, race);
  attempt(race, link);
  attempt(kept, race);
}

/** Makes what is to come beside it, and puts it in its place at once. */
function put(make) {
  try {
    make(kept);
    renameSync(kept, join(race, 'secret'));
    // Where both were the same file, renaming leaves both.
    unlinkSync(kept);
  } catch {}
}

function swapLeaf() {
  const target = targets[swaps % 2] ?? '';
  put((name) => symlinkSync(target, name));
  put((name) => linkSync(harmless, name));
}

function carry() {
  attempt(race, join(outside, 'carried'));
  attempt(join(outside, 'carried'), race);
}

const KINDS = { link: swapLink, leaf: swapLeaf, directory: carry };
if (kind === 'link') {
  symlinkSync(outside, links[0] ?? '');
  symlinkSync('../outside', links[1] ?? '');
}

if (kind === 'leaf') writeFileSync(harmless, 'PUBLIC');

function someSwaps() {
  for (let index = 0; index < 500; index++, swaps++) KINDS[kind]();
  setImmediate(someSwaps);
}

process.on('message', (word) => {
  process.send?.(swaps);
  if (word === 'stop') process.disconnect();
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
someSwaps();

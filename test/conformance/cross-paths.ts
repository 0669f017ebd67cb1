/**
 * Every call on a path, with every shape of a path: what is there, what is not, dots, slashes, links, and text that is no
 * path. A call that changes something has a tree of its own, and what the tree holds after it is compared as well.
 */
import { type Case, crossing } from './script.ts';

/** A table, as words. */
function shapes(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Those that name no link. */
const PLAIN_SHAPES = shapes(`
  % . .. ./ ./. .//. .././ ... f ./f f/ f// f/. f/./ f/.. f/../ f/x f/x/ f/../f sub sub/ sub// sub/. sub/./ sub/..
  sub/../ sub/../f sub/../sub/g sub/../.. sub/../../t sub/../../t/f sub/g sub//g .//sub/./g sub/g/ sub/g/. sub/g/x
  sub/nope sub/nope/ sub/nope/x empty empty/ empty// empty/. empty/.. empty/../empty empty/x empty/x/ nope nope/ nope//
  nope/. nope/./ nope/.. nope/x nope/x/ nope/../f ./nope ./nope/ / // /// /. /.. /f //f /sub/g /nope/ ../f ../../f ../t0
  ../t0/f ./../f f%00 %00 f%00g sub/%00/g %00/f %ff sub/%ff %ff/.. f/%ff nope/%ff %c3 %c3%a4 %ed%a0%80 %f0%9f%98%80
  %ef%bb%bff a%20b a%5cb a:b a%0ab ~ %7f %01 n*255 n*256 sub/n*127 %c3%a4*127 %c3%a4*128 x/*2047 ./*2047 ./*2048
  ./*32768 a*4095 a*4096 a*65536 /*4095 /*4096 sub/../*586 f/*2048
`);

/** Those that go through a link, or end in one. */
const LINK_SHAPES = shapes(`
  link link/ link// link/. link/.. link/x link/../f dlink dlink/ dlink// dlink/. dlink/.. dlink/../ dlink/../f dlink/g
  dlink/g/ dlink/nope dlink/nope/ dlink/nope/x dlink/../dlink/g dlink/../.. slink slink/ slink/. slink/g fslash fslash/
  fslash/x elink elink/ elink/. elink/x dangling dangling/ dangling// dangling/. dangling/.. dangling/x dangdir dangdir/
  loop loop/ loop/. loop/x ping ping/ abs abs/ abs/x abs/.. root root/ root/. root/f root/t0/f up up/ up/. up/x up/f
  up/t0 out out/ out/x outfile sub/back sub/back/ dotlink dotlink/ dotlink/f dotlink/dotlink/f dotsub dotsub/ dotsub/f
  chainlink chainlink/ chaindir chaindir/ chaindir/g fifo fifo/ fifo/x fifolink
`);

const SHAPES: readonly string[] = [...PLAIN_SHAPES, ...LINK_SHAPES];

/** A few of each kind, to be crossed with each other. */
const ENDS = shapes(`
  f f/ sub sub/ sub/. sub/g empty empty/ nope nope/ nope/x . .. % /f link link/ dlink dlink/ elink elink/ dangling
  dangling/ loop abs up/f dlink/g fifo
`);

type Call = (shape: string) => string;

/** wasmtime waits for the other side when it opens a FIFO in one direction, even to set its times. */
const WITHOUT_FIFOS = SHAPES.filter((shape) => !shape.startsWith('fifo'));

/** Each shape in the one tree. */
function reading(family: string, name: string, call: Call, shapes: readonly string[] = SHAPES): Case {
  return crossing(family, name, ['dir t0', ...shapes.map(call)]);
}

/** Each shape in a new tree. */
function changing(family: string, name: string, call: Call, shapes: readonly string[] = SHAPES): Case {
  const calls = shapes.flatMap((shape, index) => [`dir t${index}`, call(shape), 'contents 4']);
  return crossing(family, name, calls);
}

const READ_AND_WRITE = 66;
const OFLAGS = Array.from({ length: 16 }, (_, oflags) => oflags);
/** Those that create, or cut: the rest contradict themselves, or only look. */
const CHANGING_OFLAGS = [1, 5, 8, 9];
/** The synchronous ones. */
const REFUSED_FDFLAGS = 26;

function opening(): Case[] {
  const cases: Case[] = [];
  for (const follow of [0, 1]) {
    for (const oflags of OFLAGS) {
      const call: Call = (shape) => `path_open 4 ${follow} ${shape} ${oflags} ${READ_AND_WRITE} 0 0`;
      const make = CHANGING_OFLAGS.includes(oflags) ? changing : reading;
      cases.push(make('path-open', `oflags ${oflags}, follow ${follow}`, call, WITHOUT_FIFOS));
    }
    for (const rights of [0, 2, 64, 16384]) {
      const call: Call = (shape) => `path_open 4 ${follow} ${shape} 0 ${rights} 0 0`;
      cases.push(reading('path-open', `rights ${rights}, follow ${follow}`, call, WITHOUT_FIFOS));
    }
  }
  return [...cases, ...openingModes()];
}

/** What the descriptor that came of it can do. */
function openingModes(): Case[] {
  const shapes = ['f', 'sub', 'nope', 'f/', 'link', 'dlink', 'dangling'];
  return [0, 1, 2, 4, 5, 8, 16, 31].map((fdflags) => {
    const oflags = (fdflags & REFUSED_FDFLAGS) === 0 ? [0, 1, 2, 5, 8, 9] : [0, 1, 8];
    const rest = shapes.flatMap((shape) =>
      oflags.flatMap((o) => [0, 2, 64, 66].map((rights) => `${shape} ${o} ${rights}`)),
    );
    const calls = rest.flatMap((one, index) => [
      `dir t${index}`,
      `path_open 4 1 ${one} 0 ${fdflags}`,
      'fd_fdstat_get 20',
      'fd_write 20 AB',
      'fd_pread 20 9 0',
    ]);
    return crossing('path-open', `fdflags ${fdflags}`, calls);
  });
}

/** Each of a few ends with each. */
function pairs(family: string, call: (from: string, to: string) => string): Case[] {
  return ENDS.map((from) => changing(family, `${from} to`, (to) => call(from, to), ENDS));
}

export const pathCrossings: readonly Case[] = [
  ...opening(),
  ...[0, 1].flatMap((follow) => [
    reading('path-filestat-get', `follow ${follow}`, (shape) => `path_filestat_get 4 ${follow} ${shape}`),
    reading(
      'path-filestat-set-times',
      `follow ${follow}`,
      (shape) => `path_filestat_set_times 4 ${follow} ${shape} 1000000001 2000000002 5`,
      WITHOUT_FIFOS,
    ),
    changing('path-link', `source, follow ${follow}`, (shape) => `path_link 4 ${follow} ${shape} 4 new`),
  ]),
  reading('path-readlink', 'of', (shape) => `path_readlink 4 ${shape} 100`),
  changing('path-create-directory', 'of', (shape) => `path_create_directory 4 ${shape}`),
  changing('path-remove-directory', 'of', (shape) => `path_remove_directory 4 ${shape}`),
  changing('path-unlink-file', 'of', (shape) => `path_unlink_file 4 ${shape}`),
  changing('path-symlink', 'link', (shape) => `path_symlink f 4 ${shape}`),
  changing('path-symlink', 'target', (shape) => `path_symlink ${shape} 4 new`),
  changing('path-link', 'target', (shape) => `path_link 4 0 f 4 ${shape}`),
  changing('path-rename', 'source', (shape) => `path_rename 4 ${shape} 4 new`),
  changing('path-rename', 'source, as a directory', (shape) => `path_rename 4 ${shape} 4 new/`),
  changing('path-rename', 'target of a file', (shape) => `path_rename 4 f 4 ${shape}`),
  changing('path-rename', 'target of a directory', (shape) => `path_rename 4 sub 4 ${shape}`),
  ...pairs('path-rename', (from, to) => `path_rename 4 ${from} 4 ${to}`),
  ...pairs('path-link', (from, to) => `path_link 4 0 ${from} 4 ${to}`),
];

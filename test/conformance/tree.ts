import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Relative path to contents; a directory without any has none. */
const FILES: Readonly<Record<string, string>> = {
  f: 'hello\n',
  'sub/g': 'x\n',
  ...Object.fromEntries(Array.from('abcdefghi', (letter) => [`list/l${letter}`, letter])),
};
const EMPTY_DIRECTORIES = ['empty'];

const LINKS: Readonly<Record<string, string>> = {
  link: 'f',
  dlink: 'sub',
  slink: 'sub/',
  fslash: 'f/',
  dot: 'sub/../f',
  dangling: 'nowhere',
  loop: 'loop',
  abs: '/etc/passwd',
  root: '/',
  up: '../..',
  'sub/back': '../f',
  // The link chain0 leads to f through 41 links, chain1 through 40, as many as a resolution may follow.
  ...Object.fromEntries(Array.from({ length: 41 }, (_, index) => [`chain${index}`, `chain${index + 1}`])),
  chain40: 'f',
};

/** Fills a directory of the host. */
export function makeTree(root: string): void {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const path of EMPTY_DIRECTORIES) mkdirSync(join(root, path));
  for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(root, path));
  execFileSync('mkfifo', [join(root, 'fifo')]);
}

/** What each of many trees holds. */
const SMALL_FILES: Readonly<Record<string, string>> = { f: 'hello\n', 'sub/g': 'x\n' };
const SMALL_LINKS: Readonly<Record<string, string>> = {
  link: 'f',
  dlink: 'sub',
  slink: 'sub/',
  fslash: 'f/',
  elink: 'empty',
  dangling: 'nowhere',
  dangdir: 'nowhere/x',
  loop: 'loop',
  ping: 'pong',
  pong: 'ping',
  abs: '/etc/passwd',
  root: '/',
  up: '..',
  out: '../..',
  outfile: '../f',
  dotlink: '.',
  dotsub: 'sub/..',
  chainlink: 'link',
  chaindir: 'dlink/.',
  fifolink: 'fifo',
  'sub/back': '../f',
};

/**
 * Fills a directory of the host with trees `t0`, `t1` and so on, beside a file `f`. Each holds the files, and of the links
 * those that the calls on it name.
 */
export function makeSmallTrees(root: string, calls: readonly string[]): void {
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'f'), 'outer\n');
  const fifos: string[] = [];
  for (const [name, text] of textsByTree(calls)) {
    const tree = join(root, name);
    mkdirSync(join(tree, 'sub'), { recursive: true });
    mkdirSync(join(tree, 'empty'));
    for (const [path, content] of Object.entries(SMALL_FILES)) writeFileSync(join(tree, path), content);
    for (const [path, target] of linksIn(text)) symlinkSync(target, join(tree, path));
    if (text.includes('fifo')) fifos.push(join(tree, 'fifo'));
  }
  if (fifos.length > 0) execFileSync('mkfifo', fifos);
}

function linksIn(text: string): [path: string, target: string][] {
  const named = Object.entries(SMALL_LINKS).filter(([path]) => text.includes(path));
  // Links to links; `link` is part of the other names, so that it is always there.
  const behind = named.flatMap(([, target]) => Object.entries(SMALL_LINKS).filter(([path]) => target.startsWith(path)));
  return [...new Map([...named, ...behind])];
}

/** The calls on each tree, by its name, as one text. */
function textsByTree(calls: readonly string[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let name = '';
  for (const call of calls) {
    if (call.startsWith('dir ')) name = call.slice(4);
    texts.set(name, `${texts.get(name) ?? ''}${call}\n`);
  }
  return texts;
}

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Directory, File, type Inode, PreopenDirectory } from '@bjorn3/browser_wasi_shim';

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

/** The same in memory, without links. */
export function memoryTree(name: string): PreopenDirectory {
  const encoder = new TextEncoder();
  const root = new Map<string, Inode>();
  for (const [path, text] of Object.entries(FILES)) {
    const [first = '', second] = path.split('/');
    const file = new File(encoder.encode(text));
    if (second === undefined) root.set(first, file);
    else {
      const directory = root.get(first) ?? new Directory(new Map());
      (directory as Directory).contents.set(second, file);
      root.set(first, directory);
    }
  }
  for (const path of EMPTY_DIRECTORIES) root.set(path, new Directory(new Map()));
  return new PreopenDirectory(name, root);
}

/** A thread that is blocked in a terminal, which takes part of a write and then waits, comes back as any other. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { addonPlaces } from '../../../src/native/addon.ts';
import { type Requirement, skipUnless } from '../../support/requirements.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const DRIVER = fileURLToPath(new URL('terminal-driver.mjs', import.meta.url));

/** The one of util-linux, whose options are its own. */
const script: Requirement = {
  met: spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false,
  reason: 'script of util-linux is not installed, which gives a program a terminal',
};

/** Not all that comes: whoever gave the terminal may hold the other end for longer. */
async function firstLine(from: Readable): Promise<string> {
  for await (const line of createInterface(from)) return line;
  return '';
}

/** What the driver tells from within a terminal whose other side gives nothing, and takes no more than a pipe holds. */
async function inTerminal(kind: 'read' | 'write'): Promise<unknown> {
  const [input, output] = ['input', 'output'].map((name) => {
    const path = join(newDirectory(), name);
    execFileSync('mkfifo', [path]);
    return openSync(path, constants.O_RDWR);
  }) as [number, number];
  const command = [process.execPath, DRIVER, addonPlaces()[0], kind].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: [input, output, 'inherit', 'pipe'] });
  try {
    return JSON.parse(await firstLine(child.stdio[3] as Readable));
  } finally {
    child.kill('SIGKILL');
    closeSync(input);
    closeSync(output);
  }
}

describe.skipIf(skipUnless(script))('a terminal', () => {
  it.each(['read', 'write'] as const)('that a thread waits for, to %s', async (kind) => {
    const outcome = await inTerminal(kind);
    expect(outcome).toMatchObject({ isTerminal: true, waits: 'waits', errno: osConstants.errno.EINTR, exitCode: 1 });
  });
});

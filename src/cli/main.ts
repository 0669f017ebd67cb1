/** The command line, but for the process around it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../native/addon.ts';
import { CommandLineEnd, type RunSettings, readRunArguments } from './args.ts';
import type { CliIo } from './io.ts';
import { endingOfError } from './report.ts';
import { run } from './run.ts';
import { PROGRAM, runHelp } from './usage.ts';

/**
 * Runs one command line.
 * @param argv without Node and the script
 * @returns the exit code of the process
 */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (error instanceof CommandLineEnd) {
      if (error.stdout !== '') io.stdout(error.stdout);
      if (error.stderr !== '') io.stderr(error.stderr);
      return error.exitCode;
    }
    const { exitCode, stderr } = endingOfError(error);
    io.stderr(stderr);
    return exitCode;
  }
}

async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const [command = '', ...words] = argv;
  if (command === 'run') return run(readRunArguments(words, 'wasmtime'), io);
  if (command === 'doctor') return (await import('./doctor.ts')).doctor(words, io);
  if (command === 'setup') return (await import('./apart.ts')).setup(words, io);
  if (command === 'inspect') return (await import('./apart.ts')).inspect(words, io);
  if (command === 'help') return print(runHelp(helpForm(words)), io);
  if (command === '-V' || command === '--version') return print(`${PROGRAM} ${version()}\n`, io);
  return run(readRunArguments(argv, 'own'), io);
}

function helpForm([topic]: readonly string[]): RunSettings['form'] {
  return topic === 'run' ? 'wasmtime' : 'own';
}

function print(text: string, io: CliIo): number {
  io.stdout(text);
  return 0;
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

import { type SpawnSyncOptionsWithBufferEncoding, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/main.ts';
import type { GuestStdio } from '../../src/engine/guest-run.ts';

export interface CliResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command line in this process; what a guest writes is collected with what the command line writes. */
export async function cli(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  stdin = '',
): Promise<CliResult> {
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const guest: GuestStdio = {
    stdin: { kind: 'bytes', bytes: new TextEncoder().encode(stdin) },
    stdout: { kind: 'write', write: (bytes) => written.stdout.push(Buffer.from(bytes)) },
    stderr: { kind: 'write', write: (bytes) => written.stderr.push(Buffer.from(bytes)) },
  };
  const exitCode = await main(argv, {
    stdout: (text) => written.stdout.push(Buffer.from(text)),
    stderr: (text) => written.stderr.push(Buffer.from(text)),
    env,
    guest,
  });
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('latin1');
  return { exitCode, stdout: text(written.stdout), stderr: text(written.stderr) };
}

export const RUN = fileURLToPath(new URL('../../run.js', import.meta.url));

/** Runs a command line in a process of its own. */
export function cliProcess(
  argv: readonly string[],
  options: SpawnSyncOptionsWithBufferEncoding = {},
): CliResult & { signal: NodeJS.Signals | null } {
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, [RUN, ...argv], {
    maxBuffer: 1 << 28,
    input: '',
    ...options,
  });
  if (error) throw error;
  return { exitCode: status, signal, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') };
}

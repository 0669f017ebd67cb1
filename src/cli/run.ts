/** Runs a guest from settings: this is the whole of a start that has to be fast. */
import { basename } from 'node:path';
import { compileModule, type ModuleSource, readModuleFile, readModuleSource } from '../engine/compile.ts';
import { DEFAULT_BACKTRACE_FRAMES, type GuestOutcome, type GuestPlan } from '../engine/guest-plan.ts';
import { type GuestStdio, runGuest } from '../engine/guest-run.ts';
import { fitsThisThread } from '../engine/guest-stack.ts';
import type { ModuleLimits } from '../engine/module-rewrite.ts';
import { createNnSupport, type NnPlan, type OwnedNnSupport, parseNamedGraph } from '../engine/nn-support.ts';
import { nowMs } from '../engine/run-recorder.ts';
import type { GuestUsage } from '../engine/run-report.ts';
import { type ErrorCode, HostError } from '../errors.ts';
import type { Refusal } from '../nn/index.ts';
import { glibcVersion } from '../openvino-runtime/wheel.ts';
import { invalidOption } from '../options.ts';
import type { GuestEnd } from '../worker/guest-watch.ts';
import type { WorkerRunOptions } from '../worker/worker-run.ts';
import type { RunSettings } from './args.ts';
import type { CliIo } from './io.ts';
import { type OptionValue, RefusedOption, UnavailableOption } from './option-values.ts';
import { endingOf, refusalText, wasiFaultText } from './report.ts';
import type { EndedRun, RunTimeline } from './timeline.ts';
import type { GroupLetter } from './wasmtime-options.ts';

/** Reads typed values of the option groups. */
class Keys {
  readonly #settings: RunSettings;

  constructor(settings: RunSettings) {
    this.#settings = settings;
  }

  all(letter: GroupLetter, key: string): readonly OptionValue[] {
    return this.#settings.keys[letter].get(key) ?? [];
  }

  flag(letter: GroupLetter, key: string, otherwise: boolean): boolean {
    return (this.all(letter, key).at(-1) as boolean | undefined) ?? otherwise;
  }

  number(letter: GroupLetter, key: string): number | undefined {
    return this.all(letter, key).at(-1) as number | undefined;
  }
}

/**
 * Runs the guest that the settings name.
 * @returns the exit code of the process
 * @throws HostError for what the command line or the machine has wrong
 */
export async function run(settings: RunSettings, io: CliIo): Promise<number> {
  if (settings.timeline === undefined) return report((await runModule(settings, io)).outcome, settings.module, io);
  const { RunTimeline } = await import('./apart.ts');
  const timeline = new RunTimeline(settings.timeline, settings.module);
  try {
    const ended = await runModule(settings, io, timeline);
    const exitCode = report(ended.outcome, settings.module, io);
    await timeline.write(ended);
    return exitCode;
  } catch (error) {
    await timeline.writeError(error);
    throw error;
  }
}

async function runModule(settings: RunSettings, io: CliIo, timeline?: RunTimeline): Promise<EndedRun> {
  const keys = new Keys(settings);
  checkTarget(settings.target);
  const readStartMs = nowMs();
  const source = await readModuleSource(settings.module, readModuleFile(settings.module));
  timeline?.note('compile', readStartMs, nowMs(), { of: 'reading the module' });
  const nn = nnPlan(settings, keys);
  const refused = refusalListener(settings.logs.has('nn'), io);
  const faulted = settings.logs.has('wasi')
    ? (name: string, reason: unknown) => io.stderr(wasiFaultText(name, reason))
    : undefined;
  const timeoutMs = keys.number('W', 'timeout');
  const maxWasmStackBytes = maxWasmStack(keys);
  // Opening OpenVINO on a thread of its own takes as long as all that follows here until the guest's first call.
  const supportStartMs = nowMs();
  const support = nn && createNnSupport({ ...nn, env: io.env }, refused);
  if (usesNn(source)) support?.preload();
  timeline?.note('start', supportStartMs, nowMs(), { of: 'looking for the runtime, compiling named graphs' });
  const compileStartMs = nowMs();
  const plan = await guestPlan(settings, keys, source, io);
  timeline?.note('compile', compileStartMs, nowMs());
  const stdio = guestStdio(keys, io.guest);
  if (timeoutMs === undefined && fitsThisThread(maxWasmStackBytes)) {
    const { exitCode, stderr } = endingOf(fullHeap(plan), settings.module);
    io.endOnFullHeap?.(stderr, exitCode);
    const { outcome, usage } = runGuest(plan, stdio, support, { onWasiFault: faulted });
    return { outcome, usage, mode: 'calling-thread', runtime: timeline && runtimeText(support, usage) };
  }
  const watch = { timeoutMs, onRefused: refused, onWasiFault: faulted };
  return { ...(await runWatched(plan, nn, stdio, watch)), mode: 'thread', runtime: undefined };
}

/** Asked only where the guest had it opened: it is slow to open, and may be missing. */
function runtimeText(support: OwnedNnSupport | undefined, { phases }: GuestUsage): string | undefined {
  if (support === undefined || phases.init_execution_context === undefined) return undefined;
  const { runtime, version } = support.backend().describe();
  return `${runtime} ${version}`;
}

/** What a machine lacks is told unasked, once: the guest knows only that something failed. */
function refusalListener(tellsAll: boolean, io: CliIo): (refusal: Refusal) => void {
  let hasToldLack = false;
  return (refusal) => {
    const isLack = refusal.code !== undefined && LACKS.has(refusal.code);
    if (tellsAll || (isLack && !hasToldLack)) io.stderr(refusalText(refusal));
    hasToldLack ||= isLack;
  };
}

/** Codes of errors that no guest can cause and the operator can mend. */
const LACKS: ReadonlySet<ErrorCode> = new Set([
  'ERR_ADDON_UNAVAILABLE',
  'ERR_NN_BACKEND_UNAVAILABLE',
  'ERR_NN_RUNTIME_NOT_FOUND',
  'ERR_NN_RUNTIME_INVALID',
]);

function report(outcome: GuestOutcome, module: string, io: CliIo): number {
  if (outcome.kind === 'returned') for (const result of outcome.results) io.stdout(`${result}\n`);
  const { exitCode, stderr } = endingOf(outcome, module);
  if (stderr !== '') io.stderr(stderr);
  return exitCode;
}

/** A module that the reader could not read is as good as one that may need it. */
function usesNn({ shape }: ModuleSource): boolean {
  return shape === undefined || shape.imports.some(({ module }) => module === 'wasi_ephemeral_nn');
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', riscv64: 'riscv64gc' };

/** wasmtime runs what is compiled for its own machine only, named in full; its interpreter (pulley) is not here. */
function checkTarget(target: string | undefined): void {
  if (target === undefined) return;
  if (target.startsWith('pulley')) throw new RefusedOption(`--target ${target} is not there: V8 compiles`);
  const system = process.platform === 'darwin' ? 'apple-darwin' : `unknown-linux-${glibcVersion() ? 'gnu' : 'musl'}`;
  const own = `${ARCHITECTURES[process.arch] ?? process.arch}-${system}`;
  if (target !== own) throw new UnavailableOption(`--target ${target}: only this machine's own runs here, ${own}`);
}

function nnPlan(settings: RunSettings, keys: Keys): NnPlan | undefined {
  const graphs = keys.all('S', 'nn-graph').map((text) => parseNamedGraph(text as string));
  if (!keys.flag('S', 'nn', settings.form === 'own')) return undefined;
  // Graphs that a guest loads tell of their operations by themselves; those of the host are compiled without it.
  const properties = settings.timeline === undefined || graphs.length === 0 ? undefined : { PERF_COUNT: 'YES' };
  return { backend: settings.backend, openvinoDir: settings.openvinoDir, graphs, properties };
}

async function guestPlan(settings: RunSettings, keys: Keys, source: ModuleSource, io: CliIo): Promise<GuestPlan> {
  const limits: ModuleLimits = {
    maxMemoryBytes: keys.number('W', 'max-memory-size'),
    maxTableElements: keys.number('W', 'max-table-elements'),
  };
  const preloads: GuestPlan['preloads'][number][] = [];
  for (const { name, path } of settings.preloads) {
    preloads.push({ name, program: compileModule(await readModuleSource(path, readModuleFile(path)), limits) });
  }
  const { module, guestArgs, invoke } = settings;
  const hasWasi = keys.flag('S', 'cli', keys.flag('S', 'common', true));
  return {
    program: compileModule(source, limits),
    preloads,
    args: [settings.argv0 ?? basename(module), ...(invoke === undefined ? guestArgs : [])],
    env: guestEnvironment(settings, keys, io.env),
    preopens: settings.dirs.map((dir) => ({ kind: 'host', ...dir })),
    wasi: { preview1: hasWasi, unstable: hasWasi && keys.flag('S', 'preview0', true) },
    invoke: invoke === undefined ? undefined : { name: invoke, args: guestArgs },
    limits: {
      ...limits,
      maxInstances: keys.number('W', 'max-instances'),
      maxMemories: keys.number('W', 'max-memories'),
      maxTables: keys.number('W', 'max-tables'),
    },
    unknownImports: keys.flag('W', 'unknown-imports-trap', false)
      ? 'trap'
      : keys.flag('W', 'unknown-imports-default', false)
        ? 'default'
        : 'refuse',
    maxWasmStackBytes: maxWasmStack(keys),
    // wasmtime reads 0 as its default, too.
    maxBacktraceFrames: keys.number('D', 'max-backtrace') || DEFAULT_BACKTRACE_FRAMES,
    ...(settings.timeline !== undefined && { record: 'timeline' }),
  };
}

/** The host's variables first, then those of the command line; a name may come twice, and most guests read the first. */
function guestEnvironment({ env }: RunSettings, keys: Keys, host: NodeJS.ProcessEnv): [string, string][] {
  const inherited = keys.flag('S', 'inherit-env', false) ? Object.entries(host) : [];
  const given = env.map(({ name, value }) => [name, value ?? host[name]] as const);
  return [...inherited, ...given].filter((entry): entry is [string, string] => entry[1] !== undefined);
}

function guestStdio(keys: Keys, given: GuestStdio | undefined): GuestStdio {
  const inherits = (stream: string) => keys.flag('S', `inherit-${stream}`, true);
  return {
    stdin: inherits('stdin') ? (given?.stdin ?? { kind: 'fd', fd: 0 }) : { kind: 'null' },
    stdout: inherits('stdout') ? (given?.stdout ?? { kind: 'fd', fd: 1 }) : { kind: 'null' },
    stderr: inherits('stderr') ? (given?.stderr ?? { kind: 'fd', fd: 2 }) : { kind: 'null' },
  };
}

const MOST_WASM_STACK_BYTES = 2 ** 31;

/** @throws OptionError */
function maxWasmStack(keys: Keys): number | undefined {
  const bytes = keys.number('W', 'max-wasm-stack');
  if (bytes === undefined || (bytes > 0 && bytes <= MOST_WASM_STACK_BYTES)) return bytes;
  throw invalidOption('-W max-wasm-stack', `a number of bytes up to ${MOST_WASM_STACK_BYTES / 2 ** 20} MiB`, bytes);
}

/** The guest writes from its own thread, so that nothing that it wrote before its time was over is lost. */
async function runWatched(
  plan: GuestPlan,
  nn: NnPlan | undefined,
  stdio: GuestStdio,
  watch: WorkerRunOptions,
): Promise<GuestEnd> {
  const { runInWorker } = await import('../worker/worker-run.ts');
  // Nothing terminates the worker: the process ends with it.
  const task = { plan, nn: nn && { ...nn, insideWorker: true }, postRefusals: true };
  try {
    return await runInWorker({ ...task, stdio }, { ...watch, reportsInOrder: true }).end;
  } catch (error) {
    if (!(error instanceof HostError && error.code === 'ERR_GUEST_HEAP_LIMIT')) throw error;
    const { unknownUsage } = await import('../engine/guest-usage.ts');
    return { outcome: fullHeap(plan), usage: unknownUsage() };
  }
}

/** How a guest ends whose objects (of wasm's garbage collection, tables, exceptions) fill the heap of JavaScript. */
function fullHeap({ invoke }: GuestPlan): GuestOutcome {
  const message = "wasm trap: the guest's objects take more than the heap of JavaScript may have";
  return {
    kind: 'failed',
    failure: { code: 'ERR_GUEST_HEAP_LIMIT', message, backtrace: [] },
    phase: { at: 'invoke', ...(invoke && { name: invoke.name }) },
  };
}

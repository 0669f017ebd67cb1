/** The grammar of the command line: from words to settings. */
import { Command, CommanderError } from 'commander';
import { BACKEND_CHOICES, type BackendChoice } from '../host/default-backends.ts';
import { invalidOption } from '../options.ts';
import { type KeyValues, RefusedOption, readKeys } from './option-values.ts';
import { keysHelp, PROGRAM, runHelp } from './usage.ts';
import { type GroupLetter, OPTION_GROUPS, type OptionGroup } from './wasmtime-options.ts';

/** What a run of a guest was asked to be. */
export interface RunSettings {
  /** `own`: options on both sides of the module, wasi-nn on. `wasmtime`: `run`, all behind the module is the guest's. */
  form: 'own' | 'wasmtime';
  module: string;
  guestArgs: string[];
  keys: Record<GroupLetter, KeyValues>;
  dirs: { hostPath: string; guestPath: string; readOnly: boolean }[];
  /** Without a value: what the host's environment has under the name. */
  env: { name: string; value: string | undefined }[];
  preloads: { name: string; path: string }[];
  invoke: string | undefined;
  argv0: string | undefined;
  target: string | undefined;
  backend: BackendChoice;
  openvinoDir: string | undefined;
  logs: Set<LogTopic>;
}

export const LOG_TOPICS = ['nn', 'wasi'] as const;
export type LogTopic = (typeof LOG_TOPICS)[number];

/** The command line ends here: something was asked for that is only printed, or it is wrong. */
export class CommandLineEnd extends Error {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(exitCode: number, texts: { stdout?: string; stderr?: string }) {
    super(texts.stderr ?? '');
    this.exitCode = exitCode;
    this.stdout = texts.stdout ?? '';
    this.stderr = texts.stderr ?? '';
  }
}

/**
 * Reads the command line of a run.
 * @param words without the program, and without `run`
 * @throws CommandLineEnd; OptionError and others of the options' values
 */
export function readRunArguments(words: readonly string[], form: RunSettings['form']): RunSettings {
  const settings = noSettings(form);
  const [module, ...behind] = parse(settings, words);
  if (module === undefined) throw wrongUsage('a module to run is missing');
  settings.module = module;
  settings.guestArgs = form === 'wasmtime' ? behind : parse(settings, behind);
  return settings;
}

function noSettings(form: RunSettings['form']): RunSettings {
  return {
    form,
    module: '',
    guestArgs: [],
    keys: { O: new Map(), C: new Map(), D: new Map(), W: new Map(), S: new Map(), R: new Map() },
    dirs: [],
    env: [],
    preloads: [],
    invoke: undefined,
    argv0: undefined,
    target: undefined,
    backend: 'auto',
    openvinoDir: undefined,
    logs: new Set(),
  };
}

/** Reads options up to the first word that is none; that and all behind it is returned. */
function parse(settings: RunSettings, words: readonly string[]): string[] {
  const command = runCommand(settings);
  try {
    return command.parse([...words], { from: 'user' }).args;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') throw new CommandLineEnd(0, { stdout: runHelp(settings.form) });
    throw wrongUsage(error.message.replace(/^error: /, ''), settings);
  }
}

export function wrongUsage(reason: string, settings?: RunSettings): CommandLineEnd {
  const behindModule = settings?.form === 'own' && settings.module !== '' && reason.startsWith('unknown option');
  const hint = behindModule ? ' (put the arguments of the guest behind --)' : '';
  return new CommandLineEnd(2, { stderr: `error: ${reason.split('\n')[0]}${hint}; try '${PROGRAM} --help'\n` });
}

function runCommand(settings: RunSettings): Command {
  const command = new Command()
    .helpOption('-h, --help')
    .passThroughOptions()
    .argument('[words...]')
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const group of OPTION_GROUPS) {
    command.option(`-${group.letter}, --${group.long} <keys>`, '', (text: string) => readGroup(group, text, settings));
  }
  const each = (flags: string, read: (text: string) => void) => command.option(flags, '', read);
  each('--dir <dir>', (text) => settings.dirs.push(readDir(text)));
  each('--env <variable>', (text) => settings.env.push(readVariable(text)));
  each('--preload <module>', (text) => settings.preloads.push(readPreload(text)));
  each('--log <topic>', (text) => settings.logs.add(oneOf('--log', LOG_TOPICS, text)));
  each('--backend <name>', (text) => {
    settings.backend = oneOf('--backend', BACKEND_CHOICES, text);
  });
  for (const [flags, key] of SINGLE_TEXTS) {
    each(flags, (text) => {
      if (settings[key] !== undefined) throw invalidOption(flags.split(' ')[0] as string, 'one value', text);
      settings[key] = text;
    });
  }
  command.option('--allow-precompiled', '');
  for (const [flags, words] of REFUSED) {
    each(flags, () => {
      throw new RefusedOption(words);
    });
  }
  return command;
}

const SINGLE_TEXTS = [
  ['--invoke <function>', 'invoke'],
  ['--argv0 <name>', 'argv0'],
  ['--target <triple>', 'target'],
  ['--openvino-dir <dir>', 'openvinoDir'],
] as const;

/** Options of wasmtime's that this host does not have. */
const REFUSED = [
  ['--config <file>', '--config is not there: write the options out'],
  ['--profile <strategy>', '--profile is not there: "node --prof run.js" profiles guests'],
  ['-g, --gdbstub <address>', '-g is not there: "node --inspect run.js" debugs guests'],
] as const;

function readGroup(group: OptionGroup, text: string, settings: RunSettings): void {
  // The short form may have an equals sign, too: `-S=nn`.
  const keys = text.replace(/^=/, '');
  if (keys === 'help' || keys === 'help-long') throw new CommandLineEnd(0, { stdout: keysHelp(group) });
  readKeys(group, keys, settings.keys[group.letter]);
}

function readDir(text: string): RunSettings['dirs'][number] {
  const [hostPath = '', guestPath = hostPath, mode, ...more] = text.split('::');
  if (more.length > 0 || (mode !== undefined && mode !== 'ro')) {
    throw invalidOption('--dir', 'HOST, HOST::GUEST or HOST::GUEST::ro', text);
  }
  return { hostPath, guestPath, readOnly: mode === 'ro' };
}

function readVariable(text: string): RunSettings['env'][number] {
  const equals = text.indexOf('=');
  return equals < 0 ? { name: text, value: undefined } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function readPreload(text: string): RunSettings['preloads'][number] {
  const parts = text.split('=');
  if (parts.length !== 2) throw invalidOption('--preload', 'NAME=FILE', text);
  return { name: parts[0] as string, path: parts[1] as string };
}

function oneOf<Choice extends string>(option: string, choices: readonly Choice[], text: string): Choice {
  const chosen = choices.find((choice) => choice === text);
  if (chosen === undefined) throw invalidOption(option, `one of ${choices.join(', ')}`, text);
  return chosen;
}

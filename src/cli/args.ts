/** The grammar of the command line: from words to settings. */
import { parseArgs } from 'node:util';
import { BACKEND_CHOICES, type BackendChoice } from '../engine/default-backends.ts';
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
  /** Where the timeline of the run is written, `.json` or `.html`. */
  timeline: string | undefined;
  logs: Set<LogTopic>;
}

const LOG_TOPICS = ['nn', 'wasi'] as const;
type LogTopic = (typeof LOG_TOPICS)[number];

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
    timeline: undefined,
    logs: new Set(),
  };
}

/** Reads options up to the first word that is none; that and all behind it is returned. */
function parse(settings: RunSettings, words: readonly string[]): string[] {
  const readers = optionReaders(settings);
  const options = Object.fromEntries([...readers].map(([name, { config }]) => [name, config]));
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'option-terminator') return words.slice(token.index + 1);
    if (token.kind === 'positional' || isNumber(words[token.index])) return words.slice(token.index);
    const reader = readers.get(token.name);
    if (reader === undefined) throw wrongUsage(`unknown option '${token.rawName}'`, settings);
    if (reader.config.type === 'string' && typeof token.value !== 'string') {
      throw wrongUsage(`option '${token.rawName}' needs a value`);
    }
    reader.read(token.value ?? '');
  }
  return [];
}

/** An argument of a function that is invoked, and no option. */
function isNumber(word: string | undefined): boolean {
  return word !== undefined && /^-\.?\d/.test(word);
}

function wrongUsage(reason: string, settings?: RunSettings): CommandLineEnd {
  const behindModule = settings?.form === 'own' && settings.module !== '';
  const hint = behindModule ? ' (put the arguments of the guest behind --)' : '';
  return new CommandLineEnd(2, { stderr: `error: ${reason}${hint}; try '${PROGRAM} --help'\n` });
}

interface OptionReader {
  config: { type: 'string' | 'boolean'; short?: string };
  read: (text: string) => void;
}

/** Every option by its long name. */
function optionReaders(settings: RunSettings): Map<string, OptionReader> {
  const readers = new Map<string, OptionReader>();
  const add = (name: string, read: (text: string) => void, short?: string) => {
    readers.set(name, { config: { type: 'string', ...(short && { short }) }, read });
  };
  for (const group of OPTION_GROUPS) add(group.long, (text) => readGroup(group, text, settings), group.letter);
  add('dir', (text) => settings.dirs.push(readDir(text)));
  add('env', (text) => settings.env.push(readVariable(text)));
  add('preload', (text) => settings.preloads.push(readPreload(text)));
  add('log', (text) => {
    for (const topic of text.split(',')) settings.logs.add(oneOf('--log', LOG_TOPICS, topic));
  });
  add('backend', (text) => {
    settings.backend = oneOf('--backend', BACKEND_CHOICES, text);
  });
  for (const [name, key] of SINGLE_TEXTS) {
    add(name, (text) => {
      if (settings[key] !== undefined) throw invalidOption(`--${name}`, 'one value', text);
      settings[key] = text;
    });
  }
  for (const [name, words, short] of REFUSED) {
    const refuse = () => {
      throw new RefusedOption(words);
    };
    add(name, refuse, short);
  }
  readers.set('allow-precompiled', { config: { type: 'boolean' }, read: () => {} });
  readers.set('help', { config: { type: 'boolean', short: 'h' }, read: () => printHelp(settings) });
  return readers;
}

function printHelp({ form }: RunSettings): never {
  throw new CommandLineEnd(0, { stdout: runHelp(form) });
}

const SINGLE_TEXTS = [
  ['invoke', 'invoke'],
  ['argv0', 'argv0'],
  ['target', 'target'],
  ['openvino-dir', 'openvinoDir'],
  ['timeline', 'timeline'],
] as const;

/** Options of wasmtime's that this host does not have. */
const REFUSED: readonly (readonly [name: string, words: string, short?: string])[] = [
  ['config', '--config is not there: write the options out'],
  ['profile', '--profile is not there: "node --prof run.js" profiles guests'],
  ['gdbstub', '-g is not there: "node --inspect run.js" debugs guests', 'g'],
];

function readGroup(group: OptionGroup, text: string, settings: RunSettings): void {
  // The short form may have an equals sign, too: `-S=nn`.
  const keys = text.replace(/^=/, '');
  if (keys === 'help' || keys === 'help-long') throw new CommandLineEnd(0, { stdout: keysHelp(group) });
  readKeys(group, keys, settings.keys[group.letter]);
}

function readDir(text: string): RunSettings['dirs'][number] {
  const [hostPath = '', guestPath = hostPath, mode, ...more] = text.split('::');
  if (more.length > 0 || (mode !== undefined && mode !== 'ro' && mode !== 'rw')) {
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

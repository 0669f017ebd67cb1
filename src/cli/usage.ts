/** The texts of `--help`. */
import { formText } from './option-values.ts';
import type { KeyRule, OptionGroup } from './wasmtime-options.ts';

export const PROGRAM = 'wasi-nn-host';

const OPTIONS = `Options:
  --dir HOST[::GUEST[::ro]]  give the guest a directory, under another name, to read only
                             (HOST::ro is a writable one by the name of "ro")
  --env NAME[=VALUE]         give the guest an environment variable; without a value, the host's
  --invoke FUNCTION          call this export instead of _start, and print its results
  --argv0 NAME               the guest's name for itself (default: the module's file name)
  --preload NAME=FILE        a module that the guest may import from
  -S, --wasi KEY[=VALUE],…   WASI and its proposals; "-S help" lists the keys, and so below
  -W, --wasm KEY[=VALUE],…   what WebAssembly may do: timeout, max-memory-size, …
  -D, --debug KEY[=VALUE],…  debugging
  -O, -C, -R, --target, --allow-precompiled
                             wasmtime's, for its compiler; they change nothing here
  --backend NAME             what computes: native, openvino-node, or auto (default): native,
                             and openvino-node where the addon or OpenVINO is missing
  --openvino-dir DIR         the OpenVINO to use, in place of the search
  --log TOPIC[,TOPIC]        nn: tell on stderr why wasi-nn calls were refused; wasi: tell of
                             file and system calls that failed for no reason of the guest
  --timeline FILE            write what the run did when, and what OpenVINO's operations took:
                             FILE.html is a page, FILE.json a trace for ui.perfetto.dev
  -h, --help                 this text
`;

const EXIT_CODES = `Exit code: the guest's own; 1 for proc_exit above 125, and for a module that cannot be read or
linked; 134 for a trap or a timeout; 2 for wrong usage.
`;

const OWN = `Usage: ${PROGRAM} [OPTIONS] MODULE [OPTIONS] [--] [ARGS...]
       ${PROGRAM} run [OPTIONS] MODULE [ARGS...]
       ${PROGRAM} inspect FILE | doctor | setup

Runs a WebAssembly module (wasm32-wasip1, binary or text) that may use wasi-nn.

Commands:
  run      the same as wasmtime's: all behind MODULE is the guest's, and wasi-nn is off
           unless "-S nn" turns it on
  inspect  shows what a model or a module takes and gives
  doctor   shows which OpenVINO would be used, and what is missing
  setup    fetches OpenVINO where none is found

Without a command wasi-nn is on, and options may stand behind MODULE; the first word there
that is no option, or --, begins the guest's arguments.

${OPTIONS}  -V, --version              the version of this host

${EXIT_CODES}`;

const RUN = `Usage: ${PROGRAM} run [OPTIONS] MODULE [ARGS...]

Runs a WebAssembly module as "wasmtime run" does. All behind MODULE is the guest's, or the
function's with --invoke. wasi-nn is off unless "-S nn" turns it on.

${OPTIONS}
${EXIT_CODES}`;

export function runHelp(form: 'own' | 'wasmtime'): string {
  return form === 'own' ? OWN : RUN;
}

/** `-S help`: every key that is accepted, with what it does. */
export function keysHelp(group: OptionGroup): string {
  const rows = Object.entries(group.rules).map(
    ([key, rule]) => [`${key}${formText(rule.form)}`, ruleText(rule)] as const,
  );
  if (group.prefix !== undefined) rows.push([`${group.prefix}KEY[=VALUE]`, 'accepted, changes nothing here']);
  const width = Math.max(...rows.map(([key]) => key.length));
  const lines = rows.map(([key, text]) => `  -${group.letter} ${key.padEnd(width)}  ${text}`);
  return `Keys of -${group.letter}, --${group.long}: ${group.about}\n\n${lines.join('\n')}\n`;
}

function ruleText({ treatment, words = '', when }: KeyRule): string {
  if (treatment === 'honoured') return words;
  if (treatment === 'ignored') return 'accepted, changes nothing here';
  const value = when === false ? 'n: ' : '';
  return `refused: ${value}${words}`;
}

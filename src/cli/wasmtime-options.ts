/**
 * The keys of wasmtime's option groups (`-S nn,nn-graph=…`), what values they take, and what becomes of each here.
 *
 * @see https://docs.wasmtime.dev/cli-options.html
 */

export type GroupLetter = 'O' | 'C' | 'D' | 'W' | 'S' | 'R';

/** What a value looks like. `text` and `choice` need one; the boolean may be left out and means yes then. */
export type ValueForm = 'boolean' | 'number' | 'duration' | 'text' | readonly string[];

/**
 * What becomes of a key:
 * - `honoured`: it does here what it does there;
 * - `ignored`: it tunes a compiler that is not here, or changes nothing for a core module there;
 * - `refused`: it cannot be honoured, and ignoring it would deceive; exit code 2;
 * - `failing`: wasmtime ends with exit code 1, and so does this host.
 */
type Treatment = 'honoured' | 'ignored' | 'refused' | 'failing';

export interface KeyRule {
  form: ValueForm;
  treatment: Treatment;
  /** For booleans: the value that the treatment is for; the other one is ignored. */
  when?: boolean;
  /** Behind the key in a message, or in `-S help`. */
  words?: string;
  /** Whether it may come several times with all its values kept. Otherwise the last one counts. */
  repeatable?: boolean;
}

type Rules = Readonly<Record<string, KeyRule>>;

const honoured = (form: ValueForm, words: string): KeyRule => ({ form, treatment: 'honoured', words });
const ignored = (form: ValueForm): KeyRule => ({ form, treatment: 'ignored' });
const refused = (form: ValueForm, words: string): KeyRule => ({ form, treatment: 'refused', when: true, words });
const failing = (form: ValueForm, words: string, when = true): KeyRule => ({ form, treatment: 'failing', when, words });

const BOOLEAN = ignored('boolean');
const NUMBER = ignored('number');
const TEXT = ignored('text');

const OF_COMPONENTS = 'is for components; a core module has no imports of it';
const NO_LONGER = 'is no longer there in wasmtime either';
const NO_V8_SWITCH = 'cannot be switched off: V8 compiles what the module holds';

const every = (names: readonly string[], rule: KeyRule): Rules => Object.fromEntries(names.map((name) => [name, rule]));

const WASI: Rules = {
  cli: honoured('boolean', 'provide WASI preview1 (default: y)'),
  common: honoured('boolean', 'another name of cli'),
  nn: honoured('boolean', 'provide wasi-nn'),
  'nn-graph': {
    ...honoured('text', 'register a graph: ENCODING::DIR, named by the last part of DIR, or NAME=ENCODING::DIR'),
    repeatable: true,
  },
  'inherit-env': honoured('boolean', 'give the guest all environment variables'),
  'inherit-stdin': honoured('boolean', 'give the guest the standard input (default: y)'),
  'inherit-stdout': honoured('boolean', 'give the guest the standard output (default: y)'),
  'inherit-stderr': honoured('boolean', 'give the guest the standard error (default: y)'),
  preview0: honoured('boolean', 'provide wasi_unstable, the form before preview1 (default: y)'),
  threads: failing('boolean', NO_LONGER),
  preview2: failing('boolean', NO_LONGER, false),
  ...every(['http', 'tls', 'config', 'keyvalue'], failing('boolean', OF_COMPONENTS)),
  listenfd: failing('boolean', 'is not there for WASI preview1 over preview2'),
  tcplisten: failing('text', 'is not there for WASI preview1 over preview2'),
  'hostcall-fuel': refused('number', 'is not counted here'),
  'max-random-size': refused('number', 'is not limited here'),
  ...every(['inherit-network', 'allow-ip-name-lookup', 'tcp', 'udp', 'network-error-code'], BOOLEAN),
  ...every(['p3', 'cli-exit-with-code'], BOOLEAN),
  ...every(['http-outgoing-body-buffer-chunks', 'http-outgoing-body-chunk-size', 'max-http-fields-size'], NUMBER),
  ...every(['max-resources', 'max-component-handles'], NUMBER),
  ...every(['cwd', 'config-var', 'keyvalue-in-memory-data'], TEXT),
};

/** Proposals that V8 has, or may have, switched on. */
const V8_PROPOSALS = [
  ...['bulk-memory', 'multi-memory', 'multi-value', 'reference-types', 'simd', 'relaxed-simd', 'tail-call', 'threads'],
  ...['shared-memory', 'memory64', 'function-references', 'gc', 'branch-hinting', 'extended-const', 'exceptions'],
  ...['all-proposals'],
];

/** Those of components, and those that no V8 has: there is nothing to switch off. */
const OTHER_PROPOSALS = [
  ...['component-model', 'component-model-async', 'component-model-more-async-builtins', 'component-model-threading'],
  ...['component-model-async-stackful', 'component-model-error-context', 'component-model-gc', 'component-model-map'],
  ...['component-model-memory64', 'component-model-fixed-length-lists', 'component-model-implements'],
  ...['shared-everything-threads', 'stack-switching', 'custom-page-sizes', 'wide-arithmetic', 'gc-support'],
  ...['concurrency-support'],
];

const WASM: Rules = {
  timeout: honoured('duration', 'end the guest after this time (10, 10s, 500ms, …)'),
  'max-memory-size': honoured('number', 'bytes that a linear memory may have'),
  'max-table-elements': honoured('number', 'elements that a table may have'),
  'max-instances': honoured('number', 'instances that there may be'),
  'max-tables': honoured('number', 'tables that there may be'),
  'max-memories': honoured('number', 'linear memories that there may be'),
  'max-wasm-stack': honoured('number', 'how deep the guest may recurse, in bytes as wasmtime counts'),
  'unknown-imports-trap': honoured('boolean', 'a call of a function that nobody provides ends the guest'),
  'unknown-imports-default': honoured('boolean', 'a function that nobody provides returns zeros'),
  fuel: refused('number', 'is not there: V8 counts no instructions; use -W timeout'),
  'epoch-interruption': refused('boolean', 'is not there: V8 has no epochs; use -W timeout'),
  'trap-on-grow-failure': refused('boolean', 'is not there: V8 answers -1 to memory.grow at the limit'),
  wmemcheck: refused('boolean', 'is not there'),
  'nan-canonicalization': refused('boolean', 'is not there: V8 keeps the bits of NaN as they come'),
  'relaxed-simd-deterministic': refused('boolean', 'is not there: V8 takes what the processor does'),
  ...every(['async-stack-size'], NUMBER),
  ...every(['async-stack-zeroing', 'unknown-exports-allow'], BOOLEAN),
  ...every(V8_PROPOSALS, { form: 'boolean', treatment: 'refused', when: false, words: NO_V8_SWITCH }),
  ...every(OTHER_PROPOSALS, BOOLEAN),
};

const CODEGEN: Rules = {
  compiler: ignored(['cranelift', 'winch']),
  collector: ignored(['drc', 'null', 'copying']),
  inlining: ignored(['y', 'yes', 'true', 'n', 'no', 'false', 'gc', 'inter-module', 'intrinsics']),
  'cache-config': TEXT,
  ...every(['cranelift-debug-verifier', 'cache', 'parallel-compilation', 'native-unwind-info'], BOOLEAN),
  ...every(['metadata-for-internal-asserts', 'metadata-for-gc-heap-corruption'], BOOLEAN),
};

const OPTIMIZE: Rules = {
  'opt-level': ignored(['0', '1', '2', 's']),
  'regalloc-algorithm': ignored(['backtracking', 'single-pass']),
  'pooling-memory-protection-keys': ignored(['y', 'yes', 'true', 'n', 'no', 'false', 'auto']),
  'pooling-pagemap-scan': ignored(['y', 'yes', 'true', 'n', 'no', 'false', 'auto']),
  'pooling-max-memory-size': refused('number', 'is not there: use -W max-memory-size'),
  'pooling-table-elements': refused('number', 'is not there: use -W max-table-elements'),
  ...every(['memory-may-move', 'gc-heap-may-move', 'guard-before-linear-memory', 'table-lazy-init'], BOOLEAN),
  ...every(['pooling-allocator', 'memory-init-cow', 'signals-based-traps', 'static-memory-forced'], BOOLEAN),
  ...every(['memory-reservation', 'memory-reservation-for-growth', 'memory-guard-size'], NUMBER),
  ...every(['gc-heap-reservation', 'gc-heap-reservation-for-growth', 'gc-heap-guard-size'], NUMBER),
  ...every(['gc-heap-initial-size', 'pooling-decommit-batch-size', 'pooling-memory-keep-resident'], NUMBER),
  ...every(['pooling-table-keep-resident', 'pooling-max-memory-protection-keys'], NUMBER),
  ...every(['memory-guaranteed-dense-image-size', 'pooling-total-core-instances', 'pooling-total-memories'], NUMBER),
  ...every(['pooling-total-component-instances', 'pooling-total-tables', 'pooling-total-stacks'], NUMBER),
  ...every(['pooling-max-core-instance-size', 'pooling-max-unused-warm-slots'], NUMBER),
  ...every(['pooling-async-stack-keep-resident', 'pooling-max-component-instance-size'], NUMBER),
  ...every(['pooling-max-core-instances-per-component', 'pooling-max-memories-per-component'], NUMBER),
  ...every(['pooling-max-tables-per-component', 'pooling-max-tables-per-module'], NUMBER),
  ...every(['pooling-max-memories-per-module', 'pooling-total-gc-heaps', 'dynamic-memory-guard-size'], NUMBER),
  ...every(['static-memory-guard-size', 'static-memory-maximum-size', 'dynamic-memory-reserved-for-growth'], NUMBER),
  'gc-zeal-alloc-counter': NUMBER,
};

const DEBUG: Rules = {
  'max-backtrace': honoured('number', 'frames in the backtrace of a trap (default: 20)'),
  coredump: refused('text', 'is not there: V8 does not show the state of a guest that trapped'),
  debugger: refused('text', 'is not there: "node --inspect run.js" debugs guests'),
  ...every(['debug-info', 'guest-debug', 'address-map', 'logging', 'log-to-files', 'symbols'], BOOLEAN),
  ...every(['inherit-stdin', 'inherit-stdout', 'inherit-stderr'], BOOLEAN),
  arg: TEXT,
};

const RECORD: Rules = {
  path: failing('text', 'is not there: executions are not recorded'),
  'validation-metadata': BOOLEAN,
  'event-window-size': NUMBER,
};

export interface OptionGroup {
  letter: GroupLetter;
  long: string;
  /** For `--help`. */
  about: string;
  rules: Rules;
  /** Keys that begin so are of the group too. */
  prefix?: string;
}

export const OPTION_GROUPS: readonly OptionGroup[] = [
  { letter: 'S', long: 'wasi', about: 'WASI and its proposals', rules: WASI },
  { letter: 'W', long: 'wasm', about: 'what WebAssembly may do', rules: WASM },
  { letter: 'D', long: 'debug', about: 'debugging', rules: DEBUG },
  { letter: 'O', long: 'optimize', about: "tuning of wasmtime's memory, accepted", rules: OPTIMIZE },
  {
    letter: 'C',
    long: 'codegen',
    about: "tuning of wasmtime's compiler, accepted",
    rules: CODEGEN,
    prefix: 'cranelift-',
  },
  { letter: 'R', long: 'record', about: 'recording of executions, not provided', rules: RECORD },
];

import { argsFunctions } from './args.ts';
import { clockFunctions } from './clock.ts';
import type { Context, Functions } from './context.ts';
import type { HostCall, HostFunctions } from './contract.ts';
import { environFunctions } from './environ.ts';
import { fdDirectoryFunctions } from './fd-directory.ts';
import { fdIoFunctions } from './fd-io.ts';
import { fdStatusFunctions } from './fd-status.ts';
import { pathFunctions } from './path.ts';
import { pollFunctions } from './poll.ts';
import { procFunctions } from './proc.ts';
import { randomFunctions } from './random.ts';
import { schedFunctions } from './sched.ts';
import { sockFunctions } from './sock.ts';

const FAMILIES: readonly ((context: Context) => Functions)[] = [
  argsFunctions,
  environFunctions,
  clockFunctions,
  fdIoFunctions,
  fdStatusFunctions,
  fdDirectoryFunctions,
  pathFunctions,
  pollFunctions,
  procFunctions,
  randomFunctions,
  schedFunctions,
  sockFunctions,
];

/** Which family a function belongs to, by its name; read from the families when the first guest comes. */
let familyOf: ReadonlyMap<string, number> | undefined;

function readFamilies(context: Context): ReadonlyMap<string, number> {
  const entries = FAMILIES.flatMap((make, index) => Object.keys(make(context)).map((name) => [name, index] as const));
  return new Map(entries);
}

/**
 * The functions of preview1 for one guest, each made when it is first asked for: most guests import a third of them, and
 * making the others would take longer than many a guest runs.
 */
export class FunctionTable implements HostFunctions {
  readonly #context: Context;
  readonly #finish: (name: string, call: HostCall) => HostCall;
  readonly #absent: ReadonlySet<string>;
  readonly #families: (Functions | undefined)[] = [];
  readonly #made = new Map<string, HostCall>();

  /**
   * @param finish puts around each function what all have around them
   * @param absent names that this version of preview1 has not
   */
  constructor(context: Context, finish: (name: string, call: HostCall) => HostCall, absent: readonly string[] = []) {
    this.#context = context;
    this.#finish = finish;
    this.#absent = new Set(absent);
    familyOf ??= readFamilies(context);
  }

  get names(): readonly string[] {
    return [...(familyOf?.keys() ?? [])].filter((name) => !this.#absent.has(name));
  }

  get(name: string): HostCall | undefined {
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const family = familyOf?.get(name);
    if (family === undefined || this.#absent.has(name)) return undefined;
    this.#families[family] ??= FAMILIES[family]?.(this.#context);
    const call = this.#finish(name, this.#families[family]?.[name] as HostCall);
    this.#made.set(name, call);
    return call;
  }
}

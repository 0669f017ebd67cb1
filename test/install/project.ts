import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, writeUnder } from '../openvino-runtime/support.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** An addon that exports one number. */
export function addonAnswering(answer: number): string {
  return `#include <node_api.h>
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_int32(env, ${answer}, &value);
  napi_set_named_property(env, exports, "answer", value);
  return exports;
}
`;
}

const BUILD_JS = 'esbuild cli=src/cli/main.ts --bundle --platform=node --outdir=dist --log-level=warning';

const SCRIPTS = {
  build: 'npm run --silent build:js && npm run --silent build:types',
  'build:js': BUILD_JS,
  'build:types': 'tsc src/index.ts --ignoreConfig --declaration --emitDeclarationOnly --outDir dist/types',
};

const MAIN_SOURCE = "import { word } from './word.ts';\nconsole.log(word);\n";

/** Notes how it was called, and fails, which no installation may mind. */
const RUN_SOURCE = `
const { appendFileSync } = require('node:fs');
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
process.exit(1);
`;

export interface Run {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A checkout in small: the real installation and build descriptions, one source file each, a CLI that only notes its calls. */
export class Project {
  readonly folder = temporaryFolder();
  readonly home = temporaryFolder();

  constructor() {
    const copied = [
      'native/CMakeLists.txt',
      'native/exports.map',
      'native/package.json',
      'native/gyp/binding.gyp',
      'native/gyp/common.gypi',
    ];
    for (const path of [...copied, 'native/install.mjs', 'native/toolchain.mjs']) {
      cpSync(join(ROOT, path), join(this.folder, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
    this.write('package.json', JSON.stringify({ scripts: SCRIPTS }));
    this.write('native/addon.cc', addonAnswering(42));
    this.write('src/index.ts', 'export const answer = 42;\n');
    this.write('src/cli/main.ts', MAIN_SOURCE);
    this.write('src/cli/word.ts', "export const word = 'first';\n");
    this.write('run.js', RUN_SOURCE);
  }

  write(path: string, content: string): string {
    return writeUnder(this.folder, path, content);
  }

  path(path: string): string {
    return join(this.folder, path);
  }

  /** Runs `node native/install.mjs` with nothing in its environment but a home and a PATH. */
  install(args: readonly string[] = [], { PATH = process.env.PATH, ...env }: NodeJS.ProcessEnv = {}): Run {
    const options = { cwd: this.folder, env: { HOME: this.home, PATH, ...env }, encoding: 'utf8' } as const;
    const run = spawnSync(process.execPath, [this.path('native/install.mjs'), ...args], options);
    return { exitCode: run.status, stdout: run.stdout, stderr: run.stderr };
  }

  /** What the addon that was built answers; undefined where there is none. */
  answer(output: 'native/build' | 'native/gyp/build' = 'native/build'): unknown {
    const file = this.path(`${output}/Release/wasi_nn_host.node`);
    return existsSync(file) ? createRequire(file)(file).answer : undefined;
  }

  /** How the CLI was called, one line each. */
  calls(): string {
    return existsSync(this.path('calls')) ? readFileSync(this.path('calls'), 'utf8') : '';
  }

  /** What the installation left for whoever needs the addon. */
  whyNotBuilt(): string {
    const file = this.path('native/build/why-not-built.txt');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  bundle(): string {
    return readFileSync(this.path('dist/cli.js'), 'utf8');
  }
}

/** A PATH with everything that this machine has but the programs of these names. */
export function pathWithout(...names: string[]): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const taken = new Set(names);
  for (const from of (process.env.PATH ?? '').split(delimiter).filter(isAbsolute)) {
    // npm's own additions are links into the checkout.
    if (from.includes('node_modules') || !existsSync(from)) continue;
    for (const name of readdirSync(from)) {
      if (taken.has(name)) continue;
      taken.add(name);
      symlinkSync(join(from, name), join(folder, name));
    }
  }
  return folder;
}

/** The programs that this machine has, for requirements. */
export function lacks(...names: string[]): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute);
  return names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { skipUnless } from './support/requirements.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The layers of `src/`, and what each may import. A layer's name is a path without suffix: of one file, or of a folder with
 * all that no longer name claims. Each may import itself, too.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: ['engine/run-report'],
  // What the errors of a run and its result tell alike: types alone.
  'engine/run-report': ['errors', 'nn/backend'],
  options: ['errors'],
  guest: ['errors'],
  native: ['errors'],
  'openvino-runtime': ['errors', 'options', 'native'],
  wasi: ['errors', 'options', 'guest', 'native'],
  'nn/backend': ['errors'],
  'nn/registry': ['errors', 'nn/backend'],
  'nn/graph-registry': ['errors', 'options', 'nn/backend', 'nn/registry'],
  'nn/index': ['errors', 'guest', 'nn/backend', 'nn/registry', 'nn/abi'],
  'nn/abi': ['errors', 'options', 'guest', 'nn/backend', 'nn/registry', 'nn/index'],
  'nn/copy-in-turns': ['errors'],
  'nn/model-content': ['errors', 'nn/backend'],
  'nn/backends': ['errors', 'options', 'nn/backend', 'nn/model-content'],
  'nn/backends/openvino': [
    ...['errors', 'options', 'native', 'openvino-runtime'],
    ...['nn/backend', 'nn/backends', 'nn/copy-in-turns', 'nn/model-content'],
  ],
  'nn/backends/openvino-node': [
    ...['errors', 'options', 'openvino-runtime'],
    ...['nn/backend', 'nn/backends', 'nn/model-content'],
  ],
  engine: [
    ...['errors', 'options', 'guest', 'native', 'wasi'],
    ...[
      'nn/index',
      'nn/backend',
      'nn/registry',
      'nn/graph-registry',
      'nn/abi',
      'engine/default-backends',
      'engine/run-report',
    ],
  ],
  stdio: ['errors', 'options', 'wasi'],
  worker: ['errors', 'native', 'wasi', 'nn/index', 'engine', 'engine/run-report', 'stdio'],
  pool: [
    ...['errors', 'options', 'native', 'nn/index', 'nn/backend', 'engine', 'engine/run-report', 'stdio', 'worker'],
  ],
  telemetry: ['errors', 'options', 'native', 'engine', 'engine/run-report'],
  host: [
    ...['errors', 'options', 'guest', 'native', 'wasi', 'nn/index', 'nn/backend', 'nn/registry', 'nn/graph-registry'],
    ...['nn/copy-in-turns', 'engine', 'engine/default-backends', 'engine/run-report', 'stdio', 'worker', 'pool'],
    'telemetry',
  ],
  'engine/default-backends': [
    ...['errors', 'options', 'native', 'openvino-runtime', 'nn/backend'],
    ...['nn/backends', 'nn/backends/openvino', 'nn/backends/openvino-node'],
  ],
  cli: [
    ...['errors', 'options', 'native', 'openvino-runtime', 'engine', 'engine/default-backends'],
    ...['engine/run-report', 'worker', 'pool', 'host', 'telemetry', 'nn/index', 'nn/backend', 'nn/registry'],
    ...['nn/graph-registry', 'nn/abi', 'nn/model-content', 'wasi'],
  ],
  index: [
    'errors',
    'engine',
    'engine/run-report',
    'stdio',
    'pool',
    'telemetry',
    'host',
    'guest',
    'wasi',
    'nn/index',
    'nn/backend',
    'nn/registry',
    'nn/graph-registry',
  ],
};

/** Packages that one layer alone may import; whatever is not named here, anyone may. */
const PACKAGE_OF_LAYER: Readonly<Record<string, string>> = {
  'openvino-node': 'nn/backends/openvino-node',
};

/** Folders of tests that must hold at least one, so that a moved folder or a changed pattern shows. */
const TEST_FOLDERS = [
  ...[
    'cli',
    'conformance',
    'engine',
    'fixtures',
    'guest',
    'guests',
    'host',
    'install',
    'native',
    'nn',
    'openvino-runtime',
  ],
  ...['language-runtimes', 'peer', 'pool', 'sandbox', 'stdio', 'telemetry', 'wasi', 'worker'],
];

const MAX_LINES = 450;

/** The layer with the longest name that holds `file`, a path under `src/` without its suffix. */
function layerOf(file: string): string | undefined {
  const holds = (layer: string) => file === layer || file.startsWith(`${layer}/`);
  return Object.keys(MAY_IMPORT)
    .filter(holds)
    .sort((a, b) => b.length - a.length)[0];
}

/** What is wrong with the imports of one source file; empty when nothing is. */
function importFaults(file: string, text: string): string[] {
  const from = layerOf(withoutSuffix(file));
  if (from === undefined) return [`${file}: belongs to no layer`];
  return ts
    .preProcessFile(text)
    .importedFiles.map((imported) => imported.fileName)
    .flatMap((specifier) => importFault(file, from, specifier));
}

function importFault(file: string, from: string, specifier: string): string[] {
  if (!specifier.startsWith('.')) {
    const owner = PACKAGE_OF_LAYER[specifier];
    return owner === undefined || owner === from ? [] : [`${file}: only ${owner} may import ${specifier}`];
  }
  const to = layerOf(withoutSuffix(normalize(join(dirname(file), specifier))));
  if (to === undefined) return [`${file}: ${specifier} is in no layer`];
  return to === from || MAY_IMPORT[from]?.includes(to) ? [] : [`${file}: ${from} may not import ${to} (${specifier})`];
}

function withoutSuffix(file: string): string {
  return file.replace(/\.ts$/, '');
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Files of the checkout that git tracks; empty where this is no checkout. */
function trackedFiles(): string[] {
  try {
    // Whoever owns it: nothing of it is run.
    return execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .split('\0')
      .filter((file) => file !== '');
  } catch {
    return [];
  }
}

const tracked = trackedFiles();
const sources = tracked.filter((file) => file.startsWith('src/') && file.endsWith('.ts'));
const isCheckout = {
  met: tracked.length > 0,
  reason: 'this is no git checkout, so there is no list of its files',
  isOptional: !existsSync(join(ROOT, '.git')),
};

describe('the rule of layers', () => {
  it.each([
    ['wasi/fs.ts', '../nn/abi/functions.ts', 'wasi may not import nn/abi'],
    ['nn/abi/functions.ts', '../../wasi/index.ts', 'nn/abi may not import wasi'],
    ['nn/abi/functions.ts', '../backends/openvino/backend.ts', 'nn/abi may not import nn/backends/openvino'],
    ['host/host.ts', '../nn/backends/openvino-node/backend.ts', 'host may not import nn/backends/openvino-node'],
    ['engine/instance.ts', '../cli/main.ts', 'engine may not import cli'],
    ['native/openvino.ts', '../nn/backend.ts', 'native may not import nn/backend'],
    [
      'nn/backends/openvino-node/backend.ts',
      '../../../native/addon.ts',
      'nn/backends/openvino-node may not import native',
    ],
    ['errors.ts', './options.ts', 'errors may not import options'],
    ['host/host.ts', 'openvino-node', 'only nn/backends/openvino-node may import openvino-node'],
    ['extra/new.ts', '../errors.ts', 'belongs to no layer'],
  ])('%s importing %s is a fault', (file, specifier, fault) => {
    const forms = [
      `import { thing } from '${specifier}';`,
      `import type { Thing } from '${specifier}';`,
      `export * from '${specifier}';`,
      `const thing = await import('${specifier}');`,
    ];
    for (const text of forms) expect(importFaults(file, text).join()).toContain(fault);
  });

  it.each([
    ['wasi/fs.ts', '../guest/memory.ts'],
    ['wasi/fs.ts', './fd/host-file.ts'],
    ['nn/backends/openvino/backend.ts', '../../../native/addon.ts'],
    ['engine/default-backends.ts', '../nn/backends/openvino/backend.ts'],
    ['nn/backends/openvino-node/backend.ts', 'openvino-node'],
    ['cli/main.ts', 'node:fs'],
  ])('%s importing %s is none', (file, specifier) => {
    expect(importFaults(file, `import '${specifier}';`)).toEqual([]);
  });
});

describe.skipIf(skipUnless(isCheckout))('this checkout', () => {
  it('keeps the rule of layers', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.flatMap((file) => importFaults(file.slice('src/'.length), read(file)))).toEqual([]);
  });

  it('loads native code in one file only', () => {
    const loadsNative = (file: string) => /\.node['"`]|process\.dlopen/.test(read(file));
    expect(sources.filter(loadsNative)).toEqual(['src/native/addon.ts']);
  });

  it(`has no source file of ${MAX_LINES} lines or more`, () => {
    const code = tracked.filter((file) =>
      /^(src|native|bench|fixtures)\/.*\.(ts|mjs|js|cc|h|c|rs|py)$|\.ts$/.test(file),
    );
    const lengths = code.map((file) => ({ file, lines: read(file).split('\n').length }));
    expect(lengths.length).toBeGreaterThan(sources.length);
    expect(lengths.filter(({ lines }) => lines >= MAX_LINES)).toEqual([]);
  });

  it.each(TEST_FOLDERS)('has tests in test/%s', (folder) => {
    const tests = tracked.filter((file) => file.startsWith(`test/${folder}/`) && file.endsWith('.test.ts'));
    expect(tests).not.toEqual([]);
  });

  it('has a folder of tests for each folder of sources', () => {
    const folders = new Set(sources.filter((file) => file.split('/').length > 2).map((file) => file.split('/')[1]));
    expect([...folders].filter((folder) => !TEST_FOLDERS.includes(folder ?? ''))).toEqual([]);
  });

  it('locks no address that a package was fetched from', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
    const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    expect(Object.keys(lock.packages).length).toBeGreaterThan(1);
    expect(resolved).toEqual([]);
  });

  it.each([
    ['path of one machine', machinePath()],
    ['host of a package registry', registryHost()],
  ])('names no %s', (_, pattern) => {
    // Latin-1 keeps one character for each byte, so that models and modules are searched as well.
    const names = (file: string) => pattern.test(readFileSync(join(ROOT, file), 'latin1'));
    expect(tracked.filter(names)).toEqual([]);
  });
});

/** Put together here, so that this file does not hold what it forbids. */
function machinePath(): RegExp {
  const absolute = `/(?:${['work', 'farm', 'root'].join('|')})/[A-Za-z.]`;
  const scratch = ['', 'tmp', 'lab'].join('/');
  return new RegExp(`(?:^|[^A-Za-z0-9_.])(?:${absolute}|${scratch}\\b)`, 'm');
}

function registryHost(): RegExp {
  const hosts = [
    ['registry', 'npmjs', 'org'],
    ['pypi', 'org'],
    ['pythonhosted', 'org'],
    ['index', 'crates', 'io'],
    ['static', 'crates', 'io'],
    ['proxy', 'golang', 'org'],
    ['deb', 'debian', 'org'],
  ];
  return new RegExp(hosts.map((labels) => labels.join('\\.')).join('|'), 'i');
}

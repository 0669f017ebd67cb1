/** The package as a user gets it: packed, installed without scripts into an empty project, and used from both kinds of modules. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { firstNode, skipUnless } from '../support/requirements.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { lacks } from './project.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const missing = lacks('npm', 'objdump');
const toolsThere = { met: missing.length === 0, reason: `these programs are not here: ${missing.join(', ')}` };
const directory = temporaryDirectories();

/** What a user writes, from the README. */
const EXAMPLE = readFileSync(join(ROOT, 'test', 'examples', 'classify.mjs'), 'utf8');

let tarball = '';
let project = '';

function run(command: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env: userEnvironment() });
  return { status, stdout, stderr };
}

interface LockFile {
  packages: Record<string, { hasInstallScript?: boolean }>;
}

let npmFolder: string | undefined;

/** A folder with `npm10` and `npm11` in its node_modules. */
function npmVersions(): string {
  if (npmFolder !== undefined) return npmFolder;
  npmFolder = directory();
  const versions = ['npm10@npm:npm@10', 'npm11@npm:npm@11'];
  const install = ['install', '--prefix', npmFolder, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const { status, stderr } = run('npm', [...install, ...versions], npmFolder);
  if (status !== 0) throw new Error(`npm install ${versions.join(' ')}: ${stderr}`);
  return npmFolder;
}

/** npm of a user, not of the `npm test` that runs this. */
function userEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?!config_(registry|cafile))|^NODE_PATH$/.test(name),
  );
  return Object.fromEntries(own);
}

describe.skipIf(skipUnless(toolsThere) || skipUnless(firstNode))('the package', () => {
  beforeAll(() => {
    // What `prepack` does beside the bundle, which other tests use meanwhile and `npm ci` has made.
    execFileSync(process.execPath, [join(ROOT, 'native', 'prebuild.mjs')]);
    const folder = directory();
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
    tarball = join(folder, readdirSync(folder)[0] ?? '');
    project = directory();
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball];
    const { status, stderr } = run('npm', install, project);
    if (status !== 0) throw new Error(`npm ${install.join(' ')}: ${stderr}`);
    mkdirSync(join(project, 'fixtures'));
    for (const name of ['classify.wasm', 'digits']) {
      execFileSync('cp', ['-r', join(ROOT, 'fixtures', name), join(project, 'fixtures')]);
    }
  });

  it('is packed with its bundle and its addon', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(scripts.prepack).toBe('npm run build && node native/prebuild.mjs');
  });

  // npm 10 comes with Node 20 and 22. Both build what has a binding.gyp at its root, whatever the package says of it.
  it.each(['npm10', 'npm11'])('runs no script and builds nothing where %s installs it by a lock file', (name) => {
    const npm = (...args: string[]) => {
      const cli = join(npmVersions(), 'node_modules', name, 'bin', 'npm-cli.js');
      const quiet = ['--foreground-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
      const { status, stdout, stderr } = run(process.execPath, [cli, ...args, ...quiet], consumer);
      return { status, scripts: stdout.match(/^> .*$/gm) ?? [], words: stderr.match(/^.*script.*$/gm) ?? [] };
    };
    const consumer = directory();
    writeFileSync(join(consumer, 'package.json'), '{ "private": true }\n');
    const silent = { status: 0, scripts: [], words: [] };
    expect(npm('install', tarball)).toEqual(silent);
    rmSync(join(consumer, 'node_modules'), { recursive: true });
    expect(npm('ci')).toEqual(silent);
    expect(npm('rebuild')).toEqual(silent);
    const { packages } = JSON.parse(readFileSync(join(consumer, 'package-lock.json'), 'utf8')) as LockFile;
    expect(Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    const doctor = run(join(consumer, 'node_modules', '.bin', 'wasi-nn-host'), ['doctor', '--json'], consumer);
    expect(JSON.parse(doctor.stdout).addon).toMatchObject({ usable: true, path: expect.stringContaining('prebuilt') });
  });

  it('holds what it needs and no more', () => {
    const installed = join(project, 'node_modules', 'wasi-nn-host');
    const names = readdirSync(installed).sort();
    const files = [
      'LICENSE',
      'README.md',
      'THIRD_PARTY_NOTICES.md',
      'dist',
      'docs',
      'native',
      'package.json',
      'run.js',
    ];
    expect(names).toEqual(files.sort());
    expect(readdirSync(join(installed, 'native'))).not.toContain('build');
    expect(readdirSync(join(installed, 'native', 'gyp')).sort()).toEqual(['binding.gyp', 'common.gypi']);
    const bundle = [
      'chunks',
      'cli.js',
      'command-line-apart.js',
      'command-line.js',
      'guest-process.js',
      'guest-worker.js',
      'index.mjs',
      'instance-worker.js',
      'metrics.mjs',
      'opentelemetry.mjs',
      'text-worker.js',
      'timeline-page.css',
      'timeline-page.js',
      'types',
    ];
    expect(readdirSync(join(installed, 'dist')).sort()).toEqual(bundle);
  });

  it('has an addon that asks for nothing newer than glibc 2.34, and for no C++ library', () => {
    const addon = join('native', 'prebuilt', `${process.platform}-${process.arch}`, 'wasi_nn_host.node');
    const table = execFileSync('objdump', ['-T', '-p', join(project, 'node_modules', 'wasi-nn-host', addon)], {
      encoding: 'utf8',
    });
    const versions = [...table.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
    expect(versions.length).toBeGreaterThan(10);
    expect(Math.max(...versions)).toBeLessThanOrEqual(34);
    expect(table).not.toMatch(/NEEDED +libstdc/);
    const exported = [...table.matchAll(/^\S+ g +\S+ \.text\s+\S+ +\S* +(\S+)$/gm)].map(([, name]) => name);
    expect(exported.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  it.each([
    ['an ES module', 'example.mjs', EXAMPLE],
    ['a CommonJS module', 'example.cjs', inCommonJs(EXAMPLE)],
  ])('runs the example of the README from %s, from its own addon', (_, name, text) => {
    writeFileSync(join(project, name), text);
    const { status, stdout, stderr } = run(process.execPath, [name], project);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('0 Found results, sorted top 5: [InferenceResult(3, 0.99');
    const doctor = run(join(project, 'node_modules', '.bin', 'wasi-nn-host'), ['doctor', '--json'], project);
    expect(JSON.parse(doctor.stdout).addon.path).toContain(join('wasi-nn-host', 'native', 'prebuilt'));
  });

  it('has errors that bear the names of their classes', () => {
    const text = [
      "import * as api from 'wasi-nn-host';",
      'const classes = Object.entries(api).filter(([name]) => name.endsWith("Error"));',
      "console.log(classes.map(([name, Class]) => [name, new Class('ERR_RELEASED', 'x').name]).join(' '));",
    ];
    writeFileSync(join(project, 'errors.mjs'), text.join('\n'));
    const { stdout, stderr } = run(process.execPath, ['errors.mjs'], project);
    const names = ['BackendError', 'GuestTrapError', 'HostError', 'ModuleError', 'OptionError', 'PoolError'];
    expect(`${stdout}${stderr}`).toBe(`${names.map((name) => `${name},${name}`).join(' ')}\n`);
  });

  it('is called by the name of its command', () => {
    const command = join(project, 'node_modules', '.bin', 'wasi-nn-host');
    const guest = ['fixtures/classify.wasm', '--dir', 'fixtures/digits::fixture'];
    const { status, stdout } = run(command, guest, project);
    expect(status).toBe(0);
    expect(stdout).toContain('Found results, sorted top 5: [InferenceResult(7, 0.99');
  });

  it.each([
    // The types of WebAssembly are the DOM's; who has none leaves types of others unchecked.
    ['an ES module', 'consumer.mts', { skipLibCheck: false }],
    ['a CommonJS module', 'consumer.cts', { skipLibCheck: false }],
    ['a project without the DOM', 'consumer.mts', { skipLibCheck: true, lib: ['lib.es2023.d.ts'] }],
  ])('has types for %s', (_, name, own) => {
    const text = [
      "import { Host, type HostRunResult, GuestTrapError, Pool, renderTimeline } from 'wasi-nn-host';",
      'export async function pageOf(path: string): Promise<string> {',
      '  const host = new Host({ pool: { threads: 2 } });',
      '  const pool = new Pool(host, { defaults: { timeoutMs: 1_000 } });',
      '  const module = await host.compile(path);',
      '  const { stdout } = await pool.run(module);',
      "  const result: HostRunResult = await host.run(module, { stdin: process.stdin, stdout: 'null', timeline: true });",
      '  const instance = await host.instantiate(module);',
      "  const { results } = await instance.call('add', 1, 2n, { timeoutMs: 100 });",
      "  return stdout.toString() + String(results[0]) + await renderTimeline({ module: path, usage: result.usage }, 'html');",
      '}',
      'export const isTrap = (error: unknown): boolean => error instanceof GuestTrapError;',
    ];
    const file = join(project, name);
    writeFileSync(file, `${text.join('\n')}\n`);
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      exactOptionalPropertyTypes: true,
      ...own,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    });
    const faults = ts.getPreEmitDiagnostics(program).filter((fault) => !fault.file?.fileName.startsWith(ROOT));
    expect(faults.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, '\n'))).toEqual([]);
  });

  it('passes publint', async () => {
    const bytes = readFileSync(tarball);
    const archive = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { messages } = await publint({ pack: { tarball: archive as ArrayBuffer }, strict: true });
    expect(messages.map(({ code, path, args }) => ({ code, path, args }))).toEqual([]);
  });

  it('passes arethetypeswrong, but for CommonJS that requires an ES module, which every Node that it runs on can', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
    if (!analysis.types) throw new Error('no types were found');
    const kinds = analysis.problems.map(({ kind }) => kind).filter((kind) => kind !== 'CJSResolvesToESM');
    // Resolution of Node 10 knows no `exports`; subpaths need it.
    expect(kinds.filter((kind) => kind !== 'NoResolution')).toEqual([]);
  });
});

/** The same with `require`. */
function inCommonJs(text: string): string {
  const required = text.replace(/^import \{ (.+) \} from '(.+)';$/m, "const { $1 } = require('$2');");
  return `(async () => {\n${required}\n})();\n`;
}

import { existsSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { skipUnless } from '../support/requirements.ts';
import { addonAnswering, lacks, Project, pathWithout } from './project.ts';

const COMPILERS = ['g++', 'clang++', 'c++'];
const missing = lacks('g++', 'cmake', 'make', 'python3', 'npm');
const toolsThere = { met: missing.length === 0, reason: `these programs are not here: ${missing.join(', ')}` };

describe.skipIf(skipUnless(toolsThere))('npm ci', () => {
  test('builds the addon, bundles the sources and sees after OpenVINO, without a word', () => {
    const project = new Project();
    expect(project.install()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(project.answer()).toBe(42);
    expect(project.bundle()).toContain('first');
    expect(project.calls()).toBe('setup --if-missing\n');
  });

  test('builds with node-gyp where CMake is missing, with headers that are there already', () => {
    const project = new Project();
    const PATH = pathWithout('cmake');
    // What npm sets from a user's configuration must not lead to other headers.
    expect(project.install([], { PATH, npm_config_nodedir: '/nowhere' })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    expect(project.answer('native/build')).toBeUndefined();
    expect(project.answer('native/gyp/build')).toBe(42);
    // node-gyp would keep downloaded headers in the home.
    expect(existsSync(join(project.home, '.cache'))).toBe(false);
  });

  test('the addon that node-gyp built is not hidden by an older one', () => {
    const project = new Project();
    project.install();
    project.write('native/addon.cc', `// changed\n${addonAnswering(43)}`);
    project.install([], { PATH: pathWithout('cmake') });
    expect(project.answer('native/build')).toBeUndefined();
    expect(project.answer('native/gyp/build')).toBe(43);
  });

  test('builds with a compiler of another name', () => {
    const project = new Project();
    const PATH = pathWithout(...COMPILERS);
    const { exitCode, stderr } = project.install([], { PATH, CXX: '/usr/bin/g++' });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(project.answer()).toBe(42);
  });

  test.each([
    ['a compiler', COMPILERS, 'a C++17 compiler'],
    ['make and ninja', ['make', 'ninja'], 'make or ninja'],
    ['CMake and make', ['cmake', 'make', 'ninja'], 'make or ninja'],
    ['CMake and Python', ['cmake', 'python3', 'python'], 'CMake'],
    [
      'everything',
      ['cmake', 'make', 'ninja', 'python3', 'python', ...COMPILERS],
      'a C++17 compiler (g++ or clang++), ',
    ],
  ])('succeeds without %s and says once what the machine lacks', (_title, names, words) => {
    const project = new Project();
    const { exitCode, stdout, stderr } = project.install([], { PATH: pathWithout(...names) });
    expect(exitCode).toBe(0);
    expect(stdout).toBe('');
    expect(stderr.match(/the native addon is not built/g)).toHaveLength(1);
    expect(stderr).toContain(`this machine lacks ${words}`);
    expect(stderr).toContain('apt-get install');
    expect(stderr).toContain(project.whyNotBuilt());
    expect(stderr).not.toContain('gyp');
    expect(project.bundle()).toContain('first');
    expect(project.calls()).toBe('setup --if-missing\n');
  });

  test('succeeds when the compiler fails, and shows the end of what it said', () => {
    const project = new Project();
    project.write('native/addon.cc', '#error "this does not compile"\n');
    const { exitCode, stderr } = project.install();
    expect(exitCode).toBe(0);
    expect(stderr).toContain('this does not compile');
    expect(stderr).toContain('cmake-js failed');
    expect(project.whyNotBuilt()).toBe('node-gyp failed, and "npm run build:native" shows why');
    expect(stderr).toContain(project.whyNotBuilt());
    expect(stderr.split('\n').length).toBeLessThan(60);
    // Before the next start it is not tried again: nothing changed.
    const next = project.install(['--if-stale']);
    expect(next).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^[^\n]*"npm run build:native"[^\n]*\n$/),
    });
  });

  test('--native-only builds anew and fails when it cannot', () => {
    const project = new Project();
    expect(project.install(['--native-only'], { PATH: pathWithout(...COMPILERS) }).exitCode).toBe(1);
    expect(project.whyNotBuilt()).toMatch(/^this machine lacks a C\+\+17 compiler .* and run "npm run build:native"$/);
    const stdout = 'the native addon is built: native/build/Release/wasi_nn_host.node\n';
    expect(project.install(['--native-only'])).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(project.whyNotBuilt()).toBe('');
    expect(project.answer()).toBe(42);
    expect(existsSync(project.path('dist'))).toBe(false);
    expect(project.calls()).toBe('');
  });

  test('makes the declarations for whoever uses the checkout as a library, which no start needs', () => {
    const project = new Project();
    const declarations = project.path('dist/types/index.d.ts');
    project.install(['--if-stale']);
    expect(existsSync(declarations)).toBe(false);
    expect(project.install()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(readFileSync(declarations, 'utf8')).toBe('export declare const answer = 42;\n');
  });

  test('fails when the sources do not bundle, and says why', () => {
    const project = new Project();
    project.write('src/cli/main.ts', 'const = 1;\n');
    const { exitCode, stderr } = project.install();
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Expected identifier but found "="');
  });

  test('a published package has no sources and needs none', () => {
    const project = new Project();
    rmSync(project.path('src'), { recursive: true });
    project.write('dist/cli.js', '');
    expect(project.install()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(project.answer()).toBe(42);
    expect(project.calls()).toBe('setup --if-missing\n');
  });

  test('builds nothing for a system that is not supported, and says so', () => {
    const project = new Project();
    const platform = project.write('aix.cjs', "Object.defineProperty(process, 'platform', { value: 'aix' });\n");
    const { exitCode, stderr } = project.install(['--native-only'], { NODE_OPTIONS: `--require ${platform}` });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the native addon is not built: aix is not supported');
    expect(project.answer()).toBeUndefined();
    expect(project.whyNotBuilt()).toContain('aix is not supported');
  });

  test('a published package whose addon cannot be built says how to see it built', () => {
    const project = new Project();
    rmSync(project.path('src'), { recursive: true });
    const { exitCode } = project.install([], { PATH: pathWithout(...COMPILERS) });
    expect(exitCode).toBe(0);
    expect(project.whyNotBuilt()).toMatch(/and run "npx wasi-nn-host setup"$/);
  });
});

describe.skipIf(skipUnless(toolsThere))('before npm start and npm test', () => {
  /** When the build wrote its results. */
  function builtAt(project: Project): number[] {
    return ['native/build/Release/wasi_nn_host.node', 'dist/cli.js'].map(
      (path) => statSync(project.path(path)).mtimeMs,
    );
  }

  test('everything is built where the installation ran no scripts', () => {
    const project = new Project();
    expect(project.install(['--if-stale'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(project.answer()).toBe(42);
    expect(project.calls()).toBe('setup --if-missing\n');
  });

  test('nothing is done, nothing is said and nothing is run where all is up to date', () => {
    const project = new Project();
    project.install();
    const before = builtAt(project);
    // No program of any name could be run.
    expect(project.install(['--if-stale'], { PATH: '/nowhere' })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(builtAt(project)).toEqual(before);
    expect(project.calls()).toBe('setup --if-missing\n');
  });

  test('a file that only has another time is not a change', () => {
    const project = new Project();
    project.install();
    const before = builtAt(project);
    const later = Date.now() / 1000 + 1000;
    for (const path of ['native/addon.cc', 'src/cli/main.ts']) utimesSync(project.path(path), later, later);
    project.install(['--if-stale'], { PATH: '/nowhere' });
    expect(builtAt(project)).toEqual(before);
  });

  test('a changed addon is built, the bundle is left alone', () => {
    const project = new Project();
    project.install();
    const [, bundledBefore] = builtAt(project);
    project.write('native/part/more.h', '');
    project.write('native/addon.cc', addonAnswering(44));
    expect(project.install(['--if-stale'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(project.answer()).toBe(44);
    expect(builtAt(project)[1]).toBe(bundledBefore);
  });

  test('changed sources are bundled, the addon is left alone', () => {
    const project = new Project();
    project.install();
    const [addonBefore] = builtAt(project);
    project.write('src/cli/word.ts', "export const word = 'second';\n");
    expect(project.install(['--if-stale'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(project.bundle()).toContain('second');
    expect(builtAt(project)[0]).toBe(addonBefore);
  });

  test('a removed source is a change', () => {
    const project = new Project();
    project.write('src/cli/other.ts', '');
    project.install();
    const [, before] = builtAt(project);
    const old = new Date(Date.now() - 60_000);
    utimesSync(project.path('dist/cli.js'), old, old);
    rmSync(project.path('src/cli/other.ts'));
    project.install(['--if-stale']);
    expect(builtAt(project)[1]).toBeGreaterThanOrEqual(before ?? Number.POSITIVE_INFINITY);
  });

  test('a broken source stops the start, which would run the old one', () => {
    const project = new Project();
    project.install();
    project.write('src/cli/main.ts', 'const = 1;\n');
    expect(project.install(['--if-stale']).exitCode).toBe(1);
  });
});

/**
 * Makes the package ready to run: builds the addon, bundles the TypeScript in a checkout, and sees that OpenVINO is there.
 *
 *   node native/install.mjs                 at `npm ci` of a checkout: whatever is not up to date; succeeds without an addon or OpenVINO
 *   node native/install.mjs --if-stale      before `npm start` and `npm test`: the same, silent and fast when nothing to do
 *   node native/install.mjs --native-only   `npm run build:native`: builds the addon anew, exit code 1 if it cannot; also
 *                                           "wasi-nn-host setup" of a package that ships none for this machine
 *
 * --verbose shows what the tools say. Nothing is downloaded but OpenVINO, and that not where WASI_NN_HOST_SKIP_SETUP is set.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canUseCmake, canUseNodeGyp, findCmakeJs, findToolchain, listFiles, whatIsMissing } from './toolchain.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ADDON = 'wasi_nn_host.node';
const CMAKE_OUTPUT = join(ROOT, 'native', 'build');
const CMAKE_ADDON = join(CMAKE_OUTPUT, 'Release', ADDON);
const GYP = join(ROOT, 'native', 'gyp');
const GYP_ADDON = join(GYP, 'build', 'Release', ADDON);
const FAILED = join(CMAKE_OUTPUT, 'failed.stamp');
/** One line for whoever needs the addon: npm shows nobody what the installation of a dependency says. */
const WHY_NOT_BUILT = join(CMAKE_OUTPUT, 'why-not-built.txt');
const DIST = join(ROOT, 'dist');
const DIST_STAMP = join(DIST, 'built.stamp');
const TYPES = join(DIST, 'types', 'index.d.ts');

const HOW_TO_INSTALL = 'on Debian and Ubuntu with "apt-get install g++ cmake make"';

/** macOS by its sources alone: nobody has run them there. */
const SUPPORTED = ['linux', 'darwin'];

const isCheckout = existsSync(join(ROOT, 'src'));
const BUILD_AGAIN = isCheckout ? 'npm run build:native' : 'npx wasi-nn-host setup';

const flags = new Set(process.argv.slice(2));
const verbose = flags.has('--verbose');

process.exitCode = await main();

async function main() {
  if (flags.has('--native-only')) return buildOnDemand();
  const firstTime = !existsSync(CMAKE_ADDON) && !existsSync(GYP_ADDON);
  const bundled = await bundleIfStale();
  await buildAddonIfStale();
  // Before a start the search of the CLI itself tells what is missing; only a first build belongs to an installation.
  if (!flags.has('--if-stale') || firstTime) await setUpOpenVino();
  return bundled ? 0 : 1;
}

function say(text) {
  process.stderr.write(`wasi-nn-host: ${text}\n`);
}

/** One hash over the names and contents of files: times of change say nothing after a checkout or a restored cache. */
function fingerprint(paths, ...more) {
  const hash = createHash('sha256').update(JSON.stringify([process.platform, process.arch, ...more]));
  for (const file of listFiles(paths)) hash.update(`\0${relative(ROOT, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function writeStamp(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function versionOf(packageName) {
  try {
    return createRequire(import.meta.url)(`${packageName}/package.json`).version;
  } catch {
    return undefined;
  }
}

// --- the addon ---

function addonFingerprint() {
  return fingerprint([join(ROOT, 'native')], versionOf('node-addon-api'), process.env.CXX);
}

async function buildAddonIfStale() {
  const current = addonFingerprint();
  // The loader takes the first of the two that is there.
  const addon = [CMAKE_ADDON, GYP_ADDON].find((file) => existsSync(file));
  if (addon && readStamp(`${addon}.stamp`) === current) return;
  // The same sources and tools failed before: that was said then, and is said in full by `npm run build:native`.
  if (flags.has('--if-stale') && readStamp(FAILED) === failureStamp(current)) {
    say(`the native addon is not built; "${BUILD_AGAIN}" tries again and says why`);
    return;
  }
  await buildAddon(current);
}

async function buildOnDemand() {
  const addon = await buildAddon(addonFingerprint());
  if (addon) process.stdout.write(`the native addon is built: ${relative(ROOT, addon)}\n`);
  return addon ? 0 : 1;
}

function failureStamp(current) {
  return JSON.stringify([current, findToolchain()]);
}

/** The file that was built. Says in a few lines what is missing where it cannot be built. */
async function buildAddon(current) {
  const tools = findToolchain();
  const missing = whatIsMissing(tools);
  const failures = [];
  if (SUPPORTED.includes(process.platform) && !missing) {
    for (const way of [buildWithCmake, buildWithNodeGyp]) {
      const { addon, failure } = await way(tools);
      if (addon) return keepAddon(addon, current);
      if (failure) failures.push(failure);
    }
  }
  for (const { command, output } of failures) say(`${command} failed:\n${lastLines(output, 20)}`);
  const why = !SUPPORTED.includes(process.platform)
    ? `${process.platform} is not supported: Linux is, and macOS has code that was never run`
    : missing
      ? `this machine lacks ${missing}: install it, ${HOW_TO_INSTALL}, and run "${BUILD_AGAIN}"`
      : `${failures.at(-1)?.command} failed, and "${BUILD_AGAIN}" shows why`;
  writeStamp(FAILED, failureStamp(current));
  writeStamp(WHY_NOT_BUILT, why);
  say(`the native addon is not built: ${why}
  Until then guests run without inference, or with openvino-node where that is installed.`);
  return undefined;
}

function keepAddon(addon, current) {
  // An older one in the other place would be loaded in its stead.
  if (addon === GYP_ADDON) rmSync(CMAKE_ADDON, { force: true });
  for (const file of [FAILED, WHY_NOT_BUILT]) rmSync(file, { force: true });
  writeStamp(`${addon}.stamp`, current);
  return addon;
}

async function buildWithCmake(tools) {
  const cmakeJs = findCmakeJs();
  if (!canUseCmake(tools) || !cmakeJs) return {};
  const jobs = String(Math.min(availableParallelism(), 8));
  const args = [cmakeJs, 'compile', '--directory', join(ROOT, 'native'), '--out', CMAKE_OUTPUT, '--parallel', jobs];
  // cmake-js refuses to start without a compiler whose name it knows.
  if (!tools.knownCompiler) args.push('--cc', tools.compiler, '--cxx', tools.compiler);
  const run = await runNode(args, process.env);
  return run.exitCode === 0 ? { addon: CMAKE_ADDON } : { failure: { command: 'cmake-js', output: run.output } };
}

async function buildWithNodeGyp(tools) {
  if (!canUseNodeGyp(tools)) return {};
  const args = [tools.nodeGyp, 'rebuild', `--directory=${GYP}`, `--nodedir=${GYP}`, '--force-process-config'];
  const env = { ...process.env, CXX: process.env.CXX ?? tools.compiler };
  // node-gyp lets this variable win over its own argument.
  delete env.npm_config_nodedir;
  const run = await runNode(args, env);
  return run.exitCode === 0 ? { addon: GYP_ADDON } : { failure: { command: 'node-gyp', output: run.output } };
}

// --- the bundle ---

/** False when the TypeScript does not bundle. */
async function bundleIfStale() {
  // A published package brings its bundle and no sources.
  if (!isCheckout) return true;
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const sources = [join(ROOT, 'src')];
  const current = fingerprint(sources, scripts['build:js'], versionOf('esbuild'));
  // No start and no test reads the declarations: they are made at the installation alone.
  const wantsTypes = !flags.has('--if-stale');
  if (readStamp(DIST_STAMP) === current && (existsSync(TYPES) || !wantsTypes)) return true;
  if (!versionOf('esbuild')) {
    say('the development dependencies are not installed, so dist/ is not built: run "npm ci" without --omit=dev');
    return true;
  }
  const script = wantsTypes ? 'build' : 'build:js';
  const run = await runNpm(['run', '--silent', script]);
  if (run.exitCode !== 0) {
    say(`"npm run ${script}" failed:\n${lastLines(run.output, 40)}`);
    return false;
  }
  writeStamp(DIST_STAMP, current);
  return true;
}

// --- OpenVINO ---

/** Never fails: the CLI says itself why it could not fetch it. */
async function setUpOpenVino() {
  const cli = join(ROOT, 'run.js');
  if (!existsSync(cli) || !existsSync(join(DIST, 'cli.js'))) return;
  const { spawnSync } = await import('node:child_process');
  spawnSync(process.execPath, [cli, 'setup', '--if-missing'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
}

// --- running programs ---

function runNpm(args) {
  const npm = process.env.npm_execpath;
  return npm?.endsWith('.js') ? runNode([npm, ...args], process.env) : runProgram('npm', args, process.env);
}

function runNode(args, env) {
  return runProgram(process.execPath, args, env);
}

/** Keeps what a program says for the case that it fails. */
async function runProgram(program, args, env) {
  const { spawn } = await import('node:child_process');
  // binding.gyp asks a program named `node`, which need not be on PATH.
  const withNode = { ...env, PATH: [env.PATH, dirname(process.execPath)].filter(Boolean).join(delimiter) };
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, env: withNode, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      if (verbose) process.stderr.write(chunk);
      output = `${output}${chunk}`.slice(-100_000);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.once('error', (error) => resolve({ exitCode: 1, output: error.message }));
    child.once('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

function lastLines(text, count) {
  return text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
}

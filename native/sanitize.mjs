/**
 * Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer and runs its tests with it:
 *
 *   npm run test:sanitize                     the addon's, the file system's and the sandbox's tests
 *   npm run test:sanitize -- test/native/fs   these instead
 *
 * For Linux with g++ or clang++. Tests in which OpenVINO is to run out of memory cannot be among them: that ends the process here. Node itself is not built so: leaks are not looked for, and stacks end in it.
 */
import { spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCmakeJs, findProgram } from './toolchain.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT = join(ROOT, 'native', 'build', 'sanitize');
const TESTS = [
  'test/native/fs',
  'test/native/preview1',
  'test/native/thread',
  'test/conformance/conformance.test.ts',
  'test/wasi',
  'test/sandbox/escape.test.ts',
  'test/sandbox/race.test.ts',
  'test/native/openvino/arguments.test.ts',
  'test/native/openvino/tensors.test.ts',
  'test/native/openvino/meddled-files.test.ts',
  'test/native/openvino/sharing.test.ts',
  'test/native/openvino/describing.test.ts',
];

process.exitCode = main(process.argv.slice(2));

function main(tests) {
  const compiler = findProgram('g++') ?? findProgram('clang++');
  const cmakeJs = findCmakeJs();
  if (!compiler || !cmakeJs) {
    process.stderr.write('wasi-nn-host: g++ or clang++, CMake and `npm ci` are needed first\n');
    return 1;
  }
  // One directory for each: CMake keeps the compiler that it met first.
  const output = join(OUTPUT, basename(compiler));
  return build(cmakeJs, compiler, output) || run(compiler, output, tests.length > 0 ? tests : TESTS);
}

function build(cmakeJs, compiler, output) {
  const settings = ['--CDWASI_NN_HOST_SANITIZE=ON', `--CDCMAKE_CXX_COMPILER=${compiler}`];
  const options = [...settings, '--parallel', '2', '--log-level', 'error'];
  const args = [cmakeJs, 'compile', '--directory', join(ROOT, 'native'), '--out', output, ...options];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 2, 2] }).status ?? 1;
}

/**
 * The libraries that have to be loaded before Node, by the compiler that built the addon. The C++ library is one: what watches
 * exceptions looks for it when it starts, and Node has its own inside.
 */
function librariesOf(compiler) {
  const isGcc = !compiler.endsWith('clang++');
  const names = isGcc
    ? ['libasan.so', 'libubsan.so', 'libstdc++.so.6']
    : [`libclang_rt.asan-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so`, 'libstdc++.so.6'];
  return names.map((name) => spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim());
}

function run(compiler, output, tests) {
  const env = {
    ...process.env,
    WASI_NN_HOST_ADDON: join(output, 'Release', 'wasi_nn_host.node'),
    LD_PRELOAD: librariesOf(compiler).join(' '),
    // V8 handles SIGSEGV itself, for guests that leave their memory; Node does not free everything at its end.
    ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0:abort_on_error=1:detect_odr_violation=0',
    // Else OpenVINO's thread library opens others in a way that these libraries refuse.
    TBB_ENABLE_SANITIZERS: '1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    // The peer has nothing of ours in it, and does not start with these libraries.
    WASI_NN_HOST_TEST_WASMTIME: '/nowhere',
    CI: '',
    SANDBOX_SWAPS: process.env.SANDBOX_SWAPS ?? '3000',
  };
  delete env.WASI_NN_HOST_TEST_REPORT;
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--config', 'test/vitest.config.ts', '--testTimeout', '600000', ...tests];
  const { status, signal } = spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (signal) process.stderr.write(`wasi-nn-host: the tests ended by ${signal}\n`);
  return status ?? 1;
}

/**
 * What this machine has for building the addon, and words for what it lacks. Only looks at files: no program is run.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

/** The absolute path of a program, as a shell would find it. */
export function findProgram(name, env = process.env) {
  if (isAbsolute(name)) return isProgram(name) ? name : undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file) {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

export function findToolchain(env = process.env) {
  const firstOf = (...names) => names.map((name) => findProgram(name, env)).find(Boolean);
  // CXX may hold options too: `ccache g++`, `clang++ -stdlib=libc++`.
  const named = env.CXX?.trim().split(/\s+/)[0];
  return {
    /** What cmake-js looks for by itself. */
    knownCompiler: firstOf('g++', 'clang++'),
    compiler: named ? findProgram(named, env) : firstOf('g++', 'clang++', 'c++'),
    cmake: findProgram('cmake', env),
    ninja: findProgram('ninja', env),
    make: findProgram('make', env),
    python: firstOf('python3', 'python'),
    nodeGyp: findNodeGyp(env),
  };
}

/** node-gyp comes with npm; npm tells its scripts where. */
function findNodeGyp(env) {
  const npm = findProgram('npm', env);
  const places = [
    env.npm_config_node_gyp,
    env.npm_execpath && join(dirname(env.npm_execpath), '../node_modules/node-gyp/bin/node-gyp.js'),
    npm && join(dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js'),
    join(dirname(process.execPath), '../lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  return places.find((place) => place && statSync(place, { throwIfNoEntry: false })?.isFile());
}

/** The package cmake-js, wherever it was hoisted to. */
export function findCmakeJs() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return undefined;
  }
}

export function canUseCmake(tools) {
  return Boolean(tools.compiler && tools.cmake && (tools.ninja || tools.make));
}

export function canUseNodeGyp(tools) {
  return Boolean(tools.compiler && tools.nodeGyp && tools.make && tools.python);
}

/** What has to be installed before the addon can be built, or undefined when everything is there. */
export function whatIsMissing(tools, env = process.env) {
  if (canUseCmake(tools) || canUseNodeGyp(tools)) return undefined;
  const missing = [];
  if (!tools.compiler)
    missing.push(env.CXX ? `the C++ compiler that CXX names (${env.CXX})` : 'a C++17 compiler (g++ or clang++)');
  if (!tools.make && !tools.ninja) missing.push('make or ninja');
  if (!tools.cmake && !(tools.python && tools.nodeGyp)) missing.push('CMake');
  // Without make only CMake with ninja would do.
  if (missing.length === 0) missing.push(tools.cmake ? 'make' : 'CMake, or make');
  return missing.join(', ');
}

/** Every regular file under the given files and folders, in a fixed order; build output and hidden files left out. */
export function listFiles(paths) {
  return paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory()) return stat ? [path] : [];
    const names = readdirSync(path).filter(
      (name) => name !== 'build' && name !== 'node_modules' && !name.startsWith('.'),
    );
    return listFiles(names.sort().map((name) => join(path, name)));
  });
}

import { statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

export interface PythonAnswer {
  /** The `openvino` package's directory of libraries; absent where the package is not installed. */
  libraries?: string;
  /** Directories that change when a package is installed or removed. */
  watched: string[];
  /** Why Python gave no answer. */
  problem?: string;
}

/**
 * The first executable of that name on PATH. Relative entries are passed over: they would make a program of whatever
 * directory we are started in.
 */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const file = join(folder, name);
    if (isExecutable(file)) return file;
  }
  return undefined;
}

/** Asked of a dozen directories on many starts: `throwIfNoEntry` keeps a miss from costing an exception. */
function isExecutable(file: string): boolean {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

// The current directory leaves the module path before anything is imported, so that no file there is taken for a module.
// The package is looked for, not imported: importing it takes a second and runs its code.
const QUESTION = `
import sys
sys.path[:] = [p for p in sys.path if p not in ('', '.')]
import importlib.util, json, site
spec = importlib.util.find_spec('openvino')
places = list(spec.submodule_search_locations or []) if spec else []
user = site.getusersitepackages() if site.ENABLE_USER_SITE else None
print(json.dumps({'packages': places, 'watched': sys.path + ([user] if user else [])}))
`;

const ANSWER_TIMEOUT_MS = 20_000;

/** Runs `python` once and asks it for the package's directory. Takes 20 to 300 ms. */
export function askPython(python: string, env: NodeJS.ProcessEnv): PythonAnswer {
  // Loaded when needed: remembered starts never come here.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const run = spawnSync(python, ['-c', QUESTION], {
    env,
    encoding: 'utf8',
    timeout: ANSWER_TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.error) return { watched: [], problem: `cannot run: ${run.error.message}` };
  if (run.status !== 0) {
    const lastLine = run.stderr.trim().split('\n').at(-1) ?? '';
    return { watched: [], problem: `ended with ${run.signal ?? `exit code ${run.status}`}: ${lastLine}` };
  }
  return readAnswer(run.stdout);
}

function readAnswer(text: string): PythonAnswer {
  let answer: { packages?: unknown; watched?: unknown };
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    return { watched: [], problem: 'gave no readable answer' };
  }
  const watched = absolutePaths(answer.watched);
  const [folder] = absolutePaths(answer.packages);
  return folder === undefined ? { watched } : { watched, libraries: join(folder, 'libs') };
}

function absolutePaths(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string' && isAbsolute(item)) : [];
}

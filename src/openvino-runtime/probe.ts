import { execFile } from 'node:child_process';

export type Probe<Answer> = { usable: true; answer: Answer } | { usable: false; reason: string };

export interface RuntimeAnswer {
  version: string;
  build: string;
  devices: { name: string; fullName: string }[];
}

const ANSWER_TIMEOUT_MS = 60_000;

// Every probe is a process of its own: a library that crashes takes only that with it, and one process can open one
// OpenVINO only. `answer` writes past whatever the libraries print, and ends without waiting for their threads.
const PRELUDE = `
const [subject, library] = process.argv.slice(1);
const answer = (value) => {
  require('node:fs').writeSync(1, '\\n' + JSON.stringify(value) + '\\n');
  process.kill(process.pid, 'SIGKILL');
};
try {
`;
const POSTLUDE = `
} catch (error) {
  answer({ reason: String(error && error.message || error).split('\\n')[0] });
}
`;

const LOAD_ADDON = `
  const addon = require(subject);
  addon.initialize((code, message) => Object.assign(new Error(message), { code }));
`;

const OPEN_RUNTIME = `
  const { version, build } = addon.openvino.open(library);
  const fullName = (device) => {
    try { return addon.openvino.deviceProperty(device, 'FULL_DEVICE_NAME'); } catch { return ''; }
  };
  const devices = addon.openvino.availableDevices().map((name) => ({ name, fullName: fullName(name) }));
  answer({ answer: { version, build, devices } });
`;

const OPEN_OPENVINO_NODE = `
  const { addon } = require(subject);
  const build = addon.getOpenvinoVersion ? addon.getOpenvinoVersion().buildNumber : '';
  const devices = new addon.Core().getAvailableDevices().map((name) => ({ name, fullName: '' }));
  answer({ answer: { version: /^\\d+\\.\\d+\\.\\d+/.exec(build)?.[0] ?? '', build, devices } });
`;

/** Whether the native addon loads. */
export function probeAddon(addonPath: string, env: NodeJS.ProcessEnv): Promise<Probe<object>> {
  return probe(`${LOAD_ADDON} answer({ answer: {} });`, [addonPath], env);
}

/** Opens an OpenVINO with the native addon and asks for its version and devices. */
export function probeRuntime(
  addonPath: string,
  libraryPath: string,
  env: NodeJS.ProcessEnv,
): Promise<Probe<RuntimeAnswer>> {
  return probe(`${LOAD_ADDON}${OPEN_RUNTIME}`, [addonPath, libraryPath], env);
}

/** Loads the package openvino-node from its directory and asks it for its version and devices. */
export function probeOpenvinoNode(folder: string, env: NodeJS.ProcessEnv): Promise<Probe<RuntimeAnswer>> {
  return probe(OPEN_OPENVINO_NODE, [folder], env);
}

function probe<Answer>(script: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Probe<Answer>> {
  return new Promise((resolve) => {
    const options = { env, timeout: ANSWER_TIMEOUT_MS, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 } as const;
    execFile(process.execPath, ['-e', `${PRELUDE}${script}${POSTLUDE}`, ...args], options, (error, stdout, stderr) => {
      const said = readAnswer<Answer>(stdout);
      if (said?.answer) resolve({ usable: true, answer: said.answer });
      else resolve({ usable: false, reason: said?.reason ?? endOf(error, stderr) });
    });
  });
}

function readAnswer<Answer>(stdout: string): { answer?: Answer; reason?: string } | undefined {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { answer?: Answer; reason?: string };
  } catch {
    return undefined;
  }
}

/** What became of a process that gave no answer. */
function endOf(
  error: { signal?: NodeJS.Signals | null; killed?: boolean; code?: unknown } | null,
  stderr: string,
): string {
  if (error?.killed) return `gave no answer in ${ANSWER_TIMEOUT_MS / 1000} s`;
  if (error?.signal) return `crashed the process that tried it (${error.signal})`;
  return stderr.trim().split('\n').at(-1) || `ended the process that tried it (${String(error?.code)})`;
}

/** The example service as a user has it: copied, started as a process of its own, and ended by a signal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const FIXTURES = join(ROOT, 'fixtures');
export const SERVICE = join(ROOT, 'examples', 'service');

export interface LogLine {
  level: number;
  msg: string;
  [name: string]: unknown;
}

export interface RunningService {
  url: string;
  process: ChildProcess;
  log: readonly LogLine[];
  /** What it printed besides its log. */
  stderr: () => string;
  /** By SIGTERM, if it still runs. */
  end(): Promise<number | null>;
}

/**
 * @param folder an empty one
 * @param change of the service's own config.json, whose paths lead to the fixtures
 */
export async function startService(folder: string, change: (config: ServiceConfig) => void = () => {}) {
  cpSync(SERVICE, folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(ROOT, join(modules, 'wasi-nn-host'));
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  for (const name of Object.keys(dependencies).filter((one) => one !== 'wasi-nn-host')) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const file = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8').replaceAll('../../fixtures', FIXTURES)) as ServiceConfig;
  change(config);
  writeFileSync(file, JSON.stringify(config));
  return started(folder);
}

interface Manifest {
  dependencies: Record<string, string>;
}

export interface ServiceConfig {
  graphs: Record<string, object>;
  modules: Record<string, { path: string; preopens?: Record<string, string>; graphs?: string[]; limits?: object }>;
  limits: Record<string, number>;
}

async function started(folder: string): Promise<RunningService> {
  const child = spawn(process.execPath, ['server.js'], { cwd: folder, env: { ...process.env, PORT: '0' } });
  const log: LogLine[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = JSON.parse(line) as LogLine;
      log.push(entry);
      const [, address] = /listening at (\S+)/.exec(entry.msg) ?? [];
      if (address !== undefined) resolve(address);
    });
    exited.then((code) => reject(new Error(`the service ended with ${code}: ${stderr}`)));
  });
  const end = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { url, process: child, log, stderr: () => stderr, end };
}

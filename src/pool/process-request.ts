/** What of a request a child process can have as it is, what this process does in its place, and what is refused. */
import { fstatSync, readSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GuestPlan } from '../engine/guest-plan.ts';
import type { NnPlan } from '../engine/nn-support.ts';
import { invalidOption } from '../options.ts';
import type { GuestInput } from '../stdio/guest-streams.ts';
import { StreamReader } from '../stdio/stream-source.ts';
import type { WorkerRequest } from '../worker/worker-services.ts';

type Output = WorkerRequest['stdio']['stdout'];
type Preopen = GuestPlan['preopens'][number];

const CHUNK_BYTES = 64 * 1024;

/** A child is started with these three. */
const LAST_INHERITED_FD = 2;

/**
 * Descriptors beyond the standard ones do not pass: this process reads and writes them where they are files, which never
 * make it wait. Paths are made absolute, since the working directory may have changed after the child began.
 * @param processes among how many what may be kept is divided
 * @throws OptionError for sockets, and descriptors that are no files
 */
export function processRequest(request: WorkerRequest, processes: number): WorkerRequest {
  const { plan, nn, stdio } = request;
  return {
    ...request,
    plan: { ...plan, preopens: plan.preopens.map(preopenHere) },
    nn: nn && nnHere(nn, processes),
    stdio: {
      stdin: inputHere(stdio.stdin),
      stdout: outputHere('stdout', stdio.stdout),
      stderr: outputHere('stderr', stdio.stderr),
    },
  };
}

function preopenHere(preopen: Preopen, index: number): Preopen {
  if (preopen.kind === 'host') return { ...preopen, hostPath: resolve(preopen.hostPath) };
  if (preopen.kind !== 'socket') return preopen;
  throw invalidOption(`preopens[${index}].socketFd`, 'none: a child process cannot be given sockets', preopen.fd);
}

function nnHere({ graphs, granted, openvinoDir, env, maxModelBytes, ...plan }: NnPlan, processes: number): NnPlan {
  return {
    ...plan,
    // Together they keep no more than this process would.
    ...(maxModelBytes !== undefined && { maxModelBytes: Math.floor(maxModelBytes / processes) }),
    ...(graphs && { graphs: graphs.map((graph) => ({ ...graph, directory: resolve(graph.directory) })) }),
    ...(granted && { granted }),
    ...(openvinoDir !== undefined && { openvinoDir: resolve(openvinoDir) }),
    // The environment of a process is no plain object.
    ...(env && { env: { ...env } }),
  };
}

function inputHere(input: GuestInput): GuestInput {
  if (input.kind !== 'fd' || input.fd <= LAST_INHERITED_FD) return input;
  requireFile('stdin', input.fd);
  return { kind: 'stream', reader: new StreamReader(chunksOf(input.fd)) };
}

/** Read at once: a read that is under way when the guest is ended would meet whatever has the number after. */
async function* chunksOf(fd: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const byteLength = readSync(fd, chunk);
    if (byteLength === 0) return;
    yield chunk.subarray(0, byteLength);
  }
}

function outputHere(name: string, output: Output): Output {
  if (output.kind !== 'fd' || output.fd <= LAST_INHERITED_FD) return output;
  const { fd } = output;
  requireFile(name, fd);
  return { kind: 'write', write: (bytes) => writeAll(fd, bytes) };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(fd, bytes, done);
}

function requireFile(name: string, fd: number): void {
  if (isFile(fd)) return;
  const expected = 'a file, a stream, or descriptor 0, 1 or 2: a child process cannot be given others';
  throw invalidOption(`${name}.fd`, expected, fd);
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

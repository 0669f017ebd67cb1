/** The standard streams of one run as the embedder asked for them. */
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HostError } from '../errors.ts';
import type { InputSource, OutputSink } from '../wasi/index.ts';
import { Capture } from './capture.ts';
import type { HostSink, HostSource, StdioOptions } from './contract.ts';
import { type ByteSink, isByteSink, openSink, type StreamWriter } from './stream-sink.ts';
import { isByteStream, StreamReader } from './stream-source.ts';

const DEFAULT_CAPTURE_BYTES = 64 * 2 ** 20;

/** Standard input, which only a guest in a thread of its own can wait for where it is a stream. */
export type GuestInput = InputSource | { kind: 'stream'; reader: StreamReader };

/** Where one output goes, and what came of it. */
interface Output {
  readonly sink: OutputSink;
  /** Whether what it writes to may make the guest wait for this thread. */
  readonly isStream: boolean;
  /** What was written to it. */
  readonly byteLength?: number;
  readonly captured?: Buffer;
  readonly truncated?: boolean;
  /** Begins to capture anew. */
  forget?(): void;
  /** What went wrong on the embedder's side, as `run` throws it. */
  readonly failure?: { error: unknown } | undefined;
  /** Waits until everything has left this thread. */
  flush?(): Promise<void>;
  release?(): void;
}

/** What outputs had that were to be captured. */
export interface CapturedStreams {
  stdout: Buffer | undefined;
  stderr: Buffer | undefined;
  /** Whether one of them had more than it may keep. */
  truncated: boolean;
}

export class GuestStreams {
  readonly stdin: GuestInput;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #files: readonly FileHandle[];

  private constructor(stdin: GuestInput, stdout: Output, stderr: Output, files: readonly FileHandle[]) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#files = files;
  }

  /** Opens the files and takes the streams. @throws HostError ERR_STDIO for one that it cannot have; none is kept then */
  static async open({ stdin, stdout, stderr, maxCaptureBytes }: StdioOptions): Promise<GuestStreams> {
    const files = new Files();
    let out: Output | undefined;
    try {
      const input = await openInput(stdin, files);
      out = await openOutput('stdout', 1, stdout, maxCaptureBytes, files);
      const err = await openOutput('stderr', 2, stderr, maxCaptureBytes, files);
      return new GuestStreams(input, out, err, files.handles);
    } catch (error) {
      out?.release?.();
      await files.close();
      throw error;
    }
  }

  /** Whether this thread has to be free while the guest runs. */
  get needThread(): boolean {
    return this.stdin.kind === 'stream' || this.stdout.isStream || this.stderr.isStream;
  }

  /** Waits until the embedder's streams and functions are done with everything; what fails is kept as their failure. */
  async flush(): Promise<void> {
    await Promise.all([this.stdout.flush?.(), this.stderr.flush?.()]);
  }

  /**
   * Lets go of the embedder's streams and closes our files.
   * @param gone settles when the guest can touch no file any more, where it was left behind: nobody waits for it, but the
   *   files stay open until then, since their numbers would soon be those of others
   */
  async release(gone?: Promise<void>): Promise<void> {
    if (this.stdin.kind === 'stream') this.stdin.reader.release();
    this.stdout.release?.();
    this.stderr.release?.();
    if (gone === undefined) await closeAll(this.#files);
    else void gone.then(() => closeAll(this.#files));
  }

  /** What came of both outputs here: nothing of those that the guest writes to itself, files and descriptors. */
  get outputBytes(): number {
    return (this.stdout.byteLength ?? 0) + (this.stderr.byteLength ?? 0);
  }

  /** What was captured since the last time. The buffers are the caller's. */
  takeCaptured(): CapturedStreams {
    const { captured } = this;
    for (const output of [this.stdout, this.stderr]) output.forget?.();
    return captured;
  }

  /** What was captured until now. */
  get captured(): CapturedStreams {
    const { stdout, stderr } = this;
    const truncated = (stdout.truncated || stderr.truncated) ?? false;
    return { stdout: stdout.captured, stderr: stderr.captured, truncated };
  }

  /** What the embedder's side failed with, to be thrown by `run`. */
  get failure(): { error: unknown } | undefined {
    const read = this.stdin.kind === 'stream' ? this.stdin.reader.failure : undefined;
    const input = read && { error: streamError('stdin', read.error) };
    return input ?? this.stdout.failure ?? this.stderr.failure;
  }
}

function streamError(name: string, error: unknown): HostError {
  const reason = error instanceof Error ? error.message : typeof error;
  return new HostError('ERR_STDIO', `${name}: the stream failed: ${reason}`, { cause: error });
}

/** Files that were opened for one run; one that is named twice is opened once, so that both streams share its position. */
class Files {
  readonly handles: FileHandle[] = [];
  readonly #known = new Map<string, FileHandle>();

  async open(name: string, file: string | URL, flags: 'r' | 'w' | 'a'): Promise<number> {
    const path = resolve(file instanceof URL ? fileURLToPath(file) : file);
    const key = `${flags} ${path}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known.fd;
    try {
      const handle = await open(path, flags);
      this.handles.push(handle);
      this.#known.set(key, handle);
      return handle.fd;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new HostError('ERR_STDIO', `${name}: cannot open the file: ${reason}`, { cause: error });
    }
  }

  close(): Promise<void> {
    return closeAll(this.handles);
  }
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}

async function openInput(source: HostSource = 'null', files: Files): Promise<GuestInput> {
  if (source === 'null') return { kind: 'null' };
  if (source === 'inherit') return { kind: 'fd', fd: 0 };
  if (source instanceof Uint8Array) return { kind: 'bytes', bytes: source };
  if (isByteStream(source)) return { kind: 'stream', reader: new StreamReader(source) };
  if ('text' in source) return { kind: 'bytes', bytes: new TextEncoder().encode(source.text) };
  if ('file' in source) return { kind: 'fd', fd: await files.open('stdin', source.file, 'r') };
  return typeof source.fd === 'number' ? { kind: 'fd', fd: source.fd } : { kind: 'shim', fd: source.fd };
}

async function openOutput(
  name: string,
  fd: number,
  to: HostSink = 'capture',
  maxCaptureBytes: number = DEFAULT_CAPTURE_BYTES,
  files: Files,
): Promise<Output> {
  const plain = (sink: OutputSink) => ({ sink, isStream: false });
  if (to === 'null') return plain({ kind: 'null' });
  if (to === 'inherit') return plain({ kind: 'fd', fd });
  if (to === 'capture') return new CapturedOutput(maxCaptureBytes);
  if (typeof to === 'function') return new FunctionOutput(to);
  if (isByteSink(to)) return new StreamOutput(name, takeSink(name, to));
  if ('file' in to) return plain({ kind: 'fd', fd: await files.open(name, to.file, to.append ? 'a' : 'w') });
  return plain(typeof to.fd === 'number' ? { kind: 'fd', fd: to.fd } : { kind: 'shim', fd: to.fd });
}

/** @throws HostError ERR_STDIO for a stream that somebody else writes to */
function takeSink(name: string, stream: ByteSink): StreamWriter {
  try {
    return openSink(stream);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new HostError('ERR_STDIO', `${name}: the stream cannot be written to: ${reason}`, { cause: error });
  }
}

class CapturedOutput implements Output {
  readonly isStream = false;
  readonly sink: OutputSink = { kind: 'write', write: (bytes) => this.#take(bytes), isForTheEnd: true };
  readonly #capture: Capture;
  byteLength = 0;

  constructor(maxBytes: number) {
    this.#capture = new Capture(maxBytes);
  }

  #take(bytes: Uint8Array): void {
    this.byteLength += bytes.byteLength;
    this.#capture.take(bytes);
  }

  get captured(): Buffer {
    return this.#capture.captured;
  }

  get truncated(): boolean {
    return this.#capture.isTruncated;
  }

  forget(): void {
    this.#capture.forget();
  }
}

class FunctionOutput implements Output {
  readonly isStream = false;
  readonly sink: OutputSink = { kind: 'write', write: (bytes) => this.#take(bytes) };
  readonly #to: (bytes: Uint8Array) => unknown;
  /** What an asynchronous function is not done with. */
  readonly #underway = new Set<Promise<void>>();
  failure: { error: unknown } | undefined;
  byteLength = 0;

  constructor(to: (bytes: Uint8Array) => unknown) {
    this.#to = to;
  }

  /** @throws what the function threw, every time: it gets nothing after. */
  #take(bytes: Uint8Array): Promise<void> | undefined {
    if (this.failure !== undefined) throw this.failure.error;
    this.byteLength += bytes.byteLength;
    try {
      const taking = this.#to(bytes);
      return isThenable(taking) ? this.#watch(taking) : undefined;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Who waits for it hears of a failure; where nobody does, `run` tells it. */
  #watch(taking: PromiseLike<unknown>): Promise<void> {
    const taken = Promise.resolve(taking).then(
      () => {},
      (error) => this.#fail(error),
    );
    this.#underway.add(taken);
    const done = () => this.#underway.delete(taken);
    taken.then(done, done);
    return taken;
  }

  #fail(error: unknown): never {
    this.failure ??= { error };
    throw error;
  }

  async flush(): Promise<void> {
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

class StreamOutput implements Output {
  readonly isStream = true;
  readonly sink: OutputSink = { kind: 'write', write: (bytes) => this.#write(bytes) };
  readonly #name: string;
  readonly #writer: StreamWriter;
  failure: { error: unknown } | undefined;
  byteLength = 0;

  constructor(name: string, writer: StreamWriter) {
    this.#name = name;
    this.#writer = writer;
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    this.byteLength += bytes.byteLength;
    try {
      return this.#writer.write(bytes)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    this.failure ??= { error: streamError(this.#name, error) };
    throw error;
  }

  async flush(): Promise<void> {
    try {
      await this.#writer.flush();
    } catch (error) {
      this.failure ??= { error: streamError(this.#name, error) };
    }
  }

  release(): void {
    this.#writer.release();
  }
}

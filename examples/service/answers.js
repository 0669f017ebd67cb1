/** What clients are told, and what the log is. */
import { isUtf8 } from 'node:buffer';
import { HostError } from 'wasi-nn-host';

/** For errors of the host that a client or a guest has brought about; all else is the service's own fault. */
const STATUS = {
  ERR_GUEST_TIMEOUT: 504,
  ERR_GUEST_ABORTED: 503,
  ERR_POOL_QUEUE_FULL: 503,
  ERR_POOL_QUEUE_TIMEOUT: 503,
  ERR_POOL_CLOSED: 503,
  ERR_GUEST_TRAP: 422,
  ERR_GUEST_EXCEPTION: 422,
  ERR_GUEST_OUTPUT_LIMIT: 422,
  ERR_GUEST_HEAP_LIMIT: 422,
};

/** Logs an error and answers it: with its stack where it is the service's own fault, and in a line where it was to be expected. */
export function answerError(error, request, reply) {
  const known = error instanceof HostError ? STATUS[error.code] : error.statusCode;
  const status = known ?? 500;
  const told = { code: error.code, reason: error.message, usage: error.usage && shownUsage(error.usage) };
  if (known === undefined && status === 500) request.log.error({ err: error }, 'a request failed');
  else if (status >= 500) request.log.warn(told, 'a request could not be served');
  else request.log.info(told, 'a request was refused');
  if (status === 503) reply.header('retry-after', '1');
  const printed = error.stdout && { ...shownOutput('stdout', error.stdout), ...shownOutput('stderr', error.stderr) };
  return reply.code(status).send({ error: error.message, code: error.code, ...printed });
}

/**
 * A guest's output for JSON: `{ stdout: text }`, or `{ stdoutBase64 }` where it is no text, or one that escapes would more
 * than double. So an answer takes at most twice the bytes of the output.
 */
export function shownOutput(name, bytes = Buffer.alloc(0)) {
  const text = isUtf8(bytes) ? String(bytes) : undefined;
  const isShort = text !== undefined && Buffer.byteLength(JSON.stringify(text)) <= 2 * bytes.length + 2;
  return isShort ? { [name]: text } : { [`${name}Base64`]: Buffer.from(bytes).toString('base64') };
}

/** What is logged and told of a run: no single calls, of which there may be thousands. */
export function shownUsage({ mode, wallMs, queueMs, cpuMs, peakMemoryBytes, phases }) {
  return { mode, wallMs, queueMs, cpuMs, peakMemoryBytes, computeMs: phases.compute?.wallMs };
}

/** How the bytes of a tensor are read. */
const VALUES = {
  f32: Float32Array,
  f64: Float64Array,
  u8: Uint8Array,
  i8: Int8Array,
  i32: Int32Array,
  i64: BigInt64Array,
};

/** Why /classify cannot serve a graph, or undefined when it can: the guest sends one tensor and prints one. */
export function whyNotClassified({ inputs, outputs }) {
  const [input] = inputs;
  if (inputs.length !== 1) return `it takes ${inputs.length} inputs, not one`;
  if (!['f32', 'u8'].includes(input.elementType)) return `its input is ${input.elementType}, not f32 or u8`;
  if (!input.shape?.every((length) => length > 0)) return 'the shape of its input is not fixed';
  const { elementType } = outputs[0];
  return elementType in VALUES ? undefined : `its output is ${elementType}, which is not read here`;
}

/** The five largest values of the output with their labels. */
export function likeliest(bytes, { outputs, labels = [] }) {
  const values = new VALUES[outputs[0].elementType](Uint8Array.from(bytes).buffer);
  return Array.from(values, (score, index) => ({ index, label: labels[index] ?? String(index), score: Number(score) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5);
}

/**
 * What becomes of the event loop when thousands of guests are under way on one thread?
 *
 *     node bench/questions/in-flight.mjs [--guests N] [--mode MODE] [--hold] [--json FILE]
 *
 * Every guest is classify.wasm, which reads its model, has it loaded and classifies a digit of its own. `--hold` keeps each in
 * its first write until the last has begun, so that all are suspended at once. Ends with 1 where an answer is wrong. Modes are
 * the library's; `suspending` needs a Node with JSPI (24.21 and later).
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, machineText } from '../report.mjs';

const ROOT = new URL('../../', import.meta.url);
const GUEST = fileURLToPath(new URL('fixtures/classify.wasm', ROOT));
const DIGITS = fileURLToPath(new URL('fixtures/digits', ROOT));
const MEBIBYTE = 2 ** 20;

function parseOptions() {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '2000' },
      mode: { type: 'string', default: 'suspending' },
      hold: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  if (!/^[1-9]\d{0,5}$/.test(values.guests)) {
    throw new Error(`--guests: expected a positive integer, received ${values.guests}`);
  }
  return { ...values, guests: Number(values.guests) };
}

const residentMebibytes = () => process.memoryUsage.rss() / MEBIBYTE;

/** Opens once so many have come. @param {number} guests */
function barrier(guests) {
  let open = () => {};
  const opened = new Promise((resolve) => {
    open = () => resolve(undefined);
  });
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === guests) open();
    return opened;
  };
}

/** Counts who is under way, and looks at memory while they are. */
class Watch {
  #inFlight = 0;
  mostInFlight = 0;
  mostResident = 0;
  right = 0;

  begin() {
    this.#inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
  }

  /** @param {boolean} isRight */
  end(isRight) {
    this.#inFlight -= 1;
    if (isRight) this.right += 1;
  }

  sample() {
    this.mostResident = Math.max(this.mostResident, residentMebibytes());
  }
}

/** @param {ReturnType<typeof parseOptions>} options */
async function ask({ guests, mode, hold }) {
  // Not a name that is known when types are checked: there may be no build yet.
  const { Host } = await import(new URL('dist/index.mjs', ROOT).href);
  const host = new Host();
  const module = await host.compile(GUEST);
  const digits = readdirSync(`${DIGITS}/tensors`).map((name) => name.replace('.f32', ''));
  const watch = new Watch();
  /** @param {number} index @param {(() => Promise<unknown>) | undefined} wait */
  const classify = async (index, wait) => {
    const digit = digits[index % digits.length];
    /** @type {Uint8Array[]} */
    const output = [];
    let hasBegun = false;
    /** @param {Uint8Array} bytes */
    const stdout = (bytes) => {
      output.push(bytes);
      if (hasBegun) return undefined;
      hasBegun = true;
      watch.begin();
      return wait?.();
    };
    const { exitCode } = await host.run(module, {
      mode,
      args: ['fixture', `tensors/${digit}.f32`],
      preopens: [{ hostPath: DIGITS, guestPath: 'fixture', readOnly: true }],
      stdout,
    });
    watch.end(exitCode === 0 && Buffer.concat(output).includes(`[InferenceResult(${digit}, `));
  };
  // The runtime is opened and the code compiled by a few that are not counted.
  for (let index = 0; index < 20; index++) await classify(index, undefined);
  watch.right = 0;
  const wait = hold ? barrier(guests) : undefined;
  const residentBefore = residentMebibytes();
  const sampling = setInterval(() => watch.sample(), 20);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: guests }, (_, index) => classify(index, wait)));
  const wallMs = performance.now() - startMs;
  delay.disable();
  clearInterval(sampling);
  await host[Symbol.asyncDispose]?.();
  return {
    guests,
    right: watch.right,
    mostInFlight: watch.mostInFlight,
    wallMs,
    guestsPerSecond: (guests / wallMs) * 1e3,
    delayMs: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, most: delay.max / 1e6 },
    residentMebibytes: { before: residentBefore, most: watch.mostResident, after: residentMebibytes() },
    kibibytesPerGuestInFlight: ((watch.mostResident - residentBefore) * 1024) / watch.mostInFlight,
  };
}

const options = parseOptions();
const machine = describeMachine({ Node: process.versions.node, V8: process.versions.v8, mode: options.mode });
process.stdout.write(machineText(machine));
const answer = await ask(options);
process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, answer }, null, 2)}\n`);
if (answer.right !== options.guests) process.exitCode = 1;

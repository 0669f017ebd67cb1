/** How long does one inference take in a guest that stays: set_input, compute and get_output, timed by the guest? */
import { fileURLToPath } from 'node:url';
import { meanOf, quantileOf } from '../statistics.mjs';

const GUEST = fileURLToPath(new URL('../guests/inference-loop.wasm', import.meta.url));
const WARM_UP = 50;

/** @type {import('../measure.mjs').Question} */
export const inGuestInference = {
  name: 'in-guest-inference',
  text: 'set_input, compute and get_output in a loop, timed by the guest: inference-loop.wasm',
  values: { mean: 'mean of a turn, µs', median: 'median of a turn, µs' },
  guestArgs: (model, settings) => [
    ...['-S', 'nn', '--dir', `${model.directory}::fixture`, GUEST],
    ...['fixture', model.input, model.dimensions, String(model.outputBytes), String(WARM_UP), String(settings.turns)],
  ],
  read(run, settings) {
    const line = run.stderr.split('\n').find((text) => text.startsWith('turn_ns '));
    const turnUs = (line ?? '')
      .split(' ')
      .slice(1)
      .map((text) => Number(text) / 1e3);
    if (turnUs.length !== settings.turns) throw new Error(`expected ${settings.turns} times, got ${turnUs.length}`);
    return { mean: meanOf(turnUs), median: quantileOf(turnUs, 0.5) };
  },
};

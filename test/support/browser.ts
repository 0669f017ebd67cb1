import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { Requirement } from './requirements.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function findChromium(): string {
  const given = process.env.WASI_NN_HOST_TEST_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = given === undefined ? folders.flatMap((folder) => NAMES.map((name) => join(folder, name))) : [given];
  return places.find(isExecutable) ?? '';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const path = findChromium();

/** A browser that is installed; none is fetched. */
export const browserIsHere: Requirement = {
  met: path !== '',
  reason: 'there is no Chromium on the PATH, nor by WASI_NN_HOST_TEST_CHROMIUM',
};

export function openBrowser(): Promise<Browser> {
  // Its own sandbox needs user namespaces, which a container may not have.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}

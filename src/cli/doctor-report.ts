import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addonPlaces, howToBuild, packageRoot, whyNotBuilt } from '../native/addon.ts';
import { cacheRoot, cacheRootProblem } from '../openvino-runtime/cache-dir.ts';
import { type SearchedPlace, searchPlaces } from '../openvino-runtime/index.ts';
import { findOpenvinoNode } from '../openvino-runtime/places.ts';
import {
  type Probe,
  probeAddon,
  probeOpenvinoNode,
  probeRuntime,
  type RuntimeAnswer,
} from '../openvino-runtime/probe.ts';
import { glibcVersion } from '../openvino-runtime/wheel.ts';

/** What `doctor --json` prints. */
export interface DoctorReport {
  version: string;
  node: string;
  v8: string;
  platform: string;
  /** Absent on macOS and with another C library. */
  glibc?: string;
  addon: AddonReport;
  places: PlaceReport[];
  openvinoNode: { folder?: string; runtime?: Probe<RuntimeAnswer>; reason?: string };
  /** Which backend `--backend auto` takes, and why. */
  backend: { name?: 'native' | 'openvino-node'; reason: string };
  cache: { folder?: string; bytes: number; problem?: string };
  /** Whether a guest can run inference here. */
  ready: boolean;
  /** What to do when not. */
  advice?: string;
}

export interface AddonReport {
  usable: boolean;
  path?: string;
  reason?: string;
}

export interface PlaceReport {
  place: string;
  detail: string;
  libraryPath?: string;
  version?: string;
  /** What came of really opening it; absent where nothing was found or the addon is missing. */
  runtime?: Probe<RuntimeAnswer>;
  /** The one that guests are run with. */
  chosen: boolean;
}

export interface DoctorOptions {
  env: NodeJS.ProcessEnv;
  /** A directory or library that the user named. */
  explicit?: string | undefined;
}

/** Looks at everything, opens every OpenVINO that is found, each in a process of its own. */
export async function examine({ env, explicit }: DoctorOptions): Promise<DoctorReport> {
  const glibc = glibcVersion();
  const addon = await examineAddon(env);
  const searched = searchPlaces({ env, explicit });
  const chosen = searched.find((place) => place.found);
  const places: PlaceReport[] = [];
  for (const place of searched) places.push(await examinePlace(place, place === chosen, addon, env));
  const openvinoNode = await examineOpenvinoNode(env);
  const backend = chooseBackend(addon, places, openvinoNode);
  return {
    version: packageVersion(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform}-${process.arch}`,
    ...(glibc !== undefined && { glibc }),
    addon,
    places,
    openvinoNode,
    backend,
    cache: examineCache(env),
    ready: backend.name !== undefined,
    ...(backend.name === undefined && { advice: adviceFor(addon, places) }),
  };
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

async function examineAddon(env: NodeJS.ProcessEnv): Promise<AddonReport> {
  const places = addonPlaces();
  let reason = `not built: ${whyNotBuilt()}`;
  for (const path of places.filter((place) => existsSync(place))) {
    const probe = await probeAddon(path, env);
    if (probe.usable) return { usable: true, path };
    reason = `not loaded from ${path}, and "${howToBuild()}" builds it anew: ${probe.reason}`;
  }
  return { usable: false, reason };
}

async function examinePlace(
  { place, detail, found }: SearchedPlace,
  chosen: boolean,
  addon: AddonReport,
  env: NodeJS.ProcessEnv,
): Promise<PlaceReport> {
  if (!found) return { place, detail, chosen };
  const { libraryPath, version } = found;
  const report = { place, detail, libraryPath, ...(version !== undefined && { version }), chosen };
  return addon.path ? { ...report, runtime: await probeRuntime(addon.path, libraryPath, env) } : report;
}

const NO_OPENVINO_NODE =
  'not installed; it is optional: "npm install openvino-node" adds it, by a script that fetches a runtime of its own';

async function examineOpenvinoNode(env: NodeJS.ProcessEnv): Promise<DoctorReport['openvinoNode']> {
  const folder = findOpenvinoNode();
  if (folder === undefined) return { reason: NO_OPENVINO_NODE };
  return { folder, runtime: await probeOpenvinoNode(folder, env) };
}

function chooseBackend(
  addon: AddonReport,
  places: readonly PlaceReport[],
  { runtime }: DoctorReport['openvinoNode'],
): DoctorReport['backend'] {
  const native = whyNotNative(addon, places);
  if (native === undefined) return { name: 'native', reason: 'the addon loads and OpenVINO opens' };
  if (runtime?.usable) return { name: 'openvino-node', reason: `native is not usable: ${native}` };
  const other = runtime ? `openvino-node: ${runtime.reason}` : 'openvino-node is not installed';
  return { reason: `native: ${native}; ${other}` };
}

function whyNotNative(addon: AddonReport, places: readonly PlaceReport[]): string | undefined {
  if (!addon.usable) return 'the addon is not available';
  const chosen = places.find((place) => place.chosen);
  if (!chosen?.runtime) return 'no OpenVINO was found';
  return chosen.runtime.usable ? undefined : `OpenVINO does not open: ${chosen.runtime.reason}`;
}

function adviceFor(addon: AddonReport, places: readonly PlaceReport[]): string {
  if (!addon.usable) return `the native addon is ${addon.reason}`;
  const chosen = places.find((place) => place.chosen);
  if (!chosen)
    return 'run "wasi-nn-host setup" ("node run.js setup" in a checkout), or set OPENVINO_DIR to where OpenVINO is';
  const other = places.find((place) => place.runtime?.usable);
  return other
    ? `the OpenVINO of the place "${chosen.place}" does not open and comes first: mend it, or set OPENVINO_DIR to ${other.libraryPath}`
    : `the OpenVINO of the place "${chosen.place}" does not open: mend it, or run "wasi-nn-host setup --force" and set OPENVINO_DIR to what it fetched`;
}

function examineCache(env: NodeJS.ProcessEnv): DoctorReport['cache'] {
  const folder = cacheRoot(env);
  if (folder === undefined) return { bytes: 0, problem: 'you have no home directory' };
  const problem = cacheRootProblem(folder);
  return problem === undefined ? { folder, bytes: bytesUnder(folder) } : { folder, bytes: 0, problem };
}

function bytesUnder(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
